"""How long an auditor rests between two rounds. Pure."""

from __future__ import annotations

SHORTEST_S, LONGEST_S = 1, 86_400
AFTER_FAILURE_S = 5.0


def rest_s(every_s: float, took_s: float, *, failed: bool = False) -> float:
    """Seconds to rest after a round that took `took_s`: rounds begin every `every_s` seconds if they are short.

    Never less than the round took, so that rounds take half of the time at most. One that failed is tried again
    after AFTER_FAILURE_S, or as long as it took.
    """
    return max(took_s, AFTER_FAILURE_S if failed else every_s - took_s)
