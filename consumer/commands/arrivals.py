"""Which rows of a table are new to somebody who watches it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from common.model.ranges import Found, Place

SETTLED_S = 60.0
MOST_REMEMBERED = 20_000


class Arrivals:
    """Tells of the rows above a floor, one for each partition, which are new.

    Also those that become visible after later rows of their partition: for SETTLED_S, or MOST_REMEMBERED later rows.
    """

    def __init__(self, tops: Mapping[int, Place]) -> None:
        """`tops`: `_tp` → the highest address that is not new."""
        self.floors: dict[int, Place] = dict(tops)
        self._shown: dict[int, dict[Place, float]] = {}

    def new_among(self, found: Iterable[Found]) -> list[Found]:
        """Those that were not shown, each address once."""
        new = {
            (each.tp, each.place): each for each in found if each.place not in self._shown.get(each.tp, ())
        }
        return list(new.values())

    def shown(self, found: Iterable[Found], now_s: float) -> None:
        """These are not new any more."""
        for each in found:
            self._shown.setdefault(each.tp, {})[each.place] = now_s

    def forget(self, now_s: float) -> None:
        """Raise the floors above the lowest rows, where they are too many or were shown long ago."""
        for tp, shown in self._shown.items():
            places = sorted(shown)
            surplus = len(places) - MOST_REMEMBERED
            for index, place in enumerate(places):
                if index >= surplus and now_s - shown[place] < SETTLED_S:
                    break
                del shown[place]
                self.floors[tp] = place
