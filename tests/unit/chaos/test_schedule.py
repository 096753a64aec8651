from collections import Counter
from itertools import islice

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.schedule import (
    BY_NAME,
    GAPS_S,
    GROW,
    KINDS,
    LANES,
    MOST_SINKS,
    SESSION_S,
    SOLOS_A_STORM,
    STORM_S,
    listed,
    rounds,
)

FIVE_MINUTES, AN_HOUR = 18, 240  # rounds, at about 15 s a round
SEEDS = range(20)


def first(count, seed, **how):
    return list(islice(rounds(seed, **how), count))


def counted(some):
    return Counter(strike.kind.name for each in some for strike in each.strikes)


def test_a_seed_gives_the_same_rounds_each_time_and_another_seed_others():
    assert first(30, 7) == first(30, 7)
    assert first(30, 7) != first(30, 8)


def test_a_longer_run_begins_with_the_rounds_of_a_shorter_one():
    assert first(30, 7)[:10] == first(10, 7)


def test_lone_faults_come_in_turn_with_storms():
    for seed in SEEDS:
        some = first(12, seed)
        assert [each.is_storm for each in some] == ([False] * SOLOS_A_STORM + [True]) * 4
        assert [each.number for each in some] == list(range(1, 13))
        assert all(len(each.strikes) == 1 for each in some if not each.is_storm)


def test_five_minutes_see_nearly_every_kind_and_an_hour_every_kind_often():
    for seed in SEEDS:
        assert len(counted(first(FIVE_MINUTES, seed))) >= len(KINDS) - 4
        often = counted(first(AN_HOUR, seed))
        seldom = {kind.name: often[kind.name] for kind in KINDS if often[kind.name] < 10}
        assert seldom.keys() <= {"feed-parked"}  # a lone one, which takes long
        assert often["feed-parked"] >= 3


def storms():
    return [each for seed in SEEDS for each in first(30, seed) if each.is_storm]


def test_a_storm_has_all_lanes_or_all_but_one():
    missing = {tuple(set(LANES) - {strike.kind.lane for strike in storm.strikes}) for storm in storms()}
    assert missing == {(), ("sinks",), ("brokers",), ("clickhouse",)}


def test_a_lane_begins_no_fault_before_its_last_one_ended():
    for storm in storms():
        for lane in storm.lanes():
            lane = [strike for strike in lane if strike.kind.name != GROW]
            gap_s = GAPS_S[lane[0].kind.lane][0]
            for before, after in zip(lane, lane[1:], strict=False):
                assert after.at_s >= before.at_s + before.lasts_s + gap_s - 0.02
            assert lane[-1].at_s <= STORM_S


def test_an_hour_has_more_faults_than_the_thousand_that_must_hit():
    for seed in SEEDS:
        assert sum(counted(first(AN_HOUR, seed)).values()) > 2_000


def test_a_freeze_is_shorter_or_longer_than_the_session_as_its_name_says():
    assert BY_NAME["sink-frozen-shortly"].most_s < SESSION_S < BY_NAME["sink-frozen-past-session"].least_s


def test_brokers_are_far_for_seconds_up_to_a_storm_and_not_all_the_time():
    far = [strike for each in storms() for strike in each.strikes if strike.kind.name == "brokers-far"]
    assert 2 * len(storms()) > len(far) > len(storms()) / 2
    assert BY_NAME["brokers-far"].most_s == STORM_S
    assert all(strike.at_s + strike.lasts_s <= STORM_S + BY_NAME["brokers-far"].least_s for strike in far)
    assert sum(strike.lasts_s for strike in far) < 0.7 * len(storms()) * STORM_S


def test_every_fault_is_listed_with_its_lane():
    lines = listed()
    assert all(kind.name in lines for kind in KINDS)
    assert all(f"{lane}: " in lines for lane in LANES)
    assert max(map(len, lines.splitlines())) <= 118


def test_sinks_are_one_to_four():
    assert {each.sinks for each in first(200, 1)} == set(range(1, MOST_SINKS + 1))


def test_what_a_machine_does_not_allow_is_never_drawn():
    without = frozenset({"clickhouse-disk-full"})
    assert counted(first(100, 3, without=without))["clickhouse-disk-full"] == 0
    assert counted(first(100, 3))["clickhouse-disk-full"] > 0


def test_a_run_may_have_a_few_kinds_only():
    only = {"broker-killed", "trickle"}
    assert counted(first(30, 3, without=BY_NAME.keys() - only)).keys() == only


def test_every_kind_has_its_fault():
    assert FAULTS.keys() == BY_NAME.keys()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_fault_lasts_as_long_as_its_kind_says(kind):
    lasted = [
        strike.lasts_s
        for seed in range(5)
        for each in first(60, seed)
        for strike in each.strikes
        if strike.kind is kind
    ]
    assert lasted and kind.least_s <= min(lasted) <= max(lasted) <= kind.most_s
