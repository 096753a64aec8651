"""Which topics the streams need, and what has to be done for them to exist. Pure; `python -m common.topics` does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from common.settings import MIB, TopicSettings
from common.stream import Stream

DEAD_LETTER_EXTRA_BYTES = 65_536
"""A dead letter is the original message and headers that say where it came from and why."""

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


def dead_topic(name: str, settings: TopicSettings) -> TopicSpec:
    """Where the bad messages of a topic go, for ever.

    One partition: they are few (a flood parks the feed), and people and the audit read them in order of arrival.
    """
    return TopicSpec(
        name=f"{name}.dead",
        partitions=1,
        replication_factor=settings.replication_factor,
        configs=_common(settings)
        | {
            "max.message.bytes": str(settings.max_message_bytes + DEAD_LETTER_EXTRA_BYTES),
            "retention.bytes": "-1",
            "retention.ms": "-1",
        },
    )


def _common(settings: TopicSettings) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "min.insync.replicas": str(settings.min_insync_replicas),
        "unclean.leader.election.enable": "false",
    }


def plan(specs: Iterable[TopicSpec], states: Mapping[str, TopicState], grow: Mapping[str, int]) -> Plan:
    """Compare what is wanted with what is there; `grow` names topics and the partitions they should have."""
    by_name = {spec.name: spec for spec in specs}
    problems = [f"--grow {name}: no stream has that topic" for name in grow if name not in by_name]
    create, larger = [], {}
    for name, spec in by_name.items():
        size = grow.get(name)
        state = states.get(name)
        if state is None:
            create.append(replace(spec, partitions=size or spec.partitions))
            continue
        problems += _refusals(spec, state, size)
        if size is not None and size > state.partitions:
            larger[name] = size
    return Plan(create=tuple(create), grow=larger, problems=tuple(problems))


def _refusals(spec: TopicSpec, state: TopicState, size: int | None) -> list[str]:
    problems = []
    if state.replication_factor != spec.replication_factor:
        problems.append(
            f"{spec.name} has {state.replication_factor} replicas, REPLICATION_FACTOR says {spec.replication_factor}: "
            "change the variable, or move the replicas with Kafka's kafka-reassign-partitions.sh"
        )
    if size is not None and size < state.partitions:
        problems.append(
            f"--grow {spec.name}={size}: it has {state.partitions} partitions, and Kafka cannot take any away; "
            "to have fewer, make a new topic under another name"
        )
    return problems
