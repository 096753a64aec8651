"""Joins the group of a role, and keeps its list of parked topics: the same for every member."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from common.kafka_io.clients import Clients
from common.kafka_io.group import Group
from common.process.clock import Clock
from common.process.health import Health
from common.settings.config import Settings
from consumer.member.parking import Parking
from consumer.member.patience import patiently
from consumer.metrics import MemberMetrics

ANSWER_MARGIN_S = 1.0
"""A commit is given up this long after the client itself has given up its request."""


def joined(settings: Settings, clients: Clients, name: str, topics: Sequence[str], clock: Clock) -> Group:
    """A member of the group `name`, subscribed to the topics. Raises KafkaUnavailable, after a while."""
    join = partial(
        Group,
        partial(clients.consumer, name),
        topics,
        now_s=clock.now_s,
        sleep=clock.sleep,
        commit_timeout_s=settings.kafka.request_timeout_s + ANSWER_MARGIN_S,
    )
    return patiently(join, settings.kafka.connect_timeout_s, clock)


def parking_of(settings: Settings, health: Health, metrics: MemberMetrics, clock: Clock) -> Parking:
    """The list of topics that cannot go on, each tried again every PARK_RETRY_S."""
    retry_s = settings.sink.park_retry_s
    return Parking(health, metrics, retry_every_s=retry_s, now_s=clock.now_s, unix_s=clock.unix_s)
