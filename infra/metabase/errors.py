"""What can go wrong while Metabase is set up. Apart from the tree in `common/errors.py`: no service meets these."""


class MetabaseFailed(Exception):
    """Metabase is not there, refuses, or answers what nobody expects; the text says what to do."""


class MetabaseAway(MetabaseFailed):
    """Nothing answers yet, or only that it is starting."""


class MetabaseRefused(MetabaseFailed):
    """A request was refused; `status` is HTTP's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
