"""How long to wait before a call that failed is tried again. Pure."""

from __future__ import annotations

LAST_DOUBLING = 60


def delay_s(attempt: int, *, base_s: float = 0.05, cap_s: float = 5.0, jitter: float = 0.0) -> float:
    """Seconds to wait after `attempt` failures in a row (1, 2, 3, …).

    Doubles from `base_s` until `cap_s`. `jitter` in [0, 1), drawn at random by the caller, takes away up to half
    of it, so that several workers do not come back all at once.
    """
    if attempt < 1 or not 0 <= jitter < 1:
        raise ValueError(f"attempt={attempt} must be 1 or more, jitter={jitter} in [0, 1)")
    doubled_s = base_s * 2.0 ** min(attempt - 1, LAST_DOUBLING)
    return min(cap_s, doubled_s) * (1 - jitter / 2)
