"""What a transform remembers of a partition, as the metadata of its committed offset. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from common.commits.metadata import decoded, encoded
from common.errors import FeedBlocked

_MOST_BYTES = 4_096  # brokers refuse more


@dataclass(frozen=True, kw_only=True)
class Memory:
    """`transform` is the stream's name, a dot and its own; `topic` the source topic's id in hex.

    `sizes` are how many partitions source and target have. Everything below `read` is done; `state` is the transform's.
    """

    transform: str
    topic: str
    sizes: tuple[int, int]
    read: int
    state: Any = None

    def encode(self, where: str) -> str:
        """The metadata string. Raises FeedBlocked when brokers would not take it."""
        text = encoded(vars(self))
        if len(text) > _MOST_BYTES:
            raise FeedBlocked(
                f"{where}: {self.transform} would have to remember {len(text):,} bytes, and brokers take "
                f"{_MOST_BYTES:,}: fewer bins, or fewer partitions upstream"
            )
        return text


def decode(metadata: str, where: str) -> Memory:
    """What a commit's metadata says. Raises OffsetRefused if no transform wrote it, or a newer version (R7)."""
    return decoded(
        metadata,
        where,
        _memory_of,
        at_stake="outputs",
        todo="Set it back to what it was, metadata included, or delete the group's offsets and the topics that this "
        "transform writes to",
    )


def _memory_of(said: dict[str, Any]) -> Memory:
    known = {name: value for name, value in said.items() if name in _FIELDS}
    source, target = map(int, said["sizes"])
    return Memory(**known | {"sizes": (source, target), "read": int(said["read"])})


_FIELDS = {field.name for field in fields(Memory)}
