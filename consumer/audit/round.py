"""One look at everything: a verdict for each partition that sinks fill, and for each transform."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from common.commits.groups import sink_group, transform_group
from common.commits.position import look
from common.commits.transform_position import look_at_transforms
from common.errors import PenstockError
from common.kafka_io.overview import Overview
from common.model.stream import Stream
from common.model.verdicts import SINK
from common.process.clock import Clock
from common.settings.config import Settings
from consumer.audit.auditor import Auditor
from consumer.audit.findings import Found, of_sink, of_stage, of_unjudged


class Round:
    """Audits streams once. What one topic or stage refuses leaves the others judged."""

    def __init__(
        self,
        overview: Overview,
        auditor: Auditor,
        settings: Settings,
        streams: Sequence[Stream],
        clock: Clock,
    ) -> None:
        self._overview, self._auditor = overview, auditor
        self._settings, self._streams, self._clock = settings, streams, clock
        self._time = datetime.fromtimestamp(clock.unix_s(), UTC)
        self._silence: PenstockError | None = None

    def found(self) -> list[Found]:
        """What there is to say of each partition and stage.

        Raises what may pass by itself, the servers' silence, if nothing at all could be looked at.
        """
        found = [*self._of_sinks(), *self._of_stages()]
        if self._silence is not None and not any(each.looked for each in found):
            raise self._silence
        return found

    def _of_sinks(self) -> list[Found]:
        group, found = sink_group(self._settings), []
        positions = look(self._overview, group, [feed for stream in self._streams for feed in stream.feeds])
        for stream in self._streams:
            for feed in stream.feeds:
                began_s = self._clock.now_s()
                try:
                    verdicts = self._auditor.audit(
                        feed, positions.get(feed.topic, []), group, count_events=False
                    )
                    took_ms = self._ms_since(began_s)
                    found += of_sink(stream.name, feed.topic, verdicts, self._time, took_ms)
                except PenstockError as error:
                    found.append(self._refused(error, stream.name, SINK, feed.topic, began_s))
        return found

    def _of_stages(self) -> list[Found]:
        group, found = transform_group(self._settings), []
        transforms = [transform for stream in self._streams for transform in stream.transforms]
        positions = look_at_transforms(self._overview, group, transforms)
        for stream in self._streams:
            for transform in stream.transforms:
                began_s = self._clock.now_s()
                try:
                    verdict = self._auditor.stages.audit(stream.name, transform, group)
                    took_ms = self._ms_since(began_s)
                    places = positions.get(transform.source, [])
                    parked = next((f"{at.partition}: {at.parked}" for at in places if at.parked), "")
                    found.append(of_stage(stream.name, transform, verdict, self._time, took_ms, parked))
                except PenstockError as error:
                    name, source = transform.name, transform.source
                    found.append(self._refused(error, stream.name, name, source, began_s))
        return found

    def _refused(self, error: PenstockError, stream: str, stage: str, topic: str, began_s: float) -> Found:
        if error.retriable:
            self._silence = self._silence or error
        return of_unjudged(stream, stage, topic, str(error), self._time, self._ms_since(began_s))

    def _ms_since(self, began_s: float) -> int:
        return round((self._clock.now_s() - began_s) * 1000)
