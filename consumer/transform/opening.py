"""Opens partitions on what the group has committed, and refuses where going on could repeat outputs (R7)."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from common.commits.memory import Memory, decode
from common.errors import DataExpired, FeedBlocked, KafkaUnavailable, OffsetRefused
from common.model.headers import source_name, topic_of
from common.model.ranges import Committed
from common.model.record import Partition
from common.model.transform import DistinctPerWindow, Each, Histogram, Transform
from consumer.transform.each import EachWork
from consumer.transform.histogram import HistogramWork
from consumer.transform.place import Named, Place
from consumer.transform.windows import WindowWork
from consumer.transform.work import Remembered, Work

log = logging.getLogger(__name__)


class Members(Protocol):
    """What is needed of `common.kafka_io.group.Group`."""

    def read_assignment(self) -> dict[Partition, Committed | None]:
        """What is ours, and committed for it."""

    def read_committed(self, partitions: Sequence[Partition]) -> dict[Partition, Committed | None]:
        """What is committed."""

    def assigned(self) -> list[Partition]:
        """What is ours."""

    def first_offsets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Where logs begin."""

    def end_offsets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Where logs end."""

    def seek(self, partition: Partition, offset: int) -> None:
        """Read from there next."""

    def size_of(self, topic: str) -> int:
        """How many partitions a topic has."""

    def topic_id(self, topic: str) -> uuid.UUID | None:
        """Its id."""


class Opened(NamedTuple):
    """A place for each partition that is in order, and topic → why it cannot go on."""

    places: dict[Partition, Place]
    blocked: dict[str, FeedBlocked]


class Opening:
    """Makes places for partitions that are assigned. `sources_of` gives what the newest messages of a topic came from.

    Its methods raise KafkaUnavailable: try again later.
    """

    def __init__(
        self,
        group: Members,
        transforms: Mapping[str, Named],
        sources_of: Callable[[str, int], set[bytes]],
        now_s: Callable[[], float],
        *,
        group_name: str,
        most_bytes: int,
    ) -> None:
        self._group, self._transforms, self._sources_of = group, transforms, sources_of
        self._now_s, self._group_name, self._most_bytes = now_s, group_name, most_bytes

    def open_all(self) -> Opened:
        """Every partition assigned, sought to where it goes on."""
        return self._open(self._group.read_assignment(), self._transforms)

    def open_topic(self, topic: str) -> Opened:
        """The partitions of one topic once more."""
        mine = [partition for partition in self._group.assigned() if partition.topic == topic]
        return self._open(self._group.read_committed(mine), [topic])

    def _open(self, assigned: Mapping[Partition, Committed | None], topics: Iterable[str]) -> Opened:
        opened = Opened({}, {})
        for topic in topics:
            mine = {at: committed for at, committed in assigned.items() if at.topic == topic}
            firsts, ends = self._group.first_offsets(mine), self._group.end_offsets(mine)
            try:
                places = self._places(self._transforms[topic], mine, firsts, ends)
            except FeedBlocked as error:
                opened.blocked[topic] = error
                places = {}
            for partition in mine:  # the client asks for the position of those that are paused, too
                place = places.get(partition)
                self._group.seek(partition, place.position if place else firsts[partition])
            opened.places.update(places)
        return opened

    def _places(
        self,
        named: Named,
        assigned: Mapping[Partition, Committed | None],
        firsts: Mapping[Partition, int],
        ends: Mapping[Partition, int],
    ) -> dict[Partition, Place]:
        sizes = self._sizes(named.transform)
        places = {
            partition: self._place(named, partition, committed, firsts[partition], sizes)
            for partition, committed in assigned.items()
        }
        self._refuse_outputs([place for place in places.values() if place.committed is None])
        for partition, place in places.items():
            _refuse_out_of_range(place, firsts[partition], ends[partition])
        return places

    def _sizes(self, transform: Transform) -> tuple[int, int]:
        topics = transform.source, transform.target, transform.dead_topic
        source, target, dead = map(self._group.size_of, topics)
        for topic, size in zip(topics, (source, target, dead), strict=True):
            if not size:
                raise FeedBlocked(
                    f"topic {topic} is not there any more, or hidden from this user: was it deleted? Create it "
                    "(python -m common.topics), or grant DESCRIBE on it"
                )
        return source, target

    def _place(
        self,
        named: Named,
        partition: Partition,
        committed: Committed | None,
        first: int,
        sizes: tuple[int, int],
    ) -> Place:
        topic_id = self._group.topic_id(partition.topic)
        if topic_id is None:
            raise KafkaUnavailable(f"the id of topic {partition.topic} is not known yet")
        memory = decode(committed.metadata, str(partition)) if committed else None
        if memory is not None and memory.topic != topic_id.hex:  # of an older topic of that name
            memory = committed = None
        if memory is None or committed is None:
            start = Remembered(first, first, None)
            memory = Memory(transform=named.name, topic=topic_id.hex, sizes=sizes, read=first)
        else:
            _refuse_other_work(named, partition, memory, sizes)
            _refuse_moved(named, partition, committed.offset, memory.read)
            start = Remembered(committed.offset, memory.read, memory.state)
            memory = replace(memory, sizes=sizes)  # outputs go to partitions that there are
        return Place(
            named,
            partition,
            topic_id.hex,
            source_name(topic_id, partition.partition),
            self._work(named.transform, partition, start),
            memory,
            start.offset,
            committed,
        )

    def _work(self, transform: Transform, partition: Partition, start: Remembered) -> Work:
        try:
            if isinstance(transform, Each):
                return EachWork(transform, start, self._most_bytes)
            if isinstance(transform, Histogram):
                return HistogramWork(transform, start, partition.partition)
            if isinstance(transform, DistinctPerWindow):
                return WindowWork(transform, start, self._now_s(), self._upstreams(transform.source))
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
            raise OffsetRefused(
                f"{partition}: what {transform.name} remembers is of another version of it ({error}): start that "
                "version again, or give the transform another source or name and begin anew"
            ) from error
        raise TypeError(f"nothing runs a {type(transform).__name__}")

    def _upstreams(self, topic: str) -> list[bytes]:
        """The partitions that a topic is made from by transforms that we know."""
        sources = [source for source, named in self._transforms.items() if named.transform.target == topic]
        ids = {source: self._group.topic_id(source) for source in sources}
        return [
            source_name(topic_id, number)
            for source, topic_id in ids.items()
            if topic_id is not None
            for number in range(self._group.size_of(source))
        ]

    def _refuse_outputs(self, fresh: Sequence[Place]) -> None:
        """R7: nothing is committed, so nothing may have been made, unless other partitions of the topic go on."""
        if not fresh:
            return
        named = fresh[0].of
        target, source = named.transform.target, named.transform.source
        seen = self._sources_of(target, fresh[0].memory.sizes[1])
        everyone = [Partition(source, number) for number in range(fresh[0].memory.sizes[0])]
        has_commits = any(self._has_committed(partition, fresh[0].topic_id) for partition in everyone)
        for place in fresh:
            found = {source for source in seen if topic_of(source) == topic_of(place.source)}
            if place.source in seen or (found and not has_commits):
                raise OffsetRefused(
                    f"{place.partition}: {target} holds outputs of it, but group {self._group_name} has committed "
                    "nothing here (another KAFKA_GROUP_ID, or expired offsets?): going on would repeat them. Set "
                    "KAFKA_GROUP_ID back; or, to have all outputs once more, delete the topics that "
                    f"{named.name} writes to and create them again (python -m common.topics)"
                )
            log.info(
                "first start of a partition",
                extra={"partition": str(place.partition), "offset": place.position, "transform": named.name},
            )

    def _has_committed(self, partition: Partition, topic_id: str) -> bool:
        """Whether the group has committed anything of this very topic; asked alone: others may be in transactions."""
        committed = self._group.read_committed([partition])[partition]
        try:
            return committed is not None and decode(committed.metadata, str(partition)).topic == topic_id
        except OffsetRefused:
            return False


def _refuse_other_work(named: Named, partition: Partition, memory: Memory, sizes: tuple[int, int]) -> None:
    if memory.transform != named.name:
        raise OffsetRefused(
            f"{partition}: its committed offset is of the transform {memory.transform}, not of {named.name}: another "
            "KAFKA_GROUP_ID begins anew"
        )
    topics = named.transform.source, named.transform.target
    for topic, before, size in zip(topics, memory.sizes, sizes, strict=True):
        if size != before and topic in named.transform.fixed_topics:
            raise FeedBlocked(
                f"topic {topic} had {before} partitions when {named.name} began, and has {size} now: keys, windows and "
                "counts belong to a partition's number, and Kafka cannot take partitions away. Stop what writes to "
                f"{named.transform.source}, delete the topics {', '.join(sorted(named.transform.fixed_topics))} once "
                "their readers have caught up, and create them again: python -m common.topics"
            )


def _refuse_moved(named: Named, partition: Partition, offset: int, read: int) -> None:
    reads_again = isinstance(named.transform, DistinctPerWindow)
    if offset > read or (offset < read and not reads_again):
        raise OffsetRefused(
            f"{partition}: the committed offset is {offset}, what it remembers is of {read}, so another tool moved it. "
            "Going on would repeat or lose outputs. Set it back to what it was, or delete the group's offsets and the "
            f"topics that {named.name} writes to"
        )


def _refuse_out_of_range(place: Place, first: int, end: int) -> None:
    if first > place.position:
        raise DataExpired(
            f"{place.partition}: offsets {place.position} to {first} are needed and were deleted by retention. Raise "
            "RETENTION_BYTES; to go on without them, delete the group's offsets of this topic and the topics that "
            f"{place.of.name} writes to"
        )
    if end < place.memory.read:
        raise FeedBlocked(
            f"{place.partition}: the committed offset {place.memory.read} is past the end of the log, {end}: it was "
            "set by hand, or brokers have lost records (an unclean election?). Create the topic again, or set the "
            "offset back, its metadata included"
        )
