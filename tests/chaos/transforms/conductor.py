"""Carries the storms out: their lanes side by side, the workers changed under load; then all must come back."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from tests.chaos.journal import Fault
from tests.chaos.schedule import Round, Strike
from tests.chaos.transforms.faults import FAULTS
from tests.chaos.transforms.schedule import STORM_S, lanes, workers
from tests.chaos.transforms.world import TransformWorld

SUPERVISE_EVERY_S = 0.5


class Conductor:
    """`run` takes rounds until `until_s` (seconds since the journal's start)."""

    def __init__(self, world: TransformWorld) -> None:
        self._world, self._journal = world, world.journal
        self.rounds = 0
        self.not_begun = 0

    def run(self, rounds: Iterable[Round], until_s: float) -> None:
        """Raises Stuck when the flow does not come back, Interrupted, and what a fault raises."""
        for round_ in rounds:
            if self._journal.now_s >= until_s:
                return
            self._storm(round_, until_s)
            self.rounds += 1

    def _storm(self, round_: Round, until_s: float) -> None:
        failed: list[BaseException] = []
        begun_s = self._journal.now_s
        ends_s = min(begun_s + STORM_S, until_s)
        threads = [
            threading.Thread(target=self._lane, args=(round_, lane, ends_s, failed), daemon=True)
            for lane in lanes(round_)
        ]
        self._journal.say(
            f"round {round_.number:>3}  a storm: up to {len(round_.strikes)} faults, {round_.sinks} sinks"
        )
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            if not failed:
                self._world.resize(workers(self._journal.now_s - begun_s), round_.sinks)
                self._world.supervise()
            self._world.stop.wait(SUPERVISE_EVERY_S)
        if failed:
            raise failed[0]
        self._world.settle()
        self._journal.say(f"round {round_.number:>3}  the storm is over, the flow is back")

    def _lane(self, round_: Round, strikes: list[Strike], ends_s: float, failed: list[BaseException]) -> None:
        """One fault after the other, none before its time; those that the storm has no time for are left out."""
        begun_s = self._journal.now_s
        try:
            for strike in strikes:
                if self._journal.now_s > ends_s or failed:
                    self.not_begun += 1
                    continue
                self._world.sleep(max(0.0, begun_s + strike.at_s - self._journal.now_s))
                self._strike(round_, strike)
        except BaseException as error:
            failed.append(error)

    def _strike(self, round_: Round, strike: Strike) -> None:
        at_s = self._journal.now_s
        hit = FAULTS[strike.kind.name](self._world, strike)
        took_s = self._journal.now_s - at_s
        what, in_transaction = hit or (None, False)
        self._journal.fault(
            Fault(strike.kind.name, round(at_s, 2), round_.number, what, round(took_s, 2), in_transaction)
        )
