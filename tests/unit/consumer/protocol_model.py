"""A seeded world around the real Sink, Lane, Recovery and Intent: one partition, two workers, everything that can fail.

Each schedule is a row of small steps drawn at random: a turn of a worker's main thread, one statement of its insert
thread, a commit or an INSERT that arrives late, a crash, a frozen process, a rebalance, the death of the server.
After it everything heals and drains; then each row must be there once. Two promises are checked all along: no row is
there twice, and the committed offset passes nothing that is not stored.
"""

from __future__ import annotations

import logging
import random
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from common.commits.intent import decode
from common.errors import (
    ClickHouseRefused,
    ClickHouseUnavailable,
    CommitAmbiguous,
    CommitRefused,
    FeedBlocked,
    PenstockError,
)
from common.model.ranges import Committed
from common.model.record import Partition, Record, Slab
from consumer.metrics import SinkMetrics
from consumer.sink.cutting import Cut, Limits
from consumer.sink.inserter import Result
from consumer.sink.insertion import Insertion, State
from consumer.sink.lane import Lane
from consumer.sink.lanes import Budget, Lanes
from consumer.sink.recovery import Recovery
from consumer.sink.sink import Sink
from tests.unit.consumer.fake_tables import (
    FakeTables,
    Fate,
    Insert,
    acknowledged,
    lost_acknowledgement,
    never_arrived,
    still_running,
    too_big,
)
from tests.unit.consumer.material import (
    BAD,
    DAILY,
    HERE,
    INTENT,
    ONE_EACH,
    PARTS,
    TOKENS,
    TP,
    array,
    buffer,
    event,
    feed,
    record,
)

METRICS = SinkMetrics()
DRAINING_STEPS = 3_000
FEEDS = ((ONE_EACH,), (DAILY,), (PARTS, DAILY))
HOLE = object()
"""An offset without a message: a transaction marker, an aborted or compacted record."""


class Violation(AssertionError):
    """A row is lost, or there twice, or a dead letter is lost."""


class Stuck(AssertionError):
    """After everything healed the workers do not come to an end."""


class Killed(BaseException):
    """The process is gone while its statement or its commit is on its way."""


class Stopped(BaseException):
    """Ends a replay where the next statement would be sent."""


# What can go wrong, and how often


@dataclass(frozen=True)
class Weather:
    """Percent of the commits and INSERTs that meet each fate, of the counts that fail; how often steps are taken.

    A schedule has each kind of fault with the probability `mixed`: one fault alone finds what many together hide.
    """

    commits: Mapping[str, float] = field(
        default_factory=lambda: {
            "not sent": 5,
            "refused": 4,
            "ambiguous": 6,
            "unseen": 6,
            "late": 8,
            "killed": 4,
        }
    )
    inserts: Mapping[str, float] = field(
        default_factory=lambda: {
            "unanswered": 8,
            "lost": 6,
            "runs on": 10,
            "late": 10,
            "dies": 10,
            "refused": 2,
            "killed": 5,
        }
    )
    failing_counts: float = 6
    largest_blocks: tuple[int, ...] = (1_000,)
    late_when_too_big: float = 0.3
    steps: Mapping[str, float] = field(default_factory=dict)
    tick_s: float = 0.1
    length: int = 90
    mixed: float = 1.0


MIXED = Weather(mixed=0.7)
LOST_COMMITS = Weather(
    commits={"unseen": 2, "late": 35, "killed": 10},
    inserts={"late": 5},
    failing_counts=0,
    steps={
        "turn": 80,
        "statement": 80,
        "produce": 12,
        "crash": 8,
        "rebalance": 4,
        "freeze or thaw": 2,
        "late commit lands": 8,
    },
    tick_s=0.5,
    length=200,
)
LATE_COPIES = Weather(
    commits={"refused": 3},
    inserts={"runs on": 30, "late": 15, "dies": 5, "killed": 5, "refused": 8},
    failing_counts=0,
    steps={"statement": 60, "late insert arrives": 10, "running insert advances": 3},
    tick_s=1.0,
    length=150,
)
DEAD_SERVERS = Weather(
    commits={},
    inserts={"dies": 50, "killed": 20},
    failing_counts=0,
    steps={
        **{"statement": 120, "produce": 12, "late insert arrives": 1, "crash": 0.5},
        **{"rebalance": 0.5, "freeze or thaw": 0.5, "server dies": 0.5},
    },
    tick_s=1.0,
    length=200,
)
FAILING_COUNTS = Weather(commits={}, inserts={"unanswered": 60}, failing_counts=60, tick_s=1.0, length=120)
LARGE_BLOCKS = Weather(
    commits={"refused": 1},
    inserts={"late": 8, "unanswered": 8},
    failing_counts=1,
    largest_blocks=(2, 3),
    late_when_too_big=0.15,
    steps={"statement": 60, "late insert arrives": 1, "crash": 0.5, "rebalance": 0.5, "freeze or thaw": 1},
    tick_s=2.0,
    length=250,
)
WEATHERS = (MIXED, MIXED, MIXED, LOST_COMMITS, LATE_COPIES, DEAD_SERVERS, FAILING_COUNTS, LARGE_BLOCKS)


