"""`python -m consumer audit --every SECONDS`: audits until stopped, and writes its verdicts into a table."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from common.clickhouse_io.verdicts import VerdictTable
from common.errors import ClickHouseUnavailable, PenstockError
from common.model.stream import Stream
from common.model.verdicts import VerdictRow
from common.process.clock import Clock
from common.process.endpoint import Endpoint
from common.process.health import Health
from common.process.log import setup_logging
from common.process.run import Stop, stop_on_signals
from common.settings.config import Settings
from consumer.audit.connection import connected
from consumer.audit.findings import Confirmation
from consumer.audit.pace import AFTER_FAILURE_S, rest_s
from consumer.audit.round import Round
from consumer.metrics import AuditorMetrics

MAX_SILENCE_S = 300.0
log = logging.getLogger(__name__)


class Stopped(Exception):
    """Somebody asked to stop while a round was on its way."""


def serve(settings: Settings, streams: Sequence[Stream], clock: Clock, *, every_s: float) -> int:
    """Audit until SIGTERM or SIGINT; 0 then. Raises SchemaMismatch and ClickHouseRefused, at the start only."""
    stop = stop_on_signals()
    setup_logging("auditor", settings.service)
    health, metrics = Health(clock.now_s(), max_silence_s=MAX_SILENCE_S), AuditorMetrics()
    with ExitStack() as stack:
        if endpoint := Endpoint.of(settings.service, health, metrics.registry, clock.now_s):
            stack.callback(endpoint.close)
        table = VerdictTable(settings.clickhouse)
        stack.callback(table.close)
        service = Service(settings, streams, clock, table, stop, health, metrics)
        try:
            service.check_table()
            names = ",".join(stream.name for stream in streams)
            log.info("started", extra={"streams": names, "every_s": every_s})
            service.run(every_s)
        except Stopped:
            log.info("stopped")
    return 0


class Service:
    """Rounds and rests, until `stop` is set: Stopped is raised then, in the middle of a round, too."""

    def __init__(
        self,
        settings: Settings,
        streams: Sequence[Stream],
        clock: Clock,
        table: VerdictTable,
        stop: Stop,
        health: Health,
        metrics: AuditorMetrics,
    ) -> None:
        self._settings, self._streams = settings, streams
        self._clock = replace(clock, sleep=self._sleep)
        self._table, self._stop, self._health, self._metrics = table, stop, health, metrics
        self._confirmation = Confirmation()

    def check_table(self) -> None:
        """Wait until ClickHouse answers. Raises SchemaMismatch unless the table is there, ClickHouseRefused."""
        while True:
            try:
                self._table.check()
                return
            except ClickHouseUnavailable as error:
                self._fail(error, AFTER_FAILURE_S)

    def run(self, every_s: float) -> None:
        """Round after round. A round that cannot be done is one line in the log, and is tried again."""
        while True:
            began_s = self._clock.now_s()
            try:
                rows = self._round()
                took_s = self._clock.now_s() - began_s
                self._tell(rows, took_s)
                self._sleep(rest_s(every_s, took_s))
            except Stopped:
                raise
            except Exception as error:  # whatever it is, the next round may find it gone
                if not isinstance(error, PenstockError):
                    log.exception("the round failed")
                self._fail(error, rest_s(every_s, self._clock.now_s() - began_s, failed=True))

    def _round(self) -> list[VerdictRow]:
        with connected(self._settings, self._clock, self._look, threads=1) as (overview, auditor):
            found = Round(overview, auditor, self._settings, self._streams, self._clock).found()
        rows = self._confirmation.confirm(found)
        self._table.write(rows)
        return rows

    def _tell(self, rows: Sequence[VerdictRow], took_s: float) -> None:
        wrong = [row for row in rows if not row.sound]
        unjudged = [row for row in rows if not row.judged]
        for row in wrong:
            where = {**row.about._asdict(), "missing": row.missing, "repeated": row.repeated}
            log.error("something is wrong", extra={**where, "first": row.first_wrong})
        said = {"rows": len(rows), "wrong": len(wrong), "unjudged": len(unjudged), "took_s": took_s}
        log.info("round written", extra=said)
        metrics = self._metrics
        metrics.rounds.inc()
        metrics.round_seconds.set(took_s)
        metrics.last_round.set(rows[0].time.timestamp() if rows else self._clock.unix_s() - took_s)
        metrics.missing.set(sum(row.missing for row in rows))
        metrics.repeated.set(sum(row.repeated for row in rows))
        metrics.wrong.set(len(wrong))
        metrics.unjudged.set(len(unjudged))
        self._health.set_ready(True, f"last round: {len(rows)} verdicts, {len(wrong)} of them wrong")

    def _fail(self, error: Exception, pause_s: float) -> None:
        log.warning(
            "the round could not be done", extra={"reason": str(error) or repr(error), "again_in_s": pause_s}
        )
        self._metrics.failures.inc()
        self._health.set_ready(False, str(error))
        self._sleep(pause_s)

    def _sleep(self, seconds: float) -> None:
        """Rest, with a sign of life now and then."""
        end_s = self._clock.now_s() + seconds
        self._look()
        while (left_s := end_s - self._clock.now_s()) > 0:
            self._stop.wait(min(left_s, MAX_SILENCE_S / 10))
            self._look()

    def _look(self) -> None:
        if self._stop.is_set():
            raise Stopped
        self._health.beat(self._clock.now_s())
