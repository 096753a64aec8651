"""What each column of the record takes from the messages."""

import numpy as np
import pytest

from common.model.record import Details
from common.model.record_columns import Headers, Key, Messages, Offset, PartitionNumber, Timestamp, Topic

DETAILS = Details(
    [5, -1, -2],
    [None, b"", b"\xff"],
    [(), [("a", None), ("a", b"1")], [("tr\udcff", b"\x00")]],
)
MESSAGES = Messages("orders", 3, np.array([7, 8, 2**63], np.uint64), DETAILS)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        pytest.param(Key(), [None, b"", b"\xff"], id="no key is not an empty one"),
        pytest.param(Timestamp(), [5, None, -2], id="-1 is no time, others before 1970 are"),
        pytest.param(
            Headers(),
            [[], [(b"a", None), (b"a", b"1")], [(b"tr\xff", b"\x00")]],
            id="names are bytes and may repeat",
        ),
        pytest.param(Topic(), ["orders"] * 3, id="topic"),
        pytest.param(PartitionNumber(), [3] * 3, id="partition"),
        pytest.param(Offset(), [7, 8, 2**63], id="offset"),
    ],
)
def test_its_values_are_what_the_record_says(column, values):
    assert list(column.values(MESSAGES)) == values


@pytest.mark.parametrize("column", [Topic(), PartitionNumber(), Offset()])
def test_where_a_message_lies_is_known_without_its_details(column):
    assert not column.needs_details
    assert len(column.values(MESSAGES._replace(details=None))) == 3


def test_some_messages_keep_what_is_theirs():
    some = MESSAGES.at(np.array([0, 2]))
    assert some.offsets.tolist() == [7, 2**63]
    assert some.carried == Details([5, -2], [None, b"\xff"], [(), [("tr\udcff", b"\x00")]])
    assert MESSAGES.at(np.arange(3)) is MESSAGES
    assert MESSAGES._replace(details=None).at(np.array([1])).offsets.tolist() == [8]
