import pytest

from api.axes import across, amounts, powers, texts_of


def at(*clocks, day=26):
    return [f"2026-11-{day}T{clock}Z" for clock in clocks]


@pytest.mark.parametrize(
    ("times", "texts"),
    [
        (at("22:14:00", "22:14:06"), [f"22:14:0{second}" for second in range(7)]),
        (at("22:14:01.5", "22:14:05"), [f"22:14:0{second}" for second in range(2, 6)]),
        (at("22:14:00.050", "22:14:00.170"), [f"22:14:00.{ms:03}" for ms in range(60, 180, 20)]),
        (at("20:00:00", "23:10:00"), ["20:00:00", "21:00:00", "22:00:00", "23:00:00"]),
        (at("22:14:00"), ["22:14:00"]),
        ([*at("23:59:57"), *at("00:00:03", day=27)], ["23:59:58", "23:59:59", "00:00:00", "00:00:01"]),
        (
            [*at("06:00:00", day=25), *at("18:00:00", day=26)],
            ["25 Nov 12:00", "26 Nov 00:00", "26 Nov 12:00"],
        ),
        ([*at("06:00:00", day=10), *at("18:00:00", day=18)], ["11 Nov", "13 Nov", "15 Nov", "17 Nov"]),
    ],
)
def test_times_are_of_a_clock_in_utc_and_no_two_ticks_say_the_same(times, texts):
    told = [text for text in across(times).texts if text in texts]
    assert told == texts
    assert len(set(across(times).texts)) == len(across(times).texts) <= 8


def test_the_date_of_times_is_told_once():
    assert across(at("22:14:00", "22:15:00")).label == "26 Nov 2026, UTC"
    assert across([*at("23:00:00"), *at("01:00:00", day=27)]).label == "26 Nov 2026 – 27 Nov 2026, UTC"


def test_steps_are_whole_numbers():
    axis = across([0, 1])
    assert (axis.places, axis.ticks, axis.texts) == ([0, 1], [0, 1], ["0", "1"])
    assert across([7]).ticks == [7]


def test_names_stand_side_by_side_and_are_cut_where_they_are_long_or_many():
    axis = across(["Sha", "a name that is longer than others"])
    assert (axis.places, axis.texts, axis.is_named) == ([0, 1], ["Sha", "a name that is lo…"], True)
    many = across([f"name {number}" for number in range(100)])
    assert len(many.places) == 100
    assert len(many.texts) <= 12


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0, 25_000, ["0", "5,000", "10,000", "15,000", "20,000", "25,000"]),
        (990, 1010, ["990", "995", "1,000", "1,005", "1,010"]),
        (0, 0.3, ["0.00", "0.05", "0.10", "0.15", "0.20", "0.25", "0.30"]),
        (-1, 1, ["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
        (0, 2e19, ["0", "5·10¹⁸", "1·10¹⁹", "1.5·10¹⁹", "2·10¹⁹"]),
        (5.25, 5.25, ["5.25"]),
        (9232, 9232, ["9,232"]),
    ],
)
def test_amounts_are_round_and_grouped(low, high, texts):
    assert texts_of(amounts(low, high)) == texts


def test_powers_of_ten_surround_what_is_drawn():
    assert powers(1, 9232) == ([1, 10, 100, 1000, 10_000], ["10⁰", "10¹", "10²", "10³", "10⁴"])
    ticks, _ = powers(3, 2e19)
    assert (ticks[0], len(ticks)) == (1, 8)
    assert ticks[-1] >= 2e19