# Kafka


class TravellingCommit(NamedTuple):
    """A commit whose fate its sender does not know."""

    member: int
    generation: int
    committed: Committed


class Kafka:
    """The log of one partition, and a group of which the current generation alone may commit."""

    def __init__(self, world: World) -> None:
        self.world = world
        rng = world.rng
        self.log = [random_message(rng) for _ in range(rng.randint(4, 9))]
        self.log_start = self.readable = 0
        self.committed = Committed(0, INTENT.encode())
        self.generation = 0
        self.members: set[int] = set()
        self.travelling: list[TravellingCommit] = []
        self.owner: int | None = None

    def slab(self, start: int, size: int) -> Slab:
        """What a poll returns: offsets from `start` on, those with a message and those without."""
        end = min(self.readable, start + size)
        offsets = [offset for offset in range(start, end) if self.log[offset] is not HOLE]
        values = [self.log[offset] for offset in offsets]
        return Slab(start, end, offsets, values, list(map(record, offsets, values)))

    def rebalance(self, members: set[int]) -> None:
        """A new generation of these members, one of which gets the partition."""
        self.generation += 1
        self.members = members
        self.owner = self.world.rng.choice(sorted(members)) if members else None

    def takes(self, member: int, generation: int) -> bool:
        """Whether a commit of that member is not fenced."""
        return member in self.members and generation == self.generation

    def apply(self, committed: Committed) -> None:
        """The offset moves; it must not pass what is not stored."""
        self.world.check_passed(committed.offset)
        self.committed = committed

    def land(self, commit: TravellingCommit) -> None:
        """A commit arrives late: applied, unless a newer generation has begun."""
        self.travelling.remove(commit)
        if self.takes(commit.member, commit.generation):
            self.world.seen.add("a late commit that is applied")
            self.apply(commit.committed)
        else:
            self.world.seen.add("a late commit that is fenced")


def random_message(rng: random.Random) -> Any:
    """A value of the log: mostly an event, now and then several, none, or bad data."""
    kind = rng.random()
    if kind < 0.08:
        return BAD
    if kind < 0.14:
        return HOLE
    if kind < 0.2:
        return array(event(1, 1, rng.randrange(2)), event(2, 1, rng.randrange(2)))
    return event(rng.randrange(9), rng.choice([1, 1, 2]), rng.randrange(2))


# ClickHouse


