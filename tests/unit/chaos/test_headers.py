from __future__ import annotations

import random

import pytest

from tests.chaos.faults.data import MOST_ODD
from tests.chaos.headers import LONG_BYTES, SORTS, odd, oddly_headed
from tests.chaos.messages import UNPACKED_LIMIT_BYTES, Numbers
from tests.chaos.wire import batch

NOW_MS = 1_795_000_000_000
NAMES = [name for sort in SORTS for name, _ in sort]
VALUES = [value for sort in SORTS for _, value in sort]


def is_text(name):
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_names_are_no_text_empty_long_and_repeated():
    assert not all(map(is_text, NAMES))
    assert b"" in NAMES
    assert any(is_text(name) and len(name) == LONG_BYTES for name in NAMES)
    assert any(not is_text(name) and len(name) == LONG_BYTES for name in NAMES)
    assert any(len({name for name, _ in sort}) < len(sort) for sort in SORTS)
    assert any(name.startswith(b"penstock-") for name in NAMES)


def test_values_are_null_empty_long_and_binary():
    assert {None, b""} < set(VALUES)
    assert max(len(value or b"") for value in VALUES) == LONG_BYTES
    assert not all(is_text(value) for value in VALUES if value)


@pytest.mark.parametrize("seed", range(3))
def test_sorts_come_alone_and_together(seed):
    rng = random.Random(seed)
    drawn = [odd(rng) for _ in range(200)]
    assert set(SORTS) < set(drawn)
    assert all(drawn)


def test_good_and_bad_messages_have_odd_headers():
    rng, numbers = random.Random(4), Numbers(1, 1)
    some = [oddly_headed(rng, numbers, NOW_MS) for _ in range(100)]
    assert 20 < sum(message.rows == 0 for message in some) < 80
    assert all(message.headers for message in some)
    assert len({message.key for message in some if message.rows}) == sum(message.rows > 0 for message in some)


def test_the_same_seed_gives_the_same_messages():
    first, second = (oddly_headed(random.Random(9), Numbers(1, 1), NOW_MS) for _ in range(2))
    assert first == second


def test_a_batch_of_them_unpacks_to_less_than_the_sinks_limit():
    rng, numbers = random.Random(5), Numbers(1, 1)
    for _ in range(50):
        some = [oddly_headed(rng, numbers, NOW_MS) for _ in range(MOST_ODD)]
        assert batch(some, NOW_MS).size_in_bytes() < UNPACKED_LIMIT_BYTES
