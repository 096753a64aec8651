import random

import pytest

from common.errors import BadData
from common.model.codec import Codec
from common.streams.collatz import Walk, rows, walk_of
from tests.chaos import messages
from tests.chaos.messages import (
    BIGGEST_BOMB,
    SORTS_OF_BAD,
    SORTS_OF_UNDECODABLE,
    UNPACKED_LIMIT_BYTES,
    Message,
    Numbers,
    bomb,
    checksum,
    drawn,
    good,
    undecodable,
)
from tests.chaos.wire import NONE, PACKERS, batch

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


@pytest.mark.parametrize("sort", SORTS_OF_BAD + SORTS_OF_UNDECODABLE)
def test_each_sort_of_badness_is_bad(sort):
    value = sort(Walk(27, walk_of(27), NOW_MS))
    assert made_of(Message(value, 0, 0)) == 0


def test_what_the_event_refuses_is_json_or_nearly():
    rng, numbers = random.Random(6), Numbers(1_000_001, 2)
    some = [undecodable(rng, numbers, NOW_MS) for _ in range(200)]
    assert len({message.value for message in some}) > 150
    assert all((message.rows, message.mark) == (0, checksum(message.value)) for message in some)


def test_a_bomb_is_a_small_batch_that_unpacks_above_the_limit_with_a_letter_without_a_value():
    rng, numbers = random.Random(7), Numbers(1_000_001, 2)
    for packed in PACKERS.keys() - {NONE}:
        message = bomb(rng, numbers, NOW_MS)
        assert UNPACKED_LIMIT_BYTES < len(message.value) <= BIGGEST_BOMB * UNPACKED_LIMIT_BYTES
        assert batch([message], NOW_MS, packed).size_in_bytes() < UNPACKED_LIMIT_BYTES / 2
        assert (message.rows, message.mark) == (0, checksum(None))
        assert made_of(message)  # but for its size it is good


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
