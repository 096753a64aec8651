import random
from itertools import count, islice, pairwise

import msgspec
import numpy as np
import pytest

from common.model.codec import Codec, encode
from common.streams.collatz import LARGEST_NUMBER, TOPIC, Options, Walk, generate, rows, walk_of

codec = Codec(Walk)


def emissions(options, seed=1):
    clock = count(1_795_000_000)
    return generate(random.Random(seed), options, lambda: float(next(clock)))


def as_integers(pairs):
    return [low + (high << 64) for low, high in pairs.tolist()]


@pytest.mark.parametrize(
    ("number", "walk"),
    [
        (1, [1]),
        (2, [2, 1]),
        (3, [3, 10, 5, 16, 8, 4, 2, 1]),
        (6, [6, 3, 10, 5, 16, 8, 4, 2, 1]),
        (16, [16, 8, 4, 2, 1]),
    ],
)
def test_the_walk_of_a_small_number(number, walk):
    assert walk_of(number) == walk


@pytest.mark.parametrize(
    ("number", "steps", "peak"),
    [
        # OEIS A006877, A006878, A025586 and, for the peaks above 64 bits, Oliveira e Silva's table
        (27, 111, 9_232),
        (97, 118, 9_232),
        (871, 178, 190_996),
        (77_031, 350, 21_933_016),
        (837_799, 524, 2_974_984_576),
        (63_728_127, 949, 966_616_035_460),
        (12_327_829_503, 543, 20_722_398_914_405_051_728),
    ],
)
def test_the_walk_of_a_known_number_has_its_length_and_peak(number, steps, peak):
    walk = walk_of(number)
    assert (len(walk) - 1, max(walk)) == (steps, peak)


@pytest.mark.parametrize("seed", range(10))
def test_every_step_follows_the_rule_down_to_1(seed):
    walk = walk_of(random.Random(seed).randint(1, LARGEST_NUMBER))
    for here, there in pairwise(walk):
        assert there == (here // 2 if here % 2 == 0 else 3 * here + 1)
    assert walk[-1] == 1
    assert 1 not in walk[:-1]


def test_a_range_comes_once_and_in_order():
    made = list(emissions(Options(first=5, last=12)))
    assert [emission.event.number for emission in made] == list(range(5, 13))
    assert [emission.key for emission in made] == [b"%d" % number for number in range(5, 13)]
    assert {emission.topic for emission in made} == {TOPIC}


def test_a_range_may_hold_one_number():
    assert [emission.event.number for emission in emissions(Options(first=7, last=7))] == [7]


def test_without_a_range_random_numbers_come_without_end():
    numbers = [emission.event.number for emission in islice(emissions(Options()), 500)]
    assert all(1 <= number <= LARGEST_NUMBER for number in numbers)
    assert len(set(numbers)) == 500
    assert max(numbers) > LARGEST_NUMBER // 2


def test_the_same_seed_draws_the_same_numbers():
    drawn = [[e.event.number for e in islice(emissions(Options(), seed), 5)] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_an_event_carries_its_whole_walk_and_the_producers_clock_in_milliseconds():
    first, second = emissions(Options(first=6, last=7))
    assert first.event == Walk(6, [6, 3, 10, 5, 16, 8, 4, 2, 1], 1_795_000_000_000)
    assert second.event.timestamp == 1_795_000_001_000


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"first": 3}, id="--from alone"),
        pytest.param({"last": 3}, id="--to alone"),
        pytest.param({"first": 4, "last": 3}, id="backwards"),
        pytest.param({"first": -1, "last": 3}, id="negative"),
        pytest.param({"first": 1, "last": LARGEST_NUMBER + 1}, id="too large"),
        pytest.param({"first": "one", "last": 3}, id="not a number"),
    ],
)
def test_options_that_make_no_sense_are_refused(given):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, Options)


@pytest.mark.parametrize("given", [{}, {"first": 1, "last": LARGEST_NUMBER}, {"first": 3, "last": 3}])
def test_options_that_make_sense_are_accepted(given):
    assert msgspec.convert(given, Options) == Options(**given)


def test_values_above_64_bits_pass_through_json_and_columns_exactly():
    walk = walk_of(12_327_829_503)
    (event,) = codec.decode([encode(Walk(12_327_829_503, walk, 0))]).events
    assert as_integers(rows([event]).columns["value"]) == walk


def test_the_largest_value_of_128_bits_passes_exactly():
    (event,) = codec.decode([encode(Walk(1, [1, 2**128 - 1, 1], 0))]).events
    assert as_integers(rows([event]).columns["value"]) == [1, 2**128 - 1, 1]


@pytest.mark.parametrize(
    ("number", "walk", "timestamp"),
    [
        pytest.param(0, [0, 1], 0, id="zero"),
        pytest.param(-3, [-3, 1], 0, id="negative"),
        pytest.param(LARGEST_NUMBER + 1, [LARGEST_NUMBER + 1, 1], 0, id="number too large"),
        pytest.param(3, [], 0, id="no walk"),
        pytest.param(3, [10, 5, 1], 0, id="does not begin with the number"),
        pytest.param(3, [3, 10, 5], 0, id="does not end at 1"),
        pytest.param(3, [3, 0, 1], 0, id="zero on the way"),
        pytest.param(3, [3, 2**128, 1], 0, id="above 128 bits"),
        pytest.param(3, [3, 10.0, 1], 0, id="a fraction on the way"),
        pytest.param(1, [1], -1, id="timestamp negative"),
        pytest.param(1, [1], 10**14 + 1, id="timestamp too large"),
    ],
)
def test_a_walk_that_is_none_is_bad_data(number, walk, timestamp):
    value = encode({"number": number, "walk": walk, "timestamp": timestamp})
    assert codec.decode([value]).bad.keys() == {0}


def test_a_walk_makes_a_row_a_step_with_step_0_the_number_itself():
    made = rows([Walk(3, walk_of(3), 7), Walk(1, [1], 8), Walk(2, [2, 1], 9)])
    assert made.per_event.tolist() == [8, 1, 2]
    columns = {name: column.tolist() for name, column in made.columns.items() if name != "value"}
    assert columns == {
        "number": [3] * 8 + [1] + [2] * 2,
        "step": [0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 1],
        "timestamp": [7] * 8 + [8] + [9] * 2,
    }
    assert as_integers(made.columns["value"]) == [3, 10, 5, 16, 8, 4, 2, 1, 1, 2, 1]


def test_columns_have_the_width_of_their_types():
    kinds = {name: column.dtype for name, column in rows([Walk(1, [1], 0)]).columns.items()}
    assert kinds == {"number": np.uint64, "step": np.uint32, "value": np.uint64, "timestamp": np.int64}


def test_no_event_makes_no_row():
    made = rows([])
    assert made.per_event.tolist() == []
    assert {name: len(column) for name, column in made.columns.items()} == dict.fromkeys(made.columns, 0)