class Server(FakeTables):
    """Tables whose INSERTs meet a random fate: late copies, running ones, a death between token and part."""

    def __init__(self, world: World, tables: tuple) -> None:
        super().__init__(tables)
        self.world = world
        self.network: list[Insert] = []
        self.largest_block = world.rng.choice(world.sky.largest_blocks)
        self._fates: dict[str, Fate] = {
            "": acknowledged,
            "unanswered": lost_acknowledgement,
            "lost": never_arrived,
            "runs on": still_running,
            "late": Server._arrives_late,
            "dies": Server._dies_in_it,
            "refused": Server._is_refused,
            "killed": Server._outlives_its_sender,
        }

    def insert(self, table, columns, *, token, query_id) -> bool:
        if len(columns["_off"]) > self.largest_block and not self.world.healed:
            fate: Fate = Server._too_big
        else:
            fate = self._fates[self.world.draw("", self.world.sky.inserts)]
        self.fates = deque([fate])
        return super().insert(table, columns, token=token, query_id=query_id)

    def _arrives_late(self, copy: Insert) -> None:
        self.network.append(copy)
        raise ClickHouseUnavailable("no answer")

    def _outlives_its_sender(self, copy: Insert) -> None:
        self.network.append(copy)
        raise Killed

    def _dies_in_it(self, copy: Insert) -> None:
        """Some table partitions are in, perhaps the token of one more."""
        self.land(copy, self.world.rng.randint(0, len(copy.parts)))
        if copy.parts and self.world.chance(0.7):
            self.log(copy)
        self.die()
        raise ClickHouseUnavailable("the server went away")

    def _is_refused(self, copy: Insert) -> None:
        raise ClickHouseRefused("no such table, for now")

    def _too_big(self, copy: Insert) -> None:
        """A block that is reset; its copy may be taken in after all, when memory is free again."""
        if self.world.chance(self.world.sky.late_when_too_big):
            self.network.append(copy)
        too_big(self, copy)

    def stored(self, table, ranges):
        self._fail_sometimes()
        return super().stored(table, ranges)

    def is_running(self, query_id_prefix: str) -> bool:
        self._fail_sometimes()
        return super().is_running(query_id_prefix)

    def _fail_sometimes(self) -> None:
        if self.world.draw("", {"fails": self.world.sky.failing_counts}):
            raise ClickHouseUnavailable("no answer")

    def place(self, copy: Insert) -> None:
        super().place(copy)
        if any(times > 1 for times in self.rows[copy.table].values()):
            raise Violation(f"{copy.table} holds a row twice, after {copy.token}")

    def arrive(self, copy: Insert) -> None:
        """A late copy reaches the server, which refuses a second query of the same id."""
        self.network.remove(copy)
        self.world.seen.add("a late INSERT")
        if all(copy.query_id != other.query_id for other in self.running):
            self.running.append(copy)

    def advance(self, copy: Insert) -> None:
        """A running copy gets on: it logs the token of a table partition, or puts the part of one in place."""
        if copy.logged:
            self.place(copy)
        elif copy.parts:
            self.log(copy)
        if not copy.parts and not copy.logged:
            self.running.remove(copy)

    def die(self) -> None:
        """Killed and started again: what ran is gone; a token may be logged whose part is not (C5)."""
        self.running.clear()


# A worker: its main thread, its insert thread


class InsertThread:
    """Carries out insertions a statement at a time: plays back what was answered so far, sends the next statement."""

    def __init__(self, worker: Worker) -> None:
        self.worker, self.world = worker, worker.world
        self.insertions: deque[Insertion] = deque()
        self.landed: list[Result] = []
        self._answers: list[object] = []
        self._looks = False

    def submit(self, insertion: Insertion) -> None:
        self.insertions.append(insertion)

    def results(self) -> list[Result]:
        landed, self.landed = self.landed, []
        return landed

    def step(self) -> None:
        """One statement. A cancellation may come just too late for it."""
        insertion = self.insertions[0]
        self._real_state = insertion.state
        if insertion.is_cancelled and not self.world.chance(0.5):
            insertion._state = State.INSERTING
        self._replayed, self._sent = 0, False
        if not self._answers:  # it is looked at among others, or alone
            self._looks = insertion.must_count and self.world.chance(0.5)
        outcome, error = None, None
        try:
            recovery = self.world.house.recovery(self, TOKENS, self.world.tables)
            if self._looks:
                self.world.seen.add("a look")
            look = lambda: recovery.look([insertion]) if self._looks else []  # noqa: E731
            outcome = recovery.fill(insertion, *look()) or recovery.settle(insertion, *look())
        except Stopped:
            return
        except Killed:
            self.world.seen.add("a process killed in its INSERT")
            self.worker.crash()
            return
        except (ClickHouseUnavailable, FeedBlocked) as caught:
            error = caught
        finally:
            insertion._state = self._real_state
        self.insertions.popleft()
        self._answers.clear()
        self.landed.append(Result(insertion, outcome, error, 0.0))

    def _play(self, statement: Callable[[], object]) -> object:
        if self._replayed == len(self._answers):
            if self._sent:
                raise Stopped
            self._sent = True
            self.insertions[0]._state = self._real_state
            self._answers.append(self._answer(statement))
        answer = self._answers[self._replayed]
        self._replayed += 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    @staticmethod
    def _answer(statement: Callable[[], object]) -> object:
        try:
            return statement()
        except PenstockError as error:
            return error

    def insert(self, table, columns, *, token, query_id):
        return self._play(lambda: self.world.server.insert(table, columns, token=token, query_id=query_id))

    def stored(self, table, ranges):
        return self._play(lambda: self.world.server.stored(table, ranges))

    def is_running(self, query_id_prefix):
        return self._play(lambda: self.world.server.is_running(query_id_prefix))


