"""The consumer groups of a pipeline, named after KAFKA_GROUP_ID."""

from __future__ import annotations

from common.settings.config import Settings


def transform_group(settings: Settings) -> str:
    """The one consumer group of all transforms."""
    return f"{settings.kafka.group_id}-transform"


def sink_group(settings: Settings) -> str:
    """The one consumer group of all sink feeds."""
    return f"{settings.kafka.group_id}-sink"
