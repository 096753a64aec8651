"""The headers of messages: what every one carries, and where one that a transform made comes from. Pure."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence

from common.model.address import tp_address
from common.model.stream import Stream

Header = tuple[str, bytes | None]

SOURCE = "penstock-source"
"""`<partition>:<offset>:<index>` of the message that this one was made from; the partition as `source_name` has it."""

COUNTED = "penstock-counted"
"""Of a message that counts events: how many it puts out and how many were late, `<left>:<late>`.

With `=` before it, they take the place of what messages of the same partition said before; else they add up.
"""
BY = "penstock-by"
"""Of a dead letter: the transform that wrote it, or `sink`. Of one topic both may read, each refuses what it must."""
SINK = "sink"
_SAYS_A_PARTITION = re.compile(rb"[0-9a-f]{16}:").match


def headers_of(stream: Stream) -> list[Header]:
    """The headers of every message of a stream."""
    return [
        ("content-type", b"application/json"),
        ("stream", stream.name.encode()),
        ("version", str(stream.version).encode()),
    ]


def readable(name: str) -> str:
    """A header's name with "?" for each byte that is not UTF-8: kafka-python and aiokafka fail on others."""
    return name.encode(errors="replace").decode()


def source_name(topic_id: uuid.UUID, partition: int) -> bytes:
    """A partition as 16 hex digits: 12 of its topic, 4 of its number. A topic created again has another name."""
    return b"%016x" % tp_address(topic_id, partition)


def topic_of(source: bytes) -> bytes:
    """The topic's part of a partition's name."""
    return source[:12]


def source_of(headers: Sequence[Header]) -> bytes | None:
    """The name of the partition that a message was made from; None if it does not say, in our words."""
    for name, value in headers:
        if name == SOURCE and value and _SAYS_A_PARTITION(value):
            return value[:16]
    return None
