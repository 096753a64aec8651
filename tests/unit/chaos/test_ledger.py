import numpy as np

from tests.chaos.ledger import Entry, Ledger


def test_keeps_what_was_acknowledged():
    ledger = Ledger()
    for entry in (Entry(0, 5, 10, 77), Entry(1, 2, 0, 88), Entry(0, 4, 3, 99)):
        ledger.hand_over(entry.partition)
        ledger.acknowledge(entry)
    assert [column.tolist() for column in ledger.columns()] == [
        [0, 1, 0],
        [5, 2, 4],
        [10, 0, 3],
        [77, 88, 99],
    ]
    assert (len(ledger), ledger.rows, ledger.waiting, ledger.under_way()) == (3, 13, 0, {})


def test_knows_the_last_message_that_makes_rows():
    ledger = Ledger()
    for entry in (Entry(0, 5, 10, 77), Entry(0, 6, 0, 88), Entry(1, 9, 0, 99)):
        ledger.hand_over(entry.partition)
        ledger.acknowledge(entry)
    assert ledger.last_valid() == {0: 5}


def test_knows_what_is_under_way_and_what_nobody_knows():
    ledger = Ledger()
    ledger.hand_over(3)
    ledger.hand_over(3)
    assert (ledger.under_way(), ledger.waiting) == ({3: 2}, 2)
    ledger.give_up(3, 12, 77)
    assert (ledger.under_way(), ledger.waiting) == ({3: 1}, 1)
    assert ledger.unknown() == [Entry(3, -1, 12, 77)]
    assert len(ledger) == 0


def test_what_it_saves_is_what_it_knows(tmp_path):
    ledger = Ledger()
    ledger.hand_over(0)
    ledger.acknowledge(Entry(0, 5, 10, 1 << 32))
    ledger.save(tmp_path / "ledger.npy")
    assert np.load(tmp_path / "ledger.npy").tolist() == [[0], [5], [10], [1 << 32]]
