from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone

import pytest

from common.model.texts_of_time import EPOCH, _of_one_shape, _ticks, ticks

LOWEST, LAST = -(2**63), 2**63 - 1


def text_of(rng, places=6, zone=None):
    zone = zone or timezone(timedelta(minutes=rng.randrange(-14 * 60, 14 * 60)))
    at = datetime(1900, 1, 1, tzinfo=UTC) + timedelta(seconds=rng.randrange(12 * 10**9))
    fraction = f".{rng.randrange(10**places):0{places}}" if places else ""
    return (
        at.astimezone(zone).isoformat().replace("+00:00", "Z").replace("Z", f"{fraction}Z")
        if zone is UTC
        else (at.astimezone(zone).isoformat()[:19] + fraction + at.astimezone(zone).isoformat()[19:])
    )


@pytest.mark.parametrize("seed", range(20))
def test_many_of_one_shape_are_what_each_is_alone(seed):
    rng = random.Random(seed)
    places = rng.randrange(10)
    texts = [text_of(rng, places, UTC) for _ in range(50)]
    assert _of_one_shape(texts) is not None
    needed = max(places, rng.randrange(7)) if places <= 6 else 9
    try:
        alone = [_ticks(text, needed) for text in texts]
        assert ticks(texts, needed, LOWEST, LAST).tolist() == alone
    except OverflowError:
        assert needed == 9


def test_texts_of_many_shapes_are_read_too():
    rng = random.Random(3)
    texts = [text_of(rng, rng.randrange(7)) for _ in range(200)]
    assert ticks(texts, 6, LOWEST, LAST).tolist() == [
        (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1) for text in texts
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "0000-01-01T00:00:00Z",
        "2026-01-01T00:00:0xZ",
        "2026-01-01T00:00:00",
        "2026/01/01T00:00:00Z",
        "",
    ],
)
def test_what_is_no_moment_is_refused_alone_and_among_others(wrong):
    right = "2026-01-01T00:00:00Z"
    for texts in ([wrong], [right, wrong], [wrong, right]):
        with pytest.raises(ValueError):
            ticks(texts, 3, LOWEST, LAST)


def test_a_leap_day_is_a_day():
    assert ticks(["2024-02-29T00:00:00Z", "2000-02-29T00:00:00Z"], 0, LOWEST, LAST).tolist() == [
        1709164800,
        951782400,
    ]


@pytest.mark.parametrize("zone", ["+24:00", "+01:60"])
def test_a_zone_that_is_none_is_refused(zone):
    with pytest.raises(ValueError):
        ticks([f"2026-01-01T00:00:00{zone}"] * 2, 3, LOWEST, LAST)


def test_what_lies_outside_of_the_range_is_refused():
    texts = ["2026-01-01T00:00:00Z", "2300-01-01T00:00:00Z"]
    with pytest.raises(OverflowError):
        ticks(texts, 9, LOWEST, LAST)
    with pytest.raises(OverflowError):
        ticks(texts, 0, 0, 2**32 - 1)


def test_what_is_finer_than_the_column_is_refused():
    with pytest.raises(ValueError):
        ticks(["2026-01-01T00:00:00.001Z", "2026-01-01T00:00:00.0001"[:23] + "1Z"][:1], 2, LOWEST, LAST)


def test_nothing_is_nothing():
    assert ticks([], 3, LOWEST, LAST).tolist() == []
