"""The faults by name. Each is carried out to its end, and gives what it hit, or None: nothing, it does not count.

A request of the transaction that is to be hurt is in the proxy's hand when a fault of a process or a broker strikes:
so it strikes in mid-transaction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from infra.local.kafka import Broker
from tests.chaos.crew import Member
from tests.chaos.schedule import Strike
from tests.chaos.transforms.schedule import REQUESTS
from tests.chaos.transforms.world import TransformWorld
from tests.support.kafka_fault import Fault
from tests.support.kafka_frames import Api

MET_WITHIN_S = 15.0
ANSWERED_WITHIN_S = 3.0
TAKEN_WITHIN_S = 10.0
NO_ERROR = 0


class Hit(NamedTuple):
    """What was hit, and whether a transaction was shown to be open."""

    what: str
    in_transaction: bool


Make = Callable[[TransformWorld, Strike], Hit | None]


@contextmanager
def _armed(world: TransformWorld, fault: Fault) -> Iterator[Fault | None]:
    """None if no such request came; in the end the fault hurts nothing more, and what it holds arrives."""
    try:
        yield fault if fault.fired.wait(MET_WITHIN_S) else None
    finally:
        world.proxy.disarm(fault)


def _told(member: Member) -> str:
    return f"{member.name} (pid {member.process.pid})"


def _sender(world: TransformWorld, fault: Fault) -> Member | None:
    """Whose request it is; None if somebody else has ended them meanwhile."""
    clients = {b"penstock-" + member.name.encode(): member for member in world.transforms.members()}
    return next((member for name, member in clients.items() if name in fault.request), None)


def _transaction(fault: Fault) -> str:
    """The transactional id in the request."""
    found = re.search(rb"[\w-]+-transform-[\w.-]+-\d+", fault.request)
    return found[0].decode() if found else "a transaction"


def _late(fault: Fault) -> str:
    """What the broker says to the request that was kept, which arrives now."""
    fault.released.set()
    return f"answered {fault.error}" if fault.answered.wait(ANSWERED_WITHIN_S) else "not answered"


def killed_before(world: TransformWorld, strike: Strike) -> Hit | None:
    """SIGKILL while its EndTxn is on its way; that arrives later."""
    with _armed(world, world.proxy.delay(Api.END_TXN)) as late:
        if late is None or (member := _sender(world, late)) is None:
            return None
        world.transforms.kill(member)
        world.supervise()
        world.sleep(strike.lasts_s)
        return Hit(
            f"{_told(member)}, EndTxn of {_transaction(late)} arrived {strike.lasts_s:.1f} s later, {_late(late)}",
            in_transaction=True,
        )


def killed_after(world: TransformWorld, strike: Strike) -> Hit | None:
    """SIGKILL while the answer to its EndTxn is on its way."""
    with _armed(world, world.proxy.stall(Api.END_TXN)) as unheard:
        if unheard is None or (member := _sender(world, unheard)) is None:
            return None
        world.transforms.kill(member)
        world.supervise()
        return Hit(
            f"{_told(member)}, EndTxn of {_transaction(unheard)} was answered {unheard.error}",
            in_transaction=unheard.error == NO_ERROR,
        )


def frozen(world: TransformWorld, strike: Strike) -> Hit | None:
    """SIGSTOP while its EndTxn is on its way, until a successor has taken over its transactional id; then all go on."""
    with world.not_alone(), _armed(world, world.proxy.delay(Api.END_TXN)) as late:
        if late is None or (member := _sender(world, late)) is None:
            return None
        takeover = world.proxy.delay(Api.INIT_PRODUCER_ID, _transaction(late).encode())
        takeover.released.set()  # it is watched only
        member.process.freeze()
        try:
            world.sleep(strike.lasts_s)
            is_taken = takeover.answered.wait(TAKEN_WITHIN_S)
        finally:
            world.proxy.disarm(takeover)
            member.process.thaw()
        said = _late(late)
        if is_taken and said == f"answered {NO_ERROR}":
            world.journal.remark(
                f"a successor has taken over, and a late commit went through: {_told(member)}"
            )
        by = "was taken over" if is_taken else "was not taken over yet"
        return Hit(
            f"{_told(member)}: {_transaction(late)} {by}, its late EndTxn was {said}", in_transaction=True
        )


def _broker_of(world: TransformWorld, fault: Fault) -> Broker:
    """The one that the request is for: the coordinator of its transaction, or the leader of its partitions."""
    return world.stack.brokers[world.stack.ports.behind.index(fault.port)]


def broker_killed(api: Api) -> Make:
    """SIGKILL of the broker that such a request is on its way to, started again at the end."""

    def fault(world: TransformWorld, strike: Strike) -> Hit | None:
        with _armed(world, world.proxy.delay(api)) as late:
            if late is None:
                return None
            broker = _broker_of(world, late)
            told = f"{broker.name} (pid {broker.pid}), with {api.name} of {_transaction(late)} on its way"
            broker.kill()
            try:
                late.released.set()
                world.sleep(strike.lasts_s)
            finally:
                broker.start()
            return Hit(told, in_transaction=True)

    return fault


def held(api: Api) -> Make:
    """Its connection is cut, and it arrives later."""

    def fault(world: TransformWorld, strike: Strike) -> Hit | None:
        with _armed(world, world.proxy.hold(api)) as late:
            if late is None:
                return None
            world.sleep(strike.lasts_s)
            return Hit(
                f"{_transaction(late)}: {strike.lasts_s:.1f} s late, {_late(late)}", in_transaction=True
            )

    return fault


def swallowed(api: Api) -> Make:
    """It arrives, and its connection is cut in place of the answer."""

    def fault(world: TransformWorld, strike: Strike) -> Hit | None:
        with _armed(world, world.proxy.swallow(api)) as met:
            return None if met is None else _unheard(api, met, "")

    return fault


def stalled(api: Api) -> Make:
    """It arrives, and there is no answer; some time later its connection is cut, if its client has not done that."""

    def fault(world: TransformWorld, strike: Strike) -> Hit | None:
        with _armed(world, world.proxy.stall(api)) as met:
            if met is None:
                return None
            world.sleep(strike.lasts_s)
            met.hang_up()
            return _unheard(api, met, f", silence for {strike.lasts_s:.1f} s")

    return fault


def _unheard(api: Api, met: Fault, how: str) -> Hit:
    """A request that was refused had no part in a transaction; data is only sent within one."""
    if api is Api.PRODUCE:
        return Hit(f"{_transaction(met)}: its data arrived{how}", in_transaction=True)
    return Hit(f"{_transaction(met)}: answered {met.error}{how}", in_transaction=met.error == NO_ERROR)


def sink_killed(world: TransformWorld, strike: Strike) -> Hit | None:
    """SIGKILL."""
    member = world.sinks.pick(strike.pick)
    world.sinks.kill(member)
    world.supervise()
    return Hit(_told(member), in_transaction=False)


def sink_frozen(world: TransformWorld, strike: Strike) -> Hit | None:
    """SIGSTOP, SIGCONT."""
    member = world.sinks.pick(strike.pick)
    member.process.freeze()
    try:
        world.sleep(strike.lasts_s)
    finally:
        member.process.thaw()
    return Hit(f"{_told(member)} for {strike.lasts_s:.1f} s", in_transaction=False)


FAULTS: dict[str, Make] = {
    "killed-before-EndTxn": killed_before,
    "killed-after-EndTxn": killed_after,
    "frozen-past-session": frozen,
    "txn-coordinator-killed": broker_killed(Api.END_TXN),
    "txn-leader-killed": broker_killed(Api.PRODUCE),
    **{f"{name}-held": held(api) for name, api in REQUESTS.items()},
    **{f"{name}-swallowed": swallowed(api) for name, api in REQUESTS.items()},
    **{f"{name}-stalled": stalled(api) for name, api in REQUESTS.items()},
    "sink-killed": sink_killed,
    "sink-frozen": sink_frozen,
}
