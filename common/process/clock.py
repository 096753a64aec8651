"""The clocks, the sleep and the random numbers of a process, in one value: time is an argument everywhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """`now_s` never goes back, `unix_s` is the time of day; `jitter` gives random numbers in [0, 1)."""

    now_s: Callable[[], float]
    unix_s: Callable[[], float]
    sleep: Callable[[float], object]
    jitter: Callable[[], float]
