"""Which topics the streams need, and what has to be done for them to exist. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from common.model.record import dead_name
from common.model.stream import Stream
from common.settings.parts import MIB, TopicSettings

DEAD_LETTER_EXTRA_BYTES = 65_536
"""A dead letter is the original message and headers that say where it came from and why."""

MIN_INSYNC = "min.insync.replicas"
SEGMENTS = 8
"""Retention deletes whole segments: so a partition grows to at most 1/8 more than its limit."""


@dataclass(frozen=True, kw_only=True)
class TopicSpec:
    """A topic as it should be made."""

    name: str
    partitions: int
    replication_factor: int
    configs: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class TopicState:
    """A topic as it is."""

    partitions: int
    replication_factor: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do: topics to create, topics to grow (name → partitions), and reasons why nothing should be done."""

    create: tuple[TopicSpec, ...]
    grow: Mapping[str, int]
    problems: tuple[str, ...]


def wanted(streams: Iterable[Stream], settings: TopicSettings) -> list[TopicSpec]:
    """The topics of the streams, each that is read followed by its companion for dead letters."""
    streams = list(streams)
    read = {topic for stream in streams for topic in stream.read_topics}
    sizes = {
        transform.target: transform.target_partitions for stream in streams for transform in stream.transforms
    }
    specs = []
    for name in dict.fromkeys(topic for stream in streams for topic in stream.topics):
        specs.append(data_topic(name, settings, sizes.get(name)))
        specs += [dead_topic(name, settings)] * (name in read)
    return specs


def fixed_topics(streams: Iterable[Stream]) -> dict[str, str]:
    """Topics that cannot get more partitions → the transform that forbids it."""
    return {
        topic: f"{stream.name}.{transform.name}"
        for stream in streams
        for transform in stream.transforms
        for topic in transform.fixed_topics
    }


def data_topic(name: str, settings: TopicSettings, partitions: int | None = None) -> TopicSpec:
    """A topic of events: acknowledged by `min_insync_replicas`, bounded by size.

    Not by age: Kafka takes a record's age from its timestamp, which is the word of its producer, and would delete
    at once what bears an old one.
    """
    segment_bytes = max(MIB, settings.retention_bytes // SEGMENTS)
    return TopicSpec(
        name=name,
        partitions=partitions or settings.partitions,
        replication_factor=settings.replication_factor,
        configs=_common(settings)
        | {
            "max.message.bytes": str(settings.max_message_bytes),
            "retention.bytes": str(settings.retention_bytes),
            "retention.ms": "-1",
            "segment.bytes": str(min(segment_bytes, 2**30)),
        },
    )


def dead_topic(name: str, settings: TopicSettings) -> TopicSpec:
    """Where the bad messages of a topic go, for ever.

    One partition: they are few (a flood parks the feed), and people and the audit read them in order of arrival.
    Their time is that of their arrival: a broker would refuse what bears one far in the future.
    """
    return TopicSpec(
        name=dead_name(name),
        partitions=1,
        replication_factor=settings.replication_factor,
        configs=_common(settings)
        | {
            "max.message.bytes": str(settings.max_message_bytes + DEAD_LETTER_EXTRA_BYTES),
            "message.timestamp.type": "LogAppendTime",
            "retention.bytes": "-1",
            "retention.ms": "-1",
        },
    )


def _common(settings: TopicSettings) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        MIN_INSYNC: str(settings.min_insync_replicas),
        "unclean.leader.election.enable": "false",
    }


def plan(
    specs: Iterable[TopicSpec],
    states: Mapping[str, TopicState],
    grow: Mapping[str, int],
    fixed: Mapping[str, str] | None = None,
) -> Plan:
    """Compare what is wanted with what is there; `grow` names topics and the partitions they should have.

    `fixed` names topics that must not grow, and who forbids it. A topic that has other replicas than wanted is left as
    it is, and its companion gets as many as it has.
    """
    by_name = {spec.name: spec for spec in specs}
    problems = [f"--grow {name}: no stream has that topic" for name in grow if name not in by_name]
    problems += [
        f"--grow {name}: the transform {fixed[name]} keeps keys, windows or counts by partition number, and what was "
        "written before would be at odds with what comes after. To have more partitions, stop the stream, let its "
        "transforms and sinks catch up, delete its topics and create them again with PARTITIONS"
        for name in grow
        if fixed and name in fixed and name in states and grow[name] != states[name].partitions
    ]
    source_of = {dead_name(name): states[name] for name in by_name if name in states}
    create = []
    larger = {}
    for name, spec in by_name.items():
        size = grow.get(name)
        state = states.get(name)
        if state is None:
            spec = replace(spec, partitions=size or spec.partitions)
            create.append(_like(source_of[name], spec) if name in source_of else spec)
        elif size is not None and size < state.partitions:
            problems.append(
                f"--grow {name}={size}: it has {state.partitions} partitions, and Kafka cannot take any away; "
                "to have fewer, make a new topic under another name"
            )
        elif size is not None and size > state.partitions:
            larger[name] = size
    return Plan(create=tuple(create), grow=larger, problems=tuple(problems))


def _like(source: TopicState, spec: TopicSpec) -> TopicSpec:
    """With as many replicas as its source has, and no more of them needed to acknowledge."""
    replicas = source.replication_factor
    in_sync = min(replicas, int(spec.configs[MIN_INSYNC]))
    return replace(spec, replication_factor=replicas, configs={**spec.configs, MIN_INSYNC: str(in_sync)})
