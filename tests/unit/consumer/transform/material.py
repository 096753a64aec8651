"""Events, runs and transforms that the tests of transforms are made of; times are small numbers of ms."""

import msgspec

from common.model.codec import encode
from common.model.headers import source_name
from common.model.transform import Count, DistinctPerWindow
from consumer.transform.work import Remembered, Run
from tests.unit.consumer.material import TOPIC_ID

SIZE_MS, GRACE_MS = 100, 20
SILENCE_S = 30.0
FRESH = Remembered(0, 0, None)
UP, OTHER = source_name(TOPIC_ID, 0), source_name(TOPIC_ID, 1)


class Visit(msgspec.Struct, gc=False):
    id: str
    time: int
    key: str = "k"


class Counted(msgspec.Struct):
    key: str
    start: int
    distinct: int
    late: int
    state: str


def counted(key: bytes, count: Count) -> Counted:
    state = "late" if count.late else "open"
    if count.is_final:
        state = "silence" if count.closed_by_silence else "final"
    return Counted(key.decode(), count.start_ms, count.distinct, count.late, state)


def windows(**changes):
    """Visits per key in windows of SIZE_MS with a grace of GRACE_MS."""
    stated = {
        "name": "count",
        "source": "visits",
        "event": Visit,
        "target": "counts",
        "target_partitions": 1,
        "key": lambda visit: visit.key.encode(),
        "id": lambda visit: visit.id,
        "time_ms": lambda visit: visit.time,
        "size_s": SIZE_MS / 1000,
        "grace_s": GRACE_MS / 1000,
        "silence_s": SILENCE_S,
        "make": counted,
    }
    return DistinctPerWindow(**stated | changes)


def visit(name, time_ms, key="k"):
    """One message."""
    return encode(Visit(name, time_ms, key))


def run(values, start=0, *, timestamps=None, upstreams=None, offsets=None, next_offset=None):
    """Messages from `start` on, of the time 0 and of one partition upstream unless said otherwise."""
    offsets = range(start, start + len(values)) if offsets is None else offsets
    end = start + len(values) if next_offset is None else next_offset
    return Run(start, end, values, offsets, timestamps or [0] * len(values), upstreams or [UP] * len(values))


def read(outputs, event=Counted):
    """What outputs say."""
    return [msgspec.json.decode(value, type=event) for value in outputs.values]


def said(outputs):
    """(key, start, distinct, late, state) of each output."""
    return [msgspec.structs.astuple(each) for each in read(outputs)]
