import numpy as np
import pytest

from common.model.codec import Decoded
from common.model.stream import Rows
from consumer.addressing import with_address
from tests.unit.consumer.material import TP, address

OFFSETS = np.array([10, 12, 13], np.uint64)


def addressed(per_event, counts, rows):
    """The address columns for that many rows; counts None: an event a message, per_event None: a row an event."""
    made = Rows({"n": np.arange(rows)}, None if per_event is None else np.array(per_event, np.int64))
    decoded = Decoded([], None if counts is None else np.array(counts, np.int64), {})
    return with_address(made, decoded, OFFSETS, TP)


@pytest.mark.parametrize(
    ("per_event", "counts", "where"),
    [
        pytest.param(None, None, [(10, 0, 1), (12, 0, 1), (13, 0, 1)], id="a row a message"),
        pytest.param(
            [2, 1, 2], None, [(10, 0, 2), (10, 1, 2), (12, 0, 1), (13, 0, 2), (13, 1, 2)], id="rows"
        ),
        pytest.param([1, 0, 2], None, [(10, 0, 1), (13, 0, 2), (13, 1, 2)], id="no row of one event"),
        pytest.param(None, [1, 0, 1], [(10, 0, 1), (13, 0, 1)], id="a bad message"),
        pytest.param(None, [0, 2, 1], [(12, 0, 2), (12, 1, 2), (13, 0, 1)], id="an array"),
        pytest.param(
            [2, 1, 3],
            [2, 0, 1],
            [(10, 0, 3), (10, 1, 3), (10, 2, 3), (13, 0, 3), (13, 1, 3), (13, 2, 3)],
            id="rows of an array, a bad message behind it",
        ),
        pytest.param([0, 0, 2], [2, 1, 0], [(12, 0, 2), (12, 1, 2)], id="no row of an array"),
        pytest.param([], [0, 0, 0], [], id="nothing but bad messages"),
    ],
)
def test_each_row_says_where_it_comes_from(per_event, counts, where):
    columns = addressed(per_event, counts, len(where))
    assert address(columns) == where
    assert columns["_tp"].tolist() == [TP] * len(where)


def test_address_columns_have_the_width_of_their_types():
    kinds = {name: column.dtype for name, column in addressed([2, 1, 2], [1, 1, 1], 5).items() if name != "n"}
    assert kinds == {"_tp": np.uint64, "_off": np.uint64, "_row": np.uint32, "_rows": np.uint32}


def test_the_columns_of_the_table_come_along():
    assert addressed(None, None, 3)["n"].tolist() == [0, 1, 2]
