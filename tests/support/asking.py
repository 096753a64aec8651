"""Questions to brokers that may answer later."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from kafka.errors import KafkaError

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
