"""What an answer of the brokers means for the group: of a commit (R1), of a poll. Pure; group decides with it."""

from __future__ import annotations

from kafka.errors import (
    CommitFailedError,
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    KafkaError,
    RebalanceInProgressError,
    TopicAuthorizationFailedError,
)

from common.errors import (
    CommitAmbiguous,
    CommitRefused,
    KafkaRefused,
    KafkaUnavailable,
    PenstockError,
    UnreadableBatch,
)


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
    if isinstance(error, GroupAuthorizationFailedError | TopicAuthorizationFailedError):
        return KafkaRefused(f"the brokers deny group or topic: {error!r}. Grant READ and DESCRIBE")
    unreadable = getattr(error, "unreadable", None)
    if unreadable is not None:
        return UnreadableBatch(unreadable.topic, str(error))
    return KafkaUnavailable(f"poll failed: {error!r}")
