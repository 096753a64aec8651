"""One output of each event. Pure."""

from __future__ import annotations

from typing import Any

from common.errors import BadData
from common.model.codec import Codec, Decoded, encode
from common.model.reasons import Kind
from common.model.transform import Each
from consumer.transform.messages import at_once, good_messages
from consumer.transform.work import Made, Outputs, Remembered, Run, Work

ENVELOPE_BYTES = 1_024
"""More than what headers and framing of an output take."""


class EachWork(Work):
    """Remembers nothing: it goes on after the last message it has read.

    A message is bad data if it makes an output that takes more than `most_bytes`, which no topic would take.
    """

    needs_upstreams = False

    def __init__(self, transform: Each, start: Remembered, most_bytes: int) -> None:
        self._transform, self._most_bytes = transform, most_bytes
        self._codec = Codec(transform.event)
        self._next = start.read

    def take(self, run: Run, now_s: float) -> Made:
        """Outputs of the good messages, in order."""
        self._next = run.next_offset
        decoded = self._codec.decode(run.values)
        outputs = at_once(decoded, lambda events: self._one_each(events, run))
        return self._message_by_message(decoded, run) if outputs is None else Made(outputs, {})

    def _one_each(self, events: list[Any], run: Run) -> Outputs | None:
        """The outputs of events that are a message each; None if one of them is not as it should be."""
        make, key_of = self._transform.make, self._transform.key
        values = [encode(make(*each)) for each in zip(events, run.timestamps, strict=True)]
        keys = [key_of(event) for event in events] if key_of else None
        if keys and set(map(type, keys)) != {bytes}:
            return None
        largest = max(map(len, values), default=0) + max(map(len, keys or ()), default=0)
        if largest + ENVELOPE_BYTES > self._most_bytes:
            return None
        return Outputs(values, keys, [*run.timestamps], [*run.offsets], [0] * len(values))

    def _message_by_message(self, decoded: Decoded, run: Run) -> Made:
        made = Made(self._nothing(), {})
        make, key_of, outputs = self._transform.make, self._transform.key, made.outputs
        timestamps = run.timestamps

        def find(event: Any, index: int) -> tuple[bytes, bytes | None]:
            value, key = encode(make(event, timestamps[index])), key_of(event) if key_of else None
            if key_of and type(key) is not bytes:
                raise BadData(Kind.STREAM_FAILED, f"a key must be bytes in {self._transform.name}")
            if len(value) + len(key or b"") + ENVELOPE_BYTES > self._most_bytes:
                raise BadData(
                    Kind.TOO_LARGE,
                    f"makes an output of more than {self._most_bytes - ENVELOPE_BYTES:,} bytes",
                )
            return value, key

        for message in good_messages(decoded, run, find, self._transform.name, made.bad):
            for index, (value, key) in enumerate(message.found):
                outputs.values.append(value)
                outputs.timestamps.append(timestamps[message.at])
                outputs.offsets.append(run.offsets[message.at])
                outputs.indexes.append(index)
                if outputs.keys is not None and key is not None:
                    outputs.keys.append(key)
        return made

    def _nothing(self) -> Outputs:
        return Outputs(keys=None if self._transform.key is None else [])

    def tick(self, now_s: float, *, is_at_end: bool) -> Outputs:
        """Nothing is ever due."""
        return self._nothing()

    @property
    def remembered(self) -> Remembered:
        """Only how far it has read."""
        return Remembered(self._next, self._next, None)

    @property
    def is_behind(self) -> bool:
        """Never."""
        return False
