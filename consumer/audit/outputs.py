"""Which outputs a target holds of one source partition, in little memory however many there are. Pure."""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np

from consumer.audit.stage import Left

BITS = 8
MOST = 2**61
"""Sums end here: what is added to them later still fits into 64 bits."""

_BEHIND, _LAST, _AHEAD = 0, 1, 2


class Output(NamedTuple):
    """What the headers of an output say: offset of the message, which of its outputs, and, of a count, what it counts.

    `is_total`: it takes the place of those before it.
    """

    offset: int
    place: int
    counted: int = 0
    late: int = 0
    is_total: bool = False


class OutputsOfEach:
    """Outputs that stand for one event each: a byte for each offset of [first, end), which the log of the source holds.

    What does not fit there takes 16 bytes: an output that is there twice, one of another offset, or of a message of
    more than eight events.
    """

    def __init__(self, first: int, end: int) -> None:
        self._first = first
        self._bits = bytearray(max(0, end - first))
        self._others = array("q"), array("q")
        self._sorted: tuple[np.ndarray, np.ndarray] | None = None

    def add(self, output: Output) -> None:
        """One more."""
        at, place = output.offset - self._first, output.place
        if place < BITS and 0 <= at < len(self._bits):
            bit = 1 << place
            if not self._bits[at] & bit:
                self._bits[at] |= bit
                return
        self._others[0].append(output.offset)
        self._others[1].append(place)
        self._sorted = None

    def within(self, first: int, next_offset: int) -> Left:
        """Those of the messages [first, next_offset)."""
        low, high = (min(max(offset - self._first, 0), len(self._bits)) for offset in (first, next_offset))
        bits = np.frombuffer(bytes(memoryview(self._bits)[low:high]), np.uint8)
        places, indexes = np.nonzero(np.unpackbits(bits.reshape(-1, 1), axis=1, bitorder="little"))
        offsets, others = self._sorted_others()
        start, stop = np.searchsorted(offsets, np.array([first, next_offset], np.uint64))
        here = (places + (low + self._first)).astype(np.uint64)
        return _left(
            np.concatenate([here, offsets[start:stop]]),
            np.concatenate([indexes.astype(np.uint64), others[start:stop]]),
        )

    def outside(self, first: int, next_offset: int) -> Left:
        """Those of other messages, which the log does not hold or does not hold yet."""
        offsets, indexes = self._sorted_others()
        is_out = (offsets < np.uint64(first)) | (offsets >= np.uint64(next_offset))
        return _left(offsets[is_out], indexes[is_out])

    def _sorted_others(self) -> tuple[np.ndarray, np.ndarray]:
        if self._sorted is None:
            offsets, indexes = (np.array(column, np.uint64) for column in self._others)
            order = np.argsort(offsets, kind="stable")
            self._sorted = offsets[order], indexes[order]
        return self._sorted


class OutputsThatCount:
    """Outputs that count events: their sums and the newest total, for the offsets behind, at and from `read` on.

    `read` is what was committed before the outputs were looked at: `judge_counts` tells no others apart.
    """

    def __init__(self, read: int) -> None:
        self._read = read
        self._sums: dict[int, Output] = {}
        self._totals: dict[int, Output] = {}

    def add(self, output: Output) -> None:
        """One more."""
        where = (
            _AHEAD if output.offset >= self._read else _LAST if output.offset + 1 == self._read else _BEHIND
        )
        if output.is_total:
            self._totals[where] = max(self._totals.get(where, output), output)
        elif where in self._sums:
            sums = self._sums[where]
            self._sums[where] = sums._replace(
                counted=min(MOST, sums.counted + output.counted), late=min(MOST, sums.late + output.late)
            )
        else:
            self._sums[where] = output

    def left(self) -> Left:
        """As few as stand for all."""
        kept = [*self._sums.values(), *self._totals.values()]
        columns = list(zip(*kept, strict=True)) or [()] * len(Output._fields)
        offsets, indexes, counted, late, is_total = columns
        return Left(
            np.array(offsets, np.uint64),
            np.array(indexes, np.uint64),
            np.array(counted, np.int64),
            np.array(late, np.int64),
            np.array(is_total, bool),
        )


def _left(offsets: np.ndarray, indexes: np.ndarray) -> Left:
    nothing = np.zeros(len(offsets), np.int64)
    return Left(offsets, indexes, nothing, nothing, nothing.astype(bool))
