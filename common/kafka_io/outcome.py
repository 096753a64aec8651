"""What an answer of the brokers means: to a commit (R1), to a poll. Pure but for kafka's error classes."""

from __future__ import annotations

from kafka.errors import (
    CommitFailedError,
    CoordinatorNotAvailableError,
    KafkaError,
    RebalanceInProgressError,
)

from common.errors import (
    CommitAmbiguous,
    CommitRefused,
    KafkaUnavailable,
    PenstockError,
    UnreadableBatch,
)
from common.kafka_io.rights import denied


def is_applied(error: BaseException | None, value: object) -> bool:
    """True: applied. False: it never left this process, because the coordinator is not known.

    Raises CommitRefused when it was not applied and never will be. Everything else may be applied now or later:
    CommitAmbiguous. kafka-python's `retriable` says nothing about that.
    """
    if error is None and value is None:
        return True
    if isinstance(error, CoordinatorNotAvailableError) and not error.args:  # raised before anything was sent
        return False
    if isinstance(error, RebalanceInProgressError | CommitFailedError):
        raise CommitRefused(repr(error))
    raise CommitAmbiguous(repr(error) if error else f"unexpected answer {value!r}")


def poll_error(error: KafkaError) -> PenstockError:
    """What a failed poll() means: a right is missing, a batch cannot be read, or no broker answers."""
    if denial := denied(error, "reading"):
        return denial
    unreadable = getattr(error, "unreadable", None)
    if unreadable is not None:
        return UnreadableBatch(unreadable.topic, str(error.args[0] if error.args else error))
    return KafkaUnavailable(f"poll failed: {error!r}")


def failure(error: KafkaError, what: str) -> PenstockError:
    """KafkaDenied when a right is missing, else KafkaUnavailable: `what` failed."""
    return denied(error, what) or KafkaUnavailable(f"{what} failed: {error!r}")
