"""Which right the brokers found missing. Pure but for kafka's error classes."""

from __future__ import annotations

from kafka.errors import (
    AuthorizationError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailedError,
)

from common.errors import KafkaDenied

NEEDED: dict[type[KafkaError], str] = {
    TopicAuthorizationFailedError: "on the topic (to read: READ, to write: WRITE; both bring DESCRIBE)",
    GroupAuthorizationFailedError: "on the consumer group (READ; to look at it: DESCRIBE)",
    ClusterAuthorizationFailedError: "on the cluster, or on the topic",
    TransactionalIdAuthorizationFailedError: "on the transactional id (WRITE)",
}


def denied(error: BaseException | None, where: str) -> KafkaDenied | None:
    """KafkaDenied with `where` (what was tried, on what) if that is what the error means."""
    if not isinstance(error, AuthorizationError):
        return None
    names = ", ".join(sorted(map(str, _names(error))))
    at = f"{where} ({names})" if names and names not in where else where
    needed = NEEDED.get(type(error), "")
    return KafkaDenied(f"the brokers deny {at}: grant a right {needed}. {type(error).__name__}")


def _names(error: BaseException) -> list[object]:
    """What kafka-python hands over beside the error: a topic, a set of topics, a group, or nothing."""
    names: list[object] = []
    for argument in error.args:
        names += argument if isinstance(argument, set | frozenset | list | tuple) else [argument]
    return names
