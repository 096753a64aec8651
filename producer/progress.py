"""Shows how far a producer is: a line that moves on a terminal, a log line every ten seconds elsewhere, and health."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.status import Status

from common.process.health import Health

LOG_EVERY_S = 10.0
SHOW_EVERY_S = 0.25


class Progress:
    """Use it as a context; `show` may be called as often as one likes."""

    def __init__(self, stream: str, output: TextIO, log: logging.Logger, health: Health) -> None:
        self._stream = stream
        self._log = log
        self._health = health
        self._every_s = SHOW_EVERY_S if output.isatty() else LOG_EVERY_S
        self._status = Status("", console=Console(file=output)) if output.isatty() else None
        self._last: tuple[float, int] | None = None

    def show(self, now_s: float, sent: int, acknowledged: int) -> None:
        """So many events were sent and acknowledged until `now_s` (monotonic): the loop is alive."""
        self._health.beat(now_s)
        if self._last is None:
            self._last = now_s, acknowledged
        last_s, before = self._last
        if now_s - last_s < self._every_s:
            return
        rate = round((acknowledged - before) / (now_s - last_s))
        self._last = now_s, acknowledged
        if self._status is not None:
            self._status.update(
                f"{self._stream}: {sent:,} sent, {acknowledged:,} acknowledged, {rate:,} a second"
            )
        else:
            fields = {"stream": self._stream, "sent": sent, "acknowledged": acknowledged, "per_second": rate}
            self._log.info("events sent", extra=fields)

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()
