"""Carries the rounds out: a lone fault and its pause, or the lanes of a storm side by side; heals after each."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from tests.chaos.faults import FAULTS
from tests.chaos.journal import Fault, Pause
from tests.chaos.schedule import STORM_S, Round, Strike
from tests.chaos.world import Interrupted, World

SUPERVISE_EVERY_S = 0.5


class Conductor:
    """`run` takes rounds until `until_s` (seconds since the journal's start)."""

    def __init__(self, world: World) -> None:
        self._world, self._journal = world, world.journal
        self.rounds = 0
        self.not_begun = 0

    def run(self, rounds: Iterable[Round], until_s: float) -> None:
        """Raises Stuck when the flow does not come back, Interrupted, and what a fault raises."""
        for round_ in rounds:
            if self._journal.now_s >= until_s:
                return
            self._world.crew.resize(round_.sinks)
            if round_.is_storm:
                self._storm(round_)
            else:
                self._solo(round_)
            self.rounds += 1

    def _solo(self, round_: Round) -> None:
        world, strike = self._world, round_.strikes[0]
        world.settle()
        world.flow.begin()
        hit = self._strike(round_, strike)
        world.settle()
        world.flow.look_again()
        pauses = world.flow.pauses()
        if hit:
            self._journal.pause(
                Pause(strike.kind.name, round_.number, pauses.longest_s, pauses.longest_behind_s)
            )

    def _storm(self, round_: Round) -> None:
        failed: list[BaseException] = []
        lanes = [
            threading.Thread(target=self._lane, args=(round_, lane, failed), daemon=True)
            for lane in round_.lanes()
        ]
        self._journal.say(
            f"round {round_.number:>3}  a storm: {len(round_.strikes)} faults, {round_.sinks} sinks"
        )
        for lane in lanes:
            lane.start()
        while any(lane.is_alive() for lane in lanes):
            self._world.crew.supervise()
            self._world.stop.wait(SUPERVISE_EVERY_S)
        if failed:
            raise failed[0]
        self._world.settle()
        self._journal.say(f"round {round_.number:>3}  the storm is over, the flow is back")

    def _lane(self, round_: Round, strikes: list[Strike], failed: list[BaseException]) -> None:
        """One fault after the other, none before its time; those that the storm has no time for are left out."""
        begun_s = self._journal.now_s
        try:
            for strike in strikes:
                late_s = self._journal.now_s - begun_s
                if late_s > STORM_S or failed:
                    self.not_begun += 1
                    continue
                self._world.sleep(max(0.0, strike.at_s - late_s))
                self._strike(round_, strike)
        except BaseException as error:
            failed.append(error)

    def _strike(self, round_: Round, strike: Strike) -> str | None:
        world, at_s = self._world, self._journal.now_s
        world.check_stop()
        with FAULTS[strike.kind.name](world, strike) as hit:
            self._journal.fault(
                Fault(
                    strike.kind.name, round(at_s, 2), round_.number, hit, round(self._journal.now_s - at_s, 2)
                )
            )
            if hit:
                world.stop.wait(strike.lasts_s)
        if world.stop.is_set():
            raise Interrupted
        return hit
