"""What works on a stream, transforms and feeds, as JSON: who, how far, how fast, and what is parked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.look import Kafka, Look
from common.commits.position import Position
from common.commits.transform_position import TransformPosition
from common.model.record import Partition
from common.model.stream import Feed, Stream
from common.model.transform import DistinctPerWindow, Transform
from common.model.verdicts import SINK

Json = dict[str, Any]
Done = Mapping[Partition, tuple[int, int]]

LEAST_S = 5.0
"""The pace is not known before so many seconds: sinks and transforms commit in batches."""


def transform_as_json(transform: Transform, now: Look, earlier: Look | None) -> Json:
    """Where a transform stands with each partition; its pace is what it did since `earlier`."""
    kafka = now.kafka
    each = kafka.transforms.get(transform.source) if kafka else None
    owners = kafka.transform_owners if kafka else {}
    partitions = [
        {
            "partition": at.partition.partition,
            "owner": owners.get(at.partition),
            "committed": at.committed,
            "read": at.read,
            "end": at.end,
            "lag": at.lag,
            "state": at.state,
        }
        for at in each or ()
    ]
    names: Json = {"name": transform.name, "source": transform.source, "target": transform.target}
    if isinstance(transform, DistinctPerWindow):
        names["window_s"] = transform.size_s
    before = earlier.kafka.transforms.get(transform.source) if earlier and earlier.kafka else None
    return {**names, **_pace(_read(each), _read(before), now, earlier), "partitions": partitions}


def feed_as_json(feed: Feed, now: Look, earlier: Look | None) -> Json:
    """Where the sinks stand with each partition of a feed; their pace is what they stored since `earlier`."""
    kafka = now.kafka
    each = kafka.positions.get(feed.topic) if kafka else None
    partitions = [
        {
            "partition": at.partition.partition,
            "owner": kafka.owners.get(at.partition) if kafka else None,
            "committed": at.committed,
            "end": at.end,
            "lag": at.lag,
            "cut_by": at.cut or None,
            "state": at.state,
        }
        for at in each or ()
    ]
    before = earlier.kafka.positions.get(feed.topic) if earlier and earlier.kafka else None
    return {
        "topic": feed.topic,
        "tables": [table.name for table in feed.tables],
        **_pace(_stored(each), _stored(before), now, earlier),
        "partitions": partitions,
    }


def _read(each: Sequence[TransformPosition] | None) -> Done:
    return {at.partition: (at.read, at.lag) for at in each or ()}


def _stored(each: Sequence[Position] | None) -> Done:
    return {at.partition: (at.start, at.lag) for at in each or ()}


def _pace(done: Done, before: Done, now: Look, earlier: Look | None) -> Json:
    """`lag`, messages done `per_second`, and `behind_s`: how long the lag takes at that pace.

    What is not known is null; so is `behind_s` while there is a lag and nothing is done. `stalled`: nothing was done
    although there was a lag all the time.
    """
    lag = sum(each for _, each in done.values()) if done else None
    took_s = now.at_s - earlier.at_s if earlier is not None else 0.0
    if lag is None or not before or took_s < LEAST_S:
        behind_s = 0.0 if lag == 0 else None
        return {"lag": lag, "per_second": None, "behind_s": behind_s, "stalled": False}
    moved = sum(max(0, at - before.get(partition, (at, 0))[0]) for partition, (at, _) in done.items())
    behind_s = 0.0 if lag == 0 else round(lag * took_s / moved, 1) if moved else None
    stalled = bool(lag and not moved and any(waited for _, waited in before.values()))
    return {"lag": lag, "per_second": round(moved / took_s, 1), "behind_s": behind_s, "stalled": stalled}


def parked_as_json(stream: Stream, kafka: Kafka | None) -> list[Json]:
    """Each partition that is parked, by whom, and why."""
    if kafka is None:
        return []
    places: list[tuple[str, Position | TransformPosition]] = []
    for feed in stream.feeds:
        places += [(SINK, at) for at in kafka.positions.get(feed.topic, ())]
    for transform in stream.transforms:
        places += [(transform.name, at) for at in kafka.transforms.get(transform.source, ())]
    return [_parked_at(by, at.partition, at.parked) for by, at in places if at.parked]


def _parked_at(by: str, partition: Partition, reason: str) -> Json:
    """`by`: the name of the transform that is parked, or "sink"."""
    return {"by": by, "topic": partition.topic, "where": str(partition), "reason": reason}
