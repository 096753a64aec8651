"""The check at the end of a chaos run: it finds nothing wrong where nothing is, and names the address of what is."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from infra.local.waiting import wait_until
from tests.chaos import headers, messages, wire
from tests.chaos.check import Check, Result
from tests.chaos.flow import Flow
from tests.chaos.ledger import Entry, Ledger
from tests.chaos.load import Producer
from tests.chaos.messages import Message, Numbers
from tests.support.pipeline import TIMESTAMP_MS
from tests.support.proof import Proof

GOOD, ARRAY, BAD = 30, 5, 4


class Told(Proof):
    """A pipeline whose producer's acknowledgements go into a ledger."""

    ledger: Ledger

    def send(self, message: Message, partition: int) -> Entry:
        self.ledger.hand_over(partition)
        future = self.producer.send(self.topic, key=b"k", value=message.value, partition=partition)
        entry = Entry(partition, future.get(timeout=30).offset, message.rows, message.mark)
        self.ledger.acknowledge(entry)
        return entry

    def compare(self) -> Result:
        check = Check(self.clickhouse, self.table, self.ledger)
        return check.run(self.stack.bootstrap_servers, self.dead_topic)


@pytest.fixture
def told(stack, request) -> Iterator[Told]:
    with Told(stack, request.node.name[:60], partitions=2) as told:
        told.ledger = Ledger()
        rng, numbers = random.Random(3), Numbers(1, 1)
        some = [messages.good(numbers, TIMESTAMP_MS) for _ in range(GOOD)]
        some += [messages.good(numbers, TIMESTAMP_MS, array=3) for _ in range(ARRAY)]
        some += [messages.bad(rng, numbers, TIMESTAMP_MS) for _ in range(BAD)]
        rng.shuffle(some)
        for index, message in enumerate(some):
            told.send(message, index % 2)
        told.sink()
        told.await_consumed()
        yield told


def entries(told: Told) -> list[Entry]:
    return [Entry(*each) for each in zip(*told.ledger.columns(), strict=True)]


def a_good_one(told: Told) -> Entry:
    return next(entry for entry in entries(told) if entry.rows > 3 and entry.partition == 1)


def at(told: Told, entry: Entry) -> str:
    return f"_tp = {told.tp(entry.partition)} AND _off = {entry.offset}"


def delete(told: Told, condition: str) -> None:
    told.query(f"ALTER TABLE {{table}} DELETE WHERE {condition} SETTINGS mutations_sync = 1")


def copy(told: Told, entry: Entry, changes: str, which: str = "1") -> None:
    """Insert the rows of an address once more, changed."""
    rows = f"SELECT * FROM {{table}} WHERE {at(told, entry)} AND {which}"
    told.query(f"INSERT INTO {{table}} SELECT * REPLACE ({changes}) FROM ({rows})")


def named(result: Result) -> list[tuple[str, int, int]]:
    return [(each.verdict, each.partition, each.offset) for each in result.findings]


def test_finds_nothing_wrong_where_nothing_is(told):
    result = told.compare()
    assert named(result) == []
    assert (result.messages, result.dead, result.letters) == (GOOD + ARRAY + BAD, BAD, BAD)
    assert result.rows == told.rows() == told.ledger.rows


@pytest.mark.parametrize(
    "which",
    ["_row = 0", "_row = 1", "_row + 1 = _rows", "_row >= 0"],
    ids=["first row", "second row", "last row", "all"],
)
def test_names_the_address_of_what_is_missing(told, which):
    entry = a_good_one(told)
    delete(told, f"{at(told, entry)} AND {which}")
    result = told.compare()
    assert named(result) == [("missing", entry.partition, entry.offset)]
    assert (result.missing, result.repeated) == (1, 0)


def test_names_the_address_of_what_is_repeated(told):
    entry = a_good_one(told)
    copy(told, entry, "_row AS _row", "_row = 2")
    result = told.compare()
    assert named(result) == [("repeated", entry.partition, entry.offset)]


def test_names_an_address_that_nobody_was_told_of(told):
    entry = a_good_one(told)
    copy(told, entry, "number + 1000 AS number, _off + 10000 AS _off")
    assert named(told.compare()) == [("stranger", entry.partition, entry.offset + 10_000)]


