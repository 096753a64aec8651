"""What can go wrong with the local stack, beside a wrong setting (`common.errors.SettingError`)."""

from common.errors import PenstockError


class StackFailed(PenstockError):
    """A server of the local stack did not start, or a file it needs is missing; the text says what to do."""


class DownloadFailed(StackFailed):
    """A jar could not be fetched, or is not the one that the lock names."""

    retriable = True
