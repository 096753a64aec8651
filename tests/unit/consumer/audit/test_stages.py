"""What an audit of transforms makes of commits and logs that move while it looks, and of forged headers."""

from __future__ import annotations

import numpy as np
import pytest

from common.model.headers import SOURCE
from common.model.record import Layout, Partition, Record, Slab
from consumer.audit.stage import StageVerdict
from consumer.audit.stages import StageAuditor
from tests.unit.consumer.material import TOPIC_ID
from tests.unit.consumer.transform.group import COPY, FIRST, at
from tests.unit.consumer.transform.material import UP, visit

TARGET = Partition("copies", 0)


class Brokers:
    """An overview and a reader; `commits` are what the group has committed, one look after the other."""

    def __init__(self, commits, logs):
        self._commits, self._logs = iter(commits), logs

    def committed(self, group):
        return {FIRST: at(next(self._commits))}

    def layouts(self, topics):
        return {each.topic: Layout(TOPIC_ID, (each,)) for each in self._logs}

    def first_offsets(self, partitions):
        return dict.fromkeys(partitions, 0)

    def end_offsets(self, partitions):
        return {each: len(self._logs[each]) for each in partitions}

    def settled_ends(self, partitions):
        return self.end_offsets(partitions)

    def read(self, topic, partition, first, end, patience_s):
        records = self._logs[Partition(topic, partition)][first:end]
        yield Slab(
            first, end, [each.offset for each in records], [each.value for each in records], records, 100
        )


def output(number, name):
    return Record(number, 0, None, b"{}", [(SOURCE, name)])


def audit(names, *commits):
    """Of two messages, with outputs that bear these names."""
    source = [Record(number, 0, None, visit("a", number), ()) for number in range(2)]
    target = [output(number, name) for number, name in enumerate(names)]
    brokers = Brokers(commits, {FIRST: source, TARGET: target})
    auditor = StageAuditor(brokers, brokers, lambda topic, ids, by: {0: np.zeros(0, np.uint64)}, patience_s=1)
    return auditor.audit("visits", COPY, "team-transform")


def counts(verdict: StageVerdict) -> tuple[int, int, int, int]:
    return verdict.left, verdict.pending, verdict.missing, verdict.repeated


def test_outputs_that_are_committed_while_it_looks_are_not_repeated():
    assert counts(audit([UP + b":0:0", UP + b":1:0"], 1, 2)) == (2, 0, 0, 0)


def test_outputs_that_are_not_committed_even_then_are():
    found = audit([UP + b":0:0", UP + b":1:0"], 1, 1)
    assert counts(found) == (2, 1, 0, 1)
    assert found.lowest == {"missing": [], "repeated": [f"{FIRST} offset 1"]}


def test_the_lowest_address_of_what_is_missing_is_told():
    found = audit([UP + b":0:0"], 2, 2)
    assert counts(found) == (1, 0, 1, 0)
    assert found.lowest == {"missing": [f"{FIRST} offset 1"], "repeated": []}


@pytest.mark.parametrize("forged", [b":%d:0" % 10**30, b":-1:0", b":0:-1", b":1:%d" % 2**63, b":1", b":x:0"])
def test_outputs_with_forged_headers_are_somebody_elses(forged):
    verdict = audit([UP + b":0:0", UP + forged], 2, 2)
    assert counts(verdict) == (1, 0, 1, 0)
    assert verdict.is_judged
