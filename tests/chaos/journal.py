"""What happened when: a line on the terminal and a JSON line in `events.jsonl` for each fault, pause and finding."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console


@dataclass(frozen=True)
class Fault:
    """A fault that was tried: seconds since the start, and what it hit (None: nothing, so it does not count).

    `in_transaction`: a transaction was shown to be open when it struck.
    """

    kind: str
    at_s: float
    round: int
    hit: str | None
    took_s: float
    in_transaction: bool = False


@dataclass(frozen=True)
class Pause:
    """The longest pause of any partition after a lone fault: of the whole way, and behind the brokers."""

    kind: str
    round: int
    whole_s: float
    behind_s: float


class Journal:
    """Any thread may write."""

    def __init__(self, file: Path, console: Console) -> None:
        self._out = file.open("w", encoding="utf-8")
        self._console = console
        self._lock = threading.Lock()
        self._start_s = time.monotonic()
        self.faults: list[Fault] = []
        self.pauses: list[Pause] = []
        self.remarks: list[str] = []

    @property
    def now_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start_s

    def fault(self, fault: Fault) -> None:
        """A fault was made, or missed."""
        self.faults.append(fault)
        what = fault.hit or "hit nothing, does not count"
        self._write(f"round {fault.round:>3}  {fault.kind}: {what}", vars(fault), fault.at_s)

    def pause(self, pause: Pause) -> None:
        """The flow is back after a lone fault."""
        self.pauses.append(pause)
        said = f"longest pause {pause.whole_s:.1f} s, behind the brokers {pause.behind_s:.1f} s"
        self._write(f"round {pause.round:>3}  {pause.kind}: the flow is back; {said}", vars(pause))

    def remark(self, text: str) -> None:
        """Something that somebody should look at; the report repeats it."""
        self.remarks.append(f"{self.now_s:.1f} s: {text}")
        self._write(text, {"remark": text})

    def say(self, text: str) -> None:
        """Progress."""
        self._write(text, {"said": text})

    def close(self) -> None:
        """Close the file."""
        self._out.close()

    def _write(self, text: str, fields: dict[str, Any], at_s: float | None = None) -> None:
        at_s = self.now_s if at_s is None else at_s
        unix_ms = round((time.time() - self.now_s + at_s) * 1000)
        with self._lock:
            self._console.print(f"{at_s:7.1f} s  {text}", highlight=False, markup=False, soft_wrap=True)
            self._console.file.flush()  # whoever reads along through a pipe wants it now
            if not self._out.closed:
                self._out.write(json.dumps({"at_s": round(at_s, 2), "unix_ms": unix_ms, **fields}) + "\n")
                self._out.flush()
