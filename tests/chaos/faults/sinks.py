"""Faults of the sinks: killed, frozen, restarted, coming and going."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.chaos.crew import Crew, Member
from tests.chaos.schedule import Strike
from tests.chaos.world import World

COME_AND_GO_EVERY_S = 1.0


def ended(
    end: Callable[[Crew, Member], None],
) -> Callable[[World, Strike], AbstractContextManager[str | None]]:
    """One of them ends so; a new one starts at once, as under a supervisor."""

    @contextmanager
    def fault(world: World, strike: Strike) -> Iterator[str | None]:
        member = world.crew.pick(strike.pick)
        end(world.crew, member)
        yield _told(member)
        world.crew.supervise()

    return fault


@contextmanager
def all_killed(world: World, strike: Strike) -> Iterator[str | None]:
    """SIGKILL of every one."""
    members = world.crew.members()
    for member in members:
        world.crew.kill(member)
    yield ", ".join(map(_told, members)) or None
    world.crew.supervise()


@contextmanager
def frozen(world: World, strike: Strike) -> Iterator[str | None]:
    """SIGSTOP, SIGCONT at the end."""
    member = world.crew.pick(strike.pick)
    member.process.freeze()
    try:
        yield f"{_told(member)} for {strike.lasts_s:.1f} s" if member.process.is_running else None
    finally:
        member.process.thaw()


@contextmanager
def come_and_go(world: World, strike: Strike) -> Iterator[str | None]:
    """Every second a member joins and the one before it goes, with and without a word in turn."""
    guests = [world.crew.join()]
    turns = round(strike.lasts_s / COME_AND_GO_EVERY_S)
    try:
        for turn in range(turns):
            world.sleep(COME_AND_GO_EVERY_S)
            guests.append(world.crew.join())
            leave = world.crew.kill if turn % 2 else world.crew.stop
            leave(guests.pop(0))
        yield f"{turns + 1} members came and went"
    finally:
        for guest in guests:
            world.crew.kill(guest)


def _told(member: Member) -> str:
    return f"{member.name} (pid {member.process.pid})"


FAULTS = {
    "sink-killed": ended(Crew.kill),
    "sinks-all-killed": all_killed,
    "sink-frozen-shortly": frozen,
    "sink-frozen-past-session": frozen,
    "sink-restarted": ended(Crew.stop),
    "rebalance-storm": come_and_go,
}
