"""What the answer to one attempt of a commit means (R1). Pure; group decides with it."""

from __future__ import annotations

from kafka.errors import CommitFailedError, CoordinatorNotAvailableError, RebalanceInProgressError

from common.errors import CommitAmbiguous, CommitRefused


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
