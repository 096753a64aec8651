"""The check at the end of a chaos run: it finds nothing wrong where nothing is, and names the address of what is."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.chaos import messages
from tests.chaos.check import Check, Result
from tests.chaos.flow import Flow
from tests.chaos.ledger import Entry, Ledger
from tests.chaos.messages import Message, Numbers
from tests.integration.pipeline import TIMESTAMP_MS
from tests.integration.proof import Proof

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
    headers = {"partition": str(entry.partition), "offset": str(entry.offset)}
    told.producer.send(
        told.dead_topic,
        value=b"{}",
        headers=[(f"penstock-{name}", text.encode()) for name, text in headers.items()],
    ).get(timeout=30)
    found = named(told.compare())
    assert found == [("missing", 0, 9_999), ("stranger", entry.partition, entry.offset)]


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
