"""Which topics the streams need, and what has to be done for them to exist. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

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
    """The topics of the streams, each followed by its companion for dead letters."""
    names = dict.fromkeys(topic for stream in streams for topic in stream.topics)
    return [spec for name in names for spec in (data_topic(name, settings), dead_topic(name, settings))]


def data_topic(name: str, settings: TopicSettings) -> TopicSpec:
    """A topic of events: acknowledged by `min_insync_replicas`, bounded by size.

    Not by age: Kafka takes a record's age from its timestamp, which is the word of its producer, and would delete
    at once what bears an old one.
    """
    segment_bytes = max(MIB, settings.retention_bytes // SEGMENTS)
    return TopicSpec(
        name=name,
        partitions=settings.partitions,
        replication_factor=settings.replication_factor,
        configs=_common(settings)
        | {
            "max.message.bytes": str(settings.max_message_bytes),
            "retention.bytes": str(settings.retention_bytes),
            "retention.ms": "-1",
            "segment.bytes": str(min(segment_bytes, 2**30)),
        },
    )


def dead_name(name: str) -> str:
    """The name of a topic's companion."""
    return f"{name}.dead"


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


def plan(specs: Iterable[TopicSpec], states: Mapping[str, TopicState], grow: Mapping[str, int]) -> Plan:
    """Compare what is wanted with what is there; `grow` names topics and the partitions they should have.

    A topic that has other replicas than wanted is left as it is, and its companion gets as many as it has.
    """
    by_name = {spec.name: spec for spec in specs}
    problems = [f"--grow {name}: no stream has that topic" for name in grow if name not in by_name]
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
