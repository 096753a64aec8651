"""What can go wrong with the local stack, beside a wrong setting (`common.errors.SettingError`).

Apart from the tree in `common/errors.py`: no service ever meets these.
"""


class StackFailed(Exception):
    """A server of the local stack did not start, or a file it needs is missing; the text says what to do."""


class DownloadFailed(StackFailed):
    """A jar could not be fetched, or is not the one that the lock names."""
