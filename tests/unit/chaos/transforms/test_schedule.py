from collections import Counter
from itertools import islice

from tests.chaos.transforms.faults import FAULTS
from tests.chaos.transforms.schedule import (
    GAPS_S,
    KINDS,
    LANES,
    STORM_S,
    TRANSACTIONAL,
    lanes,
    listed,
    rounds,
    workers,
)

AN_HOUR = 30  # rounds, at about two minutes each
SEEDS = range(20)


def first(count, seed, **how):
    return list(islice(rounds(seed, **how), count))


def test_a_seed_gives_the_same_rounds_each_time_and_another_seed_others():
    assert first(10, 7) == first(10, 7) != first(10, 8)
    assert first(10, 7)[:4] == first(4, 7)


def test_an_hour_has_well_over_forty_of_each_transactional_kind():
    for seed in SEEDS:
        counted = Counter(strike.kind.name for each in first(AN_HOUR, seed) for strike in each.strikes)
        seldom = {kind.name: counted[kind.name] for kind in TRANSACTIONAL if counted[kind.name] < 55}
        assert not seldom


def test_each_round_has_every_lane_and_a_lane_one_fault_at_a_time():
    for each in first(20, 3):
        assert len(lanes(each)) == len(LANES)
        for lane in lanes(each):
            for before, after in zip(lane, lane[1:], strict=False):
                assert after.at_s >= before.at_s + before.lasts_s + GAPS_S[lane[0].kind.lane][0] - 0.02
            assert lane[-1].at_s <= STORM_S


def test_the_workers_of_a_storm_are_one_then_three_then_two():
    assert [workers(at_s) for at_s in (0.0, 19.9, 20.0, 59.9, 60.0, 500.0)] == [1, 1, 3, 3, 2, 2]


def test_kinds_can_be_left_out():
    names = {strike.kind.name for each in first(20, 1, without={"sink-killed"}) for strike in each.strikes}
    assert names == {kind.name for kind in KINDS} - {"sink-killed"}


def test_every_kind_is_made_by_a_fault_and_listed():
    assert FAULTS.keys() == {kind.name for kind in KINDS}
    assert all(name in listed() for name in FAULTS)
