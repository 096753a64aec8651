import random

import pytest

from common.codec import Codec
from common.errors import BadData
from common.streams.collatz import Walk, rows, walk_of
from tests.chaos import messages
from tests.chaos.messages import SORTS_OF_BAD, Message, Numbers, checksum, drawn, good

NOW_MS = 1_795_000_000_000
CODEC = Codec(Walk)


def made_of(message: Message) -> int:
    """Rows that the sink would make; 0 for a dead letter."""
    try:
        return len(rows(CODEC.decode_message(message.value)).columns["step"])
    except BadData:
        return 0


def test_every_message_makes_as_many_rows_as_it_says():
    rng, numbers = random.Random(1), Numbers(1_000_001, 2)
    some = [drawn(rng, numbers, NOW_MS) for _ in range(3_000)]
    assert [made_of(message) for message in some] == [message.rows for message in some]
    bad = sum(message.rows == 0 for message in some)
    assert 0 < bad < 40
    assert sum(message.value[:1] == b"[" for message in some if message.rows) > 100


@pytest.mark.parametrize("sort", SORTS_OF_BAD)
def test_each_sort_of_badness_is_bad(sort):
    value = sort(Walk(27, walk_of(27), NOW_MS))
    assert made_of(Message(value, 0, 0)) == 0


def test_a_message_is_known_again_by_its_first_number_or_by_its_bytes():
    numbers = Numbers(5, 2)
    message = good(numbers, NOW_MS, array=3)
    assert (message.mark, numbers.take()) == (5, 11)
    bad = messages.bad(random.Random(2), numbers, NOW_MS)
    assert bad.mark == checksum(bad.value)


def test_no_value_has_a_checksum_that_no_value_can_have():
    assert checksum(None) > 2**32 - 1


def test_producers_side_by_side_never_send_the_same_number():
    taken = [numbers.take() for numbers in (Numbers(1, 2), Numbers(2, 2)) for _ in range(100)]
    assert len(set(taken)) == 200
