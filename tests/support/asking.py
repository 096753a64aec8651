"""Questions to brokers that may answer later."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from infra.local.waiting import wait_until

Answer = TypeVar("Answer")


def asked(question: Callable[[], Answer], renew: Callable[[], object]) -> Answer:
    """The answer, asked anew while brokers say that it may come later.

    `renew` is called before each time but the first.
    """
    answers: list[Answer] = []

    def ask() -> bool:
        try:
            answers.append(question())
        except KafkaError as error:
            if not error.retriable:
                raise
            renew()
        return bool(answers)

    assert wait_until(ask, 30)
    return answers[0]


def delete_records(admin: KafkaAdminClient, topic: str, partition: int, before: int) -> None:
    """Delete the records below an offset, as retention would, on every replica.

    A leader answers "timed out" while a follower lags; what it was asked is done, so it may be asked again.
    """
    below = {TopicPartition(topic, partition): before}
    asked(lambda: admin.delete_records(below, timeout_ms=5_000), lambda: None)
