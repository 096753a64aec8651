"""Workers that die, hang and lose commits around the real windows, and what they have counted against plain loops.

Time goes in ticks of half a second. Nothing here looks at a clock: a schedule is made of its seed alone.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from common.commits.memory import Memory, decode
from common.model.codec import encode
from consumer.transform.windows import WindowWork
from consumer.transform.work import Remembered, Run
from tests.unit.consumer.transform.material import Visit, said, windows

TICK_MS = 500
SIZE_MS, GRACE_MS, AHEAD_MS = 3_000, 1_500, 5_000
PARTITIONS = 2
UPSTREAMS = [b"%016x" % number for number in (1, 2, 3)]
NEVER_SILENT_S, SILENCE_S = 1e9, 6.0
END = "end"
"""The key of the messages that close every window when a schedule is over."""

MEMORY = Memory(transform="visits.count", topic="00", sizes=(PARTITIONS, 1), read=0)
BAD = b'{"id": 5}'


class Violation(Exception):
    """Something was counted wrong."""


class Message(NamedTuple):
    """What lies at an offset; without a value, something that is no message for us."""

    upstream: bytes
    timestamp_ms: int
    value: bytes | None
    events: tuple[Visit, ...] = ()


class Output(NamedTuple):
    partition: int
    key: str
    start: int
    distinct: int
    late: int
    state: str


class Task:
    """One partition at a worker: the real work, and what it has made since the last commit."""

    def __init__(self, work, position):
        self.work, self.position = work, position
        self.outputs, self.dead = [], []


@dataclass
class House:
    """Which code runs; a test puts a broken one in its place."""

    work: type = WindowWork
    keeps_on: bool = False
    """A worker goes on with what it has in memory after a commit of unknown outcome (W5)."""
    keeps_memory: bool = False
    """A worker keeps what it had of a partition that comes back (W6)."""
    takes_all: bool = False
    """Commits of an older generation are applied."""


@dataclass(eq=False)
class Worker:
    generation: int = -1
    tasks: dict = field(default_factory=dict)
    memory: dict = field(default_factory=dict)


class World:
    def __init__(self, seed, house=None, *, silence=False):
        self.rng, self.house = random.Random(seed), house or House()
        self.stated = windows(
            size_s=SIZE_MS / 1000,
            grace_s=GRACE_MS / 1000,
            ahead_s=AHEAD_MS / 1000,
            silence_s=SILENCE_S if silence else NEVER_SILENT_S,
        )
        self.is_silent = silence
        self.logs = [[] for _ in range(PARTITIONS)]
        self.committed = [(0, None)] * PARTITIONS
        self.outputs, self.dead = [], []
        self.workers, self.generation, self.assigned = [Worker(), Worker()], 0, {}
        self.tick = self.named = 0
        self.asleep = dict.fromkeys(UPSTREAMS, 0)
        self.seen = Counter()
        self.rebalance()

    @property
    def now_s(self):
        return self.tick * TICK_MS / 1000

    # What is sent

    def event(self, now_ms):
        rng = self.rng
        behind = rng.randrange(9_000) if rng.random() < 0.1 else rng.randrange(1_000)
        key = rng.choice("ab")
        if self.named and rng.random() < 0.2:  # the same visit once more, in whatever window
            return Visit(
                f"v{rng.randrange(max(0, self.named - 5), self.named)}", max(0, now_ms - behind), key
            )
        self.named += 1
        return Visit(f"v{self.named}", max(0, now_ms - behind), key)

    def message(self, upstream):
        rng, now_ms = self.rng, self.tick * TICK_MS
        fate = rng.random()
        if fate < 0.05:
            return Message(upstream, now_ms, None)
        if fate < 0.08:
            return Message(upstream, now_ms, BAD)
        events = tuple(self.event(now_ms) for _ in range(rng.choice((1, 1, 1, 3))))
        if fate < 0.12:  # one of them is of the far future: all of them are bad
            future = Visit("x", now_ms + AHEAD_MS + 1 + rng.randrange(10**12), "a")
            return Message(upstream, now_ms, encode([*events, future]))
        return Message(upstream, now_ms, encode(events[0] if len(events) == 1 else events), events)

    def send(self):
        rng = self.rng
        for upstream in UPSTREAMS:
            if rng.random() < 0.03:
                self.asleep[upstream] = self.tick + rng.randrange(5, 40)
            if self.asleep[upstream] > self.tick:
                continue
            for log in self.logs:
                if rng.random() < 0.4:
                    log.append(self.message(upstream))
                    if rng.random() < 0.1:
                        log.append(log[-1])

    # Who works on it

    def rebalance(self):
        self.generation += 1
        numbers = list(range(PARTITIONS))
        self.rng.shuffle(numbers)
        count = len(self.workers)
        self.assigned = {worker: numbers[index::count] for index, worker in enumerate(self.workers)}

    def replace(self, worker):
        self.workers[self.workers.index(worker)] = Worker()
        self.rebalance()

    def join(self, worker):
        kept = worker.memory if self.house.keeps_memory else {}
        worker.generation = self.generation
        worker.tasks = {number: kept.get(number) or self.begin(number) for number in self.assigned[worker]}
        worker.memory = dict(worker.memory) | worker.tasks

    def begin(self, number):
        offset, metadata = self.committed[number]
        memory = decode(metadata, "here") if metadata else MEMORY
        self.seen["read again"] += memory.read - offset
        start = Remembered(offset, memory.read, memory.state)
        return Task(self.house.work(self.stated, start, self.now_s), offset)

    def step(self, worker, *, faults):
        if worker.generation != self.generation and (
            not (faults and worker.tasks) or self.rng.random() < 0.7
        ):
            return self.join(worker)  # else: it has not heard of the rebalance
        for number, task in worker.tasks.items():
            for _ in range(self.rng.randrange(3) if faults else 2):
                self.give(task, self.logs[number])
            made = task.work.tick(self.now_s, is_at_end=task.position == len(self.logs[number]))
            task.outputs += self.read(number, made)
        return self.commit(worker, faults=faults)

    def give(self, task, log):
        start, end = task.position, min(len(log), task.position + self.rng.randrange(1, 9))
        offsets = [offset for offset in range(start, end) if log[offset].value is not None]
        found = [log[offset] for offset in offsets]
        run = Run(
            start,
            end,
            [each.value for each in found],
            offsets,
            [each.timestamp_ms for each in found],
            [each.upstream for each in found],
        )
        number = self.logs.index(log)
        made = task.work.take(run, self.now_s)
        task.position = end
        task.outputs += self.read(number, made.outputs)
        task.dead += [(number, offsets[index]) for index in made.bad]

    def read(self, number, outputs):
        return [Output(number, *each) for each in said(outputs)]

    def commit(self, worker, *, faults):
        rng = self.rng
        tasks = {number: task for number, task in worker.tasks.items() if not task.work.is_behind}
        if faults and rng.random() < 0.03:
            self.seen["dies before its commit"] += 1
            return self.replace(worker)
        if worker.generation != self.generation and not self.house.takes_all:
            self.seen["is refused"] += 1
            return self.drop(worker)
        is_lost = faults and rng.random() < 0.08
        is_applied = not is_lost or rng.random() < 0.5
        if is_applied:
            for number, task in tasks.items():
                self.apply(number, task)
        if is_lost:
            self.seen["a commit is applied, unknown" if is_applied else "a commit is lost"] += 1
            if not self.house.keeps_on:
                return self.drop(worker)
        if faults and rng.random() < 0.03:
            self.seen["dies after its commit"] += 1
            return self.replace(worker)
        for task in tasks.values():
            task.outputs, task.dead = [], []
        return None

    def apply(self, number, task):
        offset, read, state = task.work.remembered
        memory = Memory(transform="visits.count", topic="00", sizes=(PARTITIONS, 1), read=read, state=state)
        self.committed[number] = offset, memory.encode("here")
        self.outputs += task.outputs
        self.dead += task.dead

    def drop(self, worker):
        worker.tasks, worker.memory, worker.generation = {}, {}, -1

    # A schedule

    def run(self, ticks=80):
        rng = self.rng
        for _ in range(ticks):
            self.tick += 1
            self.send()
            for worker in list(self.workers):
                if worker in self.workers and rng.random() < 0.7:
                    self.step(worker, faults=True)
            if rng.random() < 0.05:
                self.seen["a rebalance"] += 1
                if rng.random() < 0.3 and len(self.workers) < 3:
                    self.workers.append(Worker())
                elif rng.random() < 0.3 and len(self.workers) > 1:
                    self.workers.pop(rng.randrange(len(self.workers)))
                self.rebalance()
        self.finish()
        self.check()

    def finish(self):
        """Close every window: a message of each partition upstream, much later; nothing fails any more."""
        end_ms = (self.tick + 1_000) * TICK_MS
        for log in self.logs:
            for upstream in UPSTREAMS:
                last = Visit("end", end_ms, END)
                log.append(Message(upstream, end_ms, encode(last), (last,)))
        for _ in range(400):
            self.tick += 1
            for worker in self.workers:
                self.step(worker, faults=False)
            reads = [decode(metadata, "here").read if metadata else 0 for _, metadata in self.committed]
            if reads == list(map(len, self.logs)):
                return
        raise Violation("not everything is done")

    def check(self):
        outputs = [each for each in self.outputs if each.key != END]
        late, counts, final = Counter(), Counter(), {}
        for each in outputs:
            at = each[:3]
            late[at] += each.late
            counts[at] = max(counts[at], each.distinct)
            if each.state in ("final", "silence"):
                if at in final:
                    raise Violation(f"a final count comes twice: {at}")
                final[at] = each.distinct
        events, distinct = plain_totals(self.logs)
        for at, ids in distinct.items():
            count = final.get(at, 0)
            if count > ids or count + late[at] > events[at] or counts[at] > ids:
                raise Violation(f"counted too often: {at}")
            if ids > count + late[at]:
                raise Violation(f"lost: {at}")
            if counts[at] > count:
                raise Violation(f"an update says more than the final count: {at}")
        self.seen["late"] += sum(late.values())
        self.seen["closed by silence"] += sum(each.state == "silence" for each in outputs)
        if not self.is_silent:
            expect("closed by silence", self.seen["closed by silence"], 0)
            expect("differs from a recomputation", (final, +late), plain_counts(self.logs))
        expect("a dead letter is lost or comes twice", sorted(self.dead), sorted(plain_bad(self.logs)))


def expect(what, found, wanted):
    if found != wanted:
        raise Violation(f"{what}: {found}, not {wanted}")


# Plain loops over the log, which share no code with what they check.


def plain_bad(logs):
    return {
        (number, offset)
        for number, log in enumerate(logs)
        for offset, message in enumerate(log)
        if message.value is not None and not message.events
    }


def plain_totals(logs):
    """(partition, key, window) → how many events there were, and of how many different visits."""
    events, ids = Counter(), {}
    for number, log in enumerate(logs):
        for message in log:
            for event in message.events:
                if event.key != END:
                    at = number, event.key, event.time // SIZE_MS * SIZE_MS
                    events[at] += 1
                    ids.setdefault(at, set()).add(event.id)
    return events, {at: len(names) for at, names in ids.items()}


def plain_counts(logs):
    """(partition, key, window) → how many visits came in time; and how many events did not."""
    ids, late = {}, Counter()
    for number, log in enumerate(logs):
        reached, now = {}, -1
        for message in log:
            for event in message.events:
                start = event.time // SIZE_MS * SIZE_MS
                at = number, event.key, start
                if start + SIZE_MS + GRACE_MS <= now:
                    late[at] += 1
                elif event.key != END:
                    ids.setdefault(at, set()).add(event.id)
                reached[message.upstream] = max(event.time, reached.get(message.upstream, -1))
                now = max(now, min(reached.values()))
    return {at: len(names) for at, names in ids.items()}, late
