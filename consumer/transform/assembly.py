"""Puts the transforms of a process together from settings, and takes them apart again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from common.commits.groups import transform_group
from common.kafka_io.clients import MAX_REQUEST_BYTES, Clients
from common.kafka_io.group import Group
from common.kafka_io.transactions import Transactions, connect_transactions
from common.kafka_io.writer import BATCH_BYTES
from common.model.headers import headers_of
from common.model.stream import Stream
from common.process.clock import Clock
from common.process.health import Health
from common.settings.config import Settings
from consumer.member.joining import joined, parking_of
from consumer.member.loop import Loop
from consumer.metrics import TransformMetrics
from consumer.transform.newest import NewestOutputs
from consumer.transform.opening import Opening
from consumer.transform.outbox import Outbox
from consumer.transform.place import Named
from consumer.transform.role import TransformRole
from consumer.transform.waiting import Limits

TRANSACTION_BYTES = 16 << 20


class Assembled(NamedTuple):
    """Transforms that are ready to run, and their parts."""

    loop: Loop
    group: Group
    role: TransformRole
    transactions: Transactions


@contextmanager
def assembled(
    settings: Settings,
    streams: Iterable[Stream],
    health: Health,
    metrics: TransformMetrics,
    instance: str,
    clock: Clock,
) -> Iterator[Assembled]:
    """The transforms of streams in one process; the group is being joined. Closes it all at the end."""
    transforms = named_transforms(streams)
    clients = Clients(settings.kafka, clock.now_s, clock.sleep, instance)
    name = transform_group(settings)
    with ExitStack() as resources:
        transactions = _transactions(settings, instance)
        resources.callback(transactions.throw_away)
        group = joined(settings, clients, name, list(transforms), clock)
        resources.callback(group.close)
        opening = Opening(
            group,
            transforms,
            NewestOutputs(group, clients.range_reader).sources,
            clock.now_s,
            group_name=name,
            most_bytes=settings.topics.max_message_bytes,
        )
        outbox = Outbox(transactions, clock.unix_s)
        role = TransformRole(
            group, opening, transactions, outbox, metrics, _limits(settings), name, clock.now_s
        )
        parking = parking_of(settings, health, metrics, clock)
        loop = Loop(group, role, parking, health, metrics, clock, memory_bytes=TRANSACTION_BYTES)
        yield Assembled(loop, group, role, transactions)


def named_transforms(streams: Iterable[Stream]) -> dict[str, Named]:
    """Source topic → its transform."""
    return {
        transform.source: Named(transform, f"{stream.name}.{transform.name}", headers_of(stream))
        for stream in streams
        for transform in stream.transforms
    }


def _transactions(settings: Settings, instance: str) -> Transactions:
    return connect_transactions(
        settings.kafka,
        f"penstock-{instance}",
        max_message_bytes=MAX_REQUEST_BYTES,
        batch_bytes=min(BATCH_BYTES, settings.topics.max_message_bytes),
    )


def _limits(settings: Settings) -> Limits:
    transform = settings.transform
    return Limits(
        age_s=transform.transaction_age_s,
        messages=transform.transaction_messages,
        payload_bytes=TRANSACTION_BYTES,
        bad_messages=settings.sink.dead_letter_limit,
    )