class Letter:
    """A dead letter under way."""

    def __init__(self, offset: int) -> None:
        self.offset, self.is_acknowledged, self.error = offset, False, None


class Worker:
    """A sink process. Its loop is member.loop in small, its group sink.assignment and kafka_io.group."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.is_frozen = False
        self.start()

    def start(self) -> None:
        """A new process: it holds nothing and is no member of anything."""
        world = self.world
        self.member, self.generation, self.changed, self.is_stopping = -1, -1, True, False
        self.position = 0
        self.thread = InsertThread(self)
        self.letters: list[Letter] = []
        self.sink = world.house.sink(
            Lanes(Budget(memory_bytes=1 << 40, dead_letter_limit=1 << 30)),
            self,
            self.thread,
            self,
            METRICS,
            instance=f"w{world.fresh_id()}",
            jitter=lambda: 0.0,
        )

    def crash(self) -> None:
        """Gone at whatever instruction; what it sent travels on. Its member id stays until it is evicted."""
        self.start()
        self.is_frozen = self.world.chance(0.5) and not self.world.healed  # until somebody starts it again

    # the main thread

    def turn(self) -> None:
        """One round of the loop."""
        try:
            if not self._is_member and self.world.chance(0.6):
                self.changed = True  # a poll finds out that it was evicted
            if self.changed:
                self.start_over()
            for lane in self.sink.lanes:
                self.read(lane)
            for _, error in self.sink.step(self.world.now_s):
                self.block(error)
            for lane in self.sink.lanes:
                lane.fill(self.world.now_s, is_short_of_memory=self.world.chance(0.1))
            if self.is_stopping and not self.sink.lanes.is_busy:
                self.world.seen.add("a clean stop")
                self.leave()
                self.start()
        except CommitRefused:
            self.sink.drop()
            self.changed = True
        except CommitAmbiguous:
            self.sink.drop()
            self.leave()
        except Killed:
            self.crash()

    @property
    def _is_member(self) -> bool:
        return self.member in self.world.kafka.members

    def start_over(self) -> None:
        """S5: drop every buffer, join if need be, read the truth."""
        kafka = self.world.kafka
        self.sink.drop()
        if not self._is_member:
            self.member = self.world.fresh_id()
            self.world.rebalance(self)
        self.changed = False
        if kafka.owner == self.member:
            self.open()

    def open(self) -> None:
        """T5: a lane on what is committed, sought to it."""
        offset, metadata = self.world.kafka.committed
        self.position = offset
        self.sink.lanes.open({HERE: self.lane(offset, decode(metadata, "events/0"))})

    def lane(self, committed, intent, parked="") -> Lane:
        limits = Limits(self.world.rng.randint(1, 5), 1 << 30, 2.0)
        made = self.world.house.lane(self.world.feed, HERE, TP, committed, intent, limits)
        made.parked = parked
        return made

    def leave(self) -> None:
        """R1: out of the group; whatever it sent before is fenced from the next generation on."""
        self.changed = True
        if self._is_member:
            self.world.rebalance(leaving=self)

    def read(self, lane: Lane) -> None:
        """A poll."""
        if lane.is_hungry and not self.is_stopping and self.position < self.world.kafka.readable:
            slab = self.world.kafka.slab(self.position, self.world.rng.randint(1, 4))
            self.position = slab.next_offset
            lane.take([slab], self.world.kafka.readable)

    def stop(self) -> None:
        """SIGTERM: finish what is named, then leave."""
        if not self.is_stopping:
            self.is_stopping = True
            for lane in self.sink.lanes:
                lane.forget_unnamed()

    def block(self, error: FeedBlocked) -> None:
        """A refusal for good parks the feed; anything else that blocks means that a promise is broken."""
        if not isinstance(error, ClickHouseRefused):
            raise Violation(str(error))
        self.world.seen.add("a parked feed")
        self.park("refused")

    def park(self, reason: str) -> None:
        """Replace the lane by one that stands still, or by one at work again."""
        lane = self.sink.lanes.get(HERE)
        assert lane is not None
        self.sink.lanes.open({HERE: self.lane(lane.committed, lane.intent, reason)})
        self.position = lane.committed

    # what the sink asks of Kafka

    def commit(self, offsets, meanwhile=None) -> bool:
        """One attempt, whose fate is drawn."""
        if meanwhile:
            meanwhile()
        if self.changed:
            raise CommitRefused("the assignment changed")
        kafka, committed = self.world.kafka, offsets[HERE]
        fate = self.world.draw("applied", self.world.sky.commits)
        if fate == "not sent":
            return False
        if not kafka.takes(self.member, self.generation) or fate == "refused":
            raise CommitRefused("the generation is over")
        if fate == "late" or fate == "killed" and self.world.chance(0.5):
            kafka.travelling.append(TravellingCommit(self.member, self.generation, committed))
        elif fate != "unseen":
            kafka.apply(committed)
        if fate == "killed":
            self.world.seen.add("a process killed in its commit")
            raise Killed
        return fate == "applied" or self.ambiguous()

    def ambiguous(self) -> bool:
        raise CommitAmbiguous("no answer")

    def send(self, dead: Record, source: Partition, topic_id: str, reason: str, dead_topic: str) -> Letter:
        """A dead letter leaves; it is acknowledged later, or lost with the process."""
        self.letters.append(Letter(dead.offset))
        return self.letters[-1]

    def deliver_letters(self) -> None:
        for letter in self.letters:
            letter.is_acknowledged = True
            self.world.dead.add(letter.offset)
        self.letters.clear()


# The world


@dataclass(frozen=True)
class House:
    """The code under test, whole or with one rule broken."""

    lane: type[Lane] = Lane
    sink: Callable[..., Sink] = Sink
    recovery: type[Recovery] = Recovery
    worker: type[Worker] = Worker
    kafka: type[Kafka] = Kafka
    server: type[Server] = Server


@dataclass
class World:
    """One schedule, made of nothing but its seed."""

    seed: int
    house: House = House()
    weather: Weather | None = None
    now_s: float = 0.0
    healed: bool = False
    dead: set[int] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self._ids = 0
        self.sky = self.weather or self.rng.choice(WEATHERS)
        self._faults: dict[str, bool] = {}
        self.tables = self.rng.choice(FEEDS)
        self.feed = feed(*self.tables)
        self.kafka = self.house.kafka(self)
        self.server = self.house.server(self, self.tables)
        self.expected, self.expected_dead = self._expect()
        self.workers = [self.house.worker(self) for _ in range(2)]

    def _expect(self) -> tuple[dict[str, list[tuple[int, int, int]]], list[int]]:
        """The rows that the log makes, by an ordinary batch of all of it."""
        whole = buffer(*self.tables)
        self.kafka.readable = len(self.kafka.log)
        whole.add(self.kafka.slab(0, len(self.kafka.log)), 0.0)
        self.kafka.readable = 0
        made = whole.cut(Cut.AGE)
        rows = {
            name: [(TP, *at) for at in zip(block["_off"].tolist(), block["_row"].tolist(), strict=True)]
            for name, block in made.blocks.items()
        }
        return rows, [letter.record.offset for letter in made.dead]

    # chance

    def fresh_id(self) -> int:
        self._ids += 1
        return self._ids

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def draw(self, usual: str, chances: Mapping[str, float]) -> str:
        """Mostly what is usual; each schedule has kinds of faults that do not happen in it at all."""
        if self.healed:
            return usual
        dice = self.rng.random() * 100
        for fate, percent in chances.items():
            if fate not in self._faults:
                self._faults[fate] = self.chance(self.sky.mixed)
            dice -= percent
            if dice < 0:
                return fate if self._faults[fate] else usual
        return usual

    # steps

    def rebalance(self, joining: Worker | None = None, leaving: Worker | None = None) -> None:
        """A new generation. Who takes part starts over; who does not is evicted and need not know it yet."""
        part = []
        for worker in self.workers if hasattr(self, "workers") else []:
            takes_part = worker is joining or (
                worker is not leaving and worker._is_member and not worker.is_frozen and self.chance(0.85)
            )
            if takes_part:
                part.append(worker)
        self.kafka.rebalance({worker.member for worker in part})
        for worker in part:
            worker.generation, worker.changed = self.kafka.generation, True

    def run(self) -> None:
        """The whole schedule. Raises Violation or Stuck."""
        usual = {
            "turn": 40,
            "statement": 40,
            "produce": 6,
            "deliver letters": 4,
            "late insert arrives": 5,
            "running insert advances": 6,
            "late commit lands": 8,
            "wait": 3,
            "freeze or thaw": 5,
            "rebalance": 3,
            "crash": 3,
            "server dies": 2,
            "unpark": 2,
            "stop": 1,
        }
        weights = {**usual, **self.sky.steps}
        for step in self.rng.choices(list(weights), list(weights.values()), k=self.sky.length):
            self.now_s += self.sky.tick_s
            self.take(step)
        self._drain()
        self._check_end()

    def take(self, step: str) -> None:
        """One step, by its name."""
        getattr(self, "_" + step.replace(" ", "_"))()

    def _worker(self) -> Worker:
        return self.rng.choice(self.workers)

    def _turn(self) -> None:
        able = [worker for worker in self.workers if not worker.is_frozen]
        if able:
            self.rng.choice(able).turn()

    def _statement(self) -> None:
        able = [worker for worker in self.workers if worker.thread.insertions and not worker.is_frozen]
        if able:
            self.rng.choice(able).thread.step()

    def _produce(self) -> None:
        self.kafka.readable = min(len(self.kafka.log), self.kafka.readable + self.rng.randint(1, 4))

    def _deliver_letters(self) -> None:
        self._worker().deliver_letters()

    def _late_insert_arrives(self) -> None:
        if self.server.network:
            self.server.arrive(self.rng.choice(self.server.network))

    def _running_insert_advances(self) -> None:
        if self.server.running:
            self.server.advance(self.rng.choice(self.server.running))

    def _late_commit_lands(self) -> None:
        if self.kafka.travelling:
            self.kafka.land(self.rng.choice(self.kafka.travelling))

    def _wait(self) -> None:
        self.now_s += self.rng.choice([0.5, 4.0])

    def _freeze_or_thaw(self) -> None:
        worker = self._worker()
        worker.is_frozen = not worker.is_frozen and self.chance(0.5)

    def _rebalance(self) -> None:
        self.rebalance()

    def _crash(self) -> None:
        self._worker().crash()

    def _server_dies(self) -> None:
        self.server.die()

    def _unpark(self) -> None:
        worker = self._worker()
        lane = worker.sink.lanes.get(HERE)
        if lane is not None and lane.parked and not worker.is_frozen:
            worker.park("")

    def _stop(self) -> None:
        self._worker().stop()

    # the end

    def _drain(self) -> None:
        """No more faults; what is late may still arrive at any moment."""
        self.healed = True
        self.kafka.readable = len(self.kafka.log)
        for worker in self.workers:
            worker.is_frozen = False
        steps = ["turn", "turn", "statement", "statement", "deliver letters", "unpark"]
        steps += ["late insert arrives", "running insert advances", "late commit lands"]
        for _ in range(DRAINING_STEPS):
            if self._is_drained():
                return
            self.now_s += 0.3
            self.take(self.rng.choice(steps))
        raise Stuck(f"seed {self.seed}: committed {self.kafka.committed} of {len(self.kafka.log)}")

    def _is_drained(self) -> bool:
        busy = self.server.network or self.server.running or self.kafka.travelling
        if busy or self.kafka.committed.offset < len(self.kafka.log):
            return False
        return not any(worker.thread.insertions for worker in self.workers)

    def check_passed(self, offset: int) -> None:
        """S2: everything below a committed offset is stored, bad messages are dead letters."""
        for table, rows in self.expected.items():
            for at in rows:
                if at[1] < offset and not self.server.rows[table][at]:
                    raise Violation(f"{offset} is committed, {table} lacks row {at[2]} of offset {at[1]}")
        for dead in self.expected_dead:
            if dead < offset and dead not in self.dead:
                raise Violation(f"{offset} is committed, the dead letter of offset {dead} is lost")

    def _check_end(self) -> None:
        for table, rows in self.expected.items():
            there = self.server.rows[table]
            if sorted(there.elements()) != sorted(rows):
                raise Violation(f"{table} holds {dict(there)}, not {rows} once each")
        self.check_passed(len(self.kafka.log))


def main(first: int, last: int) -> None:
    """Run more schedules than a test has time for: python -m tests.unit.consumer.protocol_model 0 100000."""
    logging.disable(logging.CRITICAL)
    for seed in range(first, last):
        try:
            World(seed).run()
        except AssertionError as found:
            print(f"seed {seed}: {type(found).__name__}: {found}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
