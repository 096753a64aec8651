"""What is kept of outputs leads to the verdict that all of them lead to."""

from __future__ import annotations

import random

import numpy as np
import pytest

from consumer.audit.outputs import Output, OutputsOfEach, OutputsThatCount
from consumer.audit.stage import Done, Entered, Left, StageVerdict, Sums, entered_of, judge_counts, judge_each
from consumer.audit.stages import COUNTED, SOURCE, _output

FIRST, END = 3, 40
NO_LETTERS = np.zeros(0, np.uint64)


def all_of(outputs):
    columns = list(zip(*outputs, strict=True)) or [()] * 5
    kinds = (np.uint64, np.uint64, np.int64, np.int64, bool)
    return Left(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))


def pairs(left):
    return sorted(zip(left.offsets.tolist(), left.indexes.tolist(), strict=True))


def kept_of(outputs):
    kept = OutputsOfEach(FIRST, END)
    for output in outputs:
        kept.add(output)
    return kept


def messages(rng, most):
    """Of offsets in [FIRST, END), some of them without a message."""
    offsets = np.array([at for at in range(FIRST, END) if rng.random() < 0.9], np.uint64)
    return Entered(offsets, np.array([rng.randint(1, most) for _ in offsets], np.int64))


def part_of(entered, first, next_offset):
    here = (entered.offsets >= first) & (entered.offsets < next_offset)
    return Entered(entered.offsets[here], entered.events[here])


def test_each_output_is_kept_with_its_address():
    outputs = [
        Output(3, 0),
        Output(39, 7),
        Output(5, 8),
        Output(5, 0),
        Output(5, 0),
        Output(2, 0),
        Output(40, 1),
    ]
    kept = kept_of(outputs)
    assert pairs(kept.within(FIRST, END)) == [(3, 0), (5, 0), (5, 0), (5, 8), (39, 7)]
    assert pairs(kept.within(4, 39)) == [(5, 0), (5, 0), (5, 8)]
    assert pairs(kept.outside(FIRST, END)) == [(2, 0), (40, 1)]


def test_a_forged_offset_takes_no_memory():
    assert pairs(kept_of([Output(2**63 - 1, 2**63 - 1)]).outside(FIRST, END)) == [(2**63 - 1, 2**63 - 1)]


@pytest.mark.parametrize("seed", range(200))
def test_parts_of_a_partition_come_to_the_verdict_of_the_whole(seed):
    rng = random.Random(seed)
    entered = messages(rng, most=rng.choice([1, 12]))
    outputs = [
        Output(int(offset), place)
        for offset, events in zip(*entered, strict=True)
        for place in range(events)
        if rng.random() < 0.97
    ]
    outputs += rng.choices(outputs, k=rng.randint(0, 3))
    outputs += [Output(rng.choice([0, 2, END, 99]), rng.randint(0, 9)) for _ in range(rng.randint(0, 3))]
    dead = np.unique(np.array([rng.randint(0, END) for _ in range(2)], np.uint64))
    before = Done(rng.randint(FIRST, END))
    looks = before, Done(rng.randint(before.read, END))
    whole, parts = StageVerdict("", "", ""), StageVerdict("", "", "")
    lowest = judge_each(whole, entered, all_of(outputs), dead, *looks)
    kept, cut = kept_of(outputs), rng.randint(FIRST, END)
    found = [
        judge_each(parts, part_of(entered, first, end), kept.within(first, end), dead, *looks)
        for first, end in ((FIRST, cut), (cut, END))
    ]
    found.append(judge_each(parts, entered_of([], []), kept.outside(FIRST, END), dead, *looks))
    assert parts == whole
    for kind in (0, 1):
        assert min((each[kind] for each in found if each[kind] is not None), default=None) == lowest[kind]


@pytest.mark.parametrize("seed", range(200))
def test_sums_come_to_the_verdict_of_all_counts(seed):
    rng = random.Random(seed)
    is_total = rng.random() < 0.5
    outputs = [
        Output(rng.randint(0, END), rng.randint(0, 2), rng.randint(0, 9), rng.randint(0, 2), is_total)
        for _ in range(rng.randint(0, 12))
    ]
    if is_total:  # what is late is a total, too: it goes with the message
        outputs = [output._replace(late=output.offset // 9) for output in outputs]
    before = Done(rng.randint(FIRST, END), rng.randint(0, 20))
    after = rng.choice([before, Done(rng.randint(before.read, END), rng.randint(0, 20))])
    entered = Sums().plus(messages(rng, most=3), NO_LETTERS, before)
    kept = OutputsThatCount(before.read)
    for output in outputs:
        kept.add(output)
    assert len(kept.left().offsets) <= 3
    whole, few = StageVerdict("", "", ""), StageVerdict("", "", "")
    judge_counts(whole, entered, all_of(outputs), before, after)
    judge_counts(few, entered, kept.left(), before, after)
    assert few == whole


def test_sums_of_parts_are_those_of_the_whole():
    entered, dead, before = messages(random.Random(1), most=4), np.array([5, 9, 30], np.uint64), Done(20)
    parts = [part_of(entered, first, end) for first, end in ((FIRST, 11), (11, END))]
    summed = Sums().plus(parts[0], dead, before).plus(parts[1], dead, before)
    assert summed == Sums().plus(entered, dead, before)
    assert summed.gone == entered.at(dead[:2])


def test_forged_counts_end_in_a_sum_that_fits_and_adds_up():
    kept = OutputsThatCount(10)
    for offset in (1, 1, 9, 9, 20, 20):
        kept.add(Output(offset, 0, 2**63 - 1, 2**63 - 1))
    left = kept.left()
    assert len(left.counted) == 3
    assert int(left.counted.sum()) > 0 and int(left.late.sum()) > 0


@pytest.mark.parametrize(
    ("counted", "is_taken"), [(b"5:1", True), (b"%d:0" % 2**53, False), (b"0:%d" % 2**53, False)]
)
def test_an_output_that_counts_more_than_any_log_holds_is_forged(counted, is_taken):
    _, output = _output([(SOURCE, b"name:7:0"), (COUNTED, counted)])
    assert (output is not None) is is_taken