def test_a_message_without_an_answer_may_be_there_once_but_not_twice(told):
    entry = a_good_one(told)
    told.ledger.hand_over(entry.partition)
    told.ledger.give_up(entry.partition, entry.rows, entry.mark + 1_000)
    assert named(told.compare()) == []
    copy(told, entry, "number + 1000 AS number, _off + 10000 AS _off")
    result = told.compare()
    assert (named(result), result.unknown, result.unknown_stored) == ([], 1, 1)
    copy(told, entry, "number + 1000 AS number, _off + 20000 AS _off")
    found = told.compare()
    assert {verdict for verdict, *_ in named(found)} == {"stranger", "repeated"}


def test_names_rows_of_another_message_at_an_address(told):
    entry = a_good_one(told)
    delete(told, f"{at(told, entry)} AND _row = 0")
    copy(told, entry, "number + 1000 AS number, toUInt32(0) AS _row", "_row = 1")
    assert named(told.compare()) == [("wrong", entry.partition, entry.offset)]


def test_names_a_bad_message_without_a_dead_letter_and_a_letter_of_a_good_one(told):
    entry = a_good_one(told)
    told.ledger.hand_over(0)
    told.ledger.acknowledge(Entry(0, 9_999, 0, 7))
    letter(told, entry, b"{}")
    found = named(told.compare())
    assert found == [("missing", 0, 9_999), ("stranger", entry.partition, entry.offset)]


def letter(told: Told, entry: Entry, value: bytes | None) -> None:
    """A dead letter for an address, as a sink writes them."""
    headers = {"partition": str(entry.partition), "offset": str(entry.offset)}
    told.producer.send(
        told.dead_topic,
        key=b"k",
        value=value,
        headers=[(f"penstock-{name}", text.encode()) for name, text in headers.items()],
    ).get(timeout=30)


def test_a_bomb_has_a_letter_without_a_value_and_no_other_message_has(told):
    rng, numbers = random.Random(8), Numbers(10_000, 1)
    marks = [draw(rng, numbers, TIMESTAMP_MS).mark for draw in (messages.bomb, messages.undecodable)] * 2
    entries = [Entry(0, 8_000 + index, 0, mark) for index, mark in enumerate(marks)]
    for entry in entries:
        told.ledger.hand_over(0)
        told.ledger.acknowledge(entry)
    for entry in entries[:2]:
        letter(told, entry, None)
    letter(told, entries[2], b"what would have been unpacked")
    assert named(told.compare()) == [("wrong", 0, 8_001), ("wrong", 0, 8_002), ("missing", 0, 8_003)]


@pytest.fixture
def producer(told: Told) -> Iterator[Producer]:
    producer = Producer(
        told.settings.kafka, told.topic, told.ledger, random.Random(9), Numbers(20_000, 1), rows_per_s=0
    )
    yield producer
    producer.abandon()


@pytest.mark.parametrize("packed", wire.PACKERS)
def test_batches_made_by_hand_are_in_the_topic_at_the_offsets_that_the_ledger_knows(told, producer, packed):
    told.sinks[0].stop()
    ends = told.ends()
    for count, draw in ((20, headers.oddly_headed), (1, messages.bomb), (3, messages.undecodable)):
        producer.send_batch(1, count, draw, packed or (wire.ZSTD if draw is messages.bomb else wire.NONE))
    assert wait_until(lambda: told.ledger.waiting == 0, 30)
    assert told.ledger.unknown() == []
    assert told.ends() == {0: ends[0], 1: ends[1] + 24}
    new = [entry for entry in entries(told) if entry.partition == 1 and entry.offset >= ends[1]]
    assert [entry.offset for entry in new] == list(range(ends[1], ends[1] + 24))
    assert new[20].mark == messages.checksum(None)
    assert 0 < sum(entry.rows > 0 for entry in new) < 20


def test_the_flow_sees_what_is_stored_and_that_it_stands_still(told):
    flow = Flow(told.stack.clickhouse_port, told.table, told.ledger)
    flow.start()
    try:
        flow.look_again()
        assert flow.has_stored(told.ledger.last_valid())
        flow.begin()
        told.ledger.hand_over(0)  # never answered
        for _ in range(8):
            flow.look_again()
        assert flow.pauses().whole_s[0] > 1.0
        assert flow.pauses().whole_s.get(1, 0.0) == flow.pauses().behind_s.get(0, 0.0) == 0.0
        assert flow.behind({0: 10**6}).keys() == {0}
    finally:
        flow.stop()
