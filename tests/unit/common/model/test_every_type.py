"""Every type of column: what lies within it becomes a row, what lies just beyond a dead letter that names it."""

import numpy as np
import pytest

from common.clickhouse_io.encoding import LONGEST_TYPE, EncodingCheck
from common.model.conversions import conversion
from common.model.kinds import split
from consumer.rows import RowMaker
from tests.support.every_type import CASES, feed_of, messages

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind[:60]}-{case.hint}"[:100])


def made_of(feed, *values):
    return RowMaker(feed, 7, check=EncodingCheck(feed.tables)).make(values, np.arange(len(values)))


def names_in(kind):
    name, arguments = split(kind)
    return {name}.union(*map(names_in, arguments))


def test_every_type_that_values_can_be_made_for_is_among_them():
    with pytest.raises(ValueError) as refusal:
        conversion("Unknown")
    known = set(str(refusal.value).partition(": ")[2].split(", "))
    known -= {"Decimal32", "Decimal256"}  # as Decimal64 and Decimal128
    assert known | {"Nullable", "LowCardinality", "Array", "Map"} <= {
        name for case in CASES for name in names_in(case.kind)
    }


def test_a_message_that_brings_all_of_them_makes_a_row():
    made = made_of(feed_of(*CASES), *messages())
    assert made.bad == {}
    assert len(made.blocks["every_type"]["_off"]) == len(messages())


@every_case
def test_a_value_beyond_an_end_is_refused_by_column_and_type(case):
    feed = feed_of(case)
    for text in case.bad:
        reason = str(made_of(feed, b'{"%b": %b}' % (case.name.encode(), text.encode())).bad[0])
        column = f"table every_type, column {case.name}, {case.kind[:LONGEST_TYPE]}"
        assert column in reason or f"`$.{case.name}" in reason, (text, reason)
