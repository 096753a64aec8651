"""What is drawn of a histogram, character for character."""

import pytest

from consumer.plot.frame import ASCII_BLOCKS, Picture, frame

HILL = Picture("heat", -2.0, 2.0, [0, 4, 8, 2], None, "newest counts of 1 partitions")


def test_bars_stand_over_an_axis_with_edges_of_bins():
    assert frame(HILL, 26, 9) == [
        "heat: 14 values in 4 bins",
        "",
        "8 |          █████",
        "  |          █████",
        "  |     ██████████",
        "  |     ███████████████",
        "0 +--------------------",
        "   -2  -1    0    1    2",
        "newest counts of 1 partiti",
    ]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60), (26, 9), (20, 5), (5, 3), (1, 1)])
@pytest.mark.parametrize("bins", [1, 7, 40, 1000])
def test_a_frame_fits_whatever_the_window(width, height, bins):
    counts = [(index * 7919) % 1_000_003 for index in range(bins)]
    lines = frame(HILL._replace(counts=counts, rate=1e6), width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_forty_bins_fit_eighty_columns_one_bar_each():
    lines = frame(HILL._replace(counts=list(range(1, 41))), 80, 24)
    assert len(lines) == 24
    (axis,) = [line for line in lines if "+--" in line]
    assert axis.count("-") == 40


def test_neighbours_share_a_bar_where_there_is_no_room():
    lines = frame(HILL._replace(counts=[1] * 40), 24, 9)
    (axis,) = [line for line in lines if "+--" in line]
    assert axis.count("-") == 20
    assert lines[0].startswith("heat: 40 values in 40")
    assert lines[2].startswith("2 |")


def test_a_bin_with_a_single_value_shows_beside_millions():
    lines = frame(HILL._replace(counts=[1, 0, 10**7, 0]), 80, 24)
    (lowest,) = [above for above, line in zip(lines, lines[1:], strict=False) if "+--" in line]
    bars = lowest.split("|")[1]
    assert bars[0] == "▁"
    assert bars.rstrip()[-1] == "█"
    assert " " in bars.rstrip()


def test_counts_of_nothing_are_an_empty_frame_with_an_axis():
    lines = frame(HILL._replace(counts=[0, 0, 0, 0]), 40, 9)
    assert lines[0] == "heat: 0 values in 4 bins from -2 to 2"
    assert lines[2] == "1 |"


def test_the_rate_stands_behind_the_total():
    assert frame(HILL._replace(rate=1234.5), 80, 24)[0] == "heat: 14 values in 4 bins from -2 to 2, 1,234/s"


def test_without_counts_it_says_what_it_waits_for():
    waiting = HILL._replace(counts=None, remark="no histogram yet: start `one` and `two`")
    assert frame(waiting, 24, 24) == ["heat", "", "no histogram yet: start", "`one` and `two`"]


def test_a_terminal_without_unicode_gets_plain_characters():
    assert all(line.isascii() for line in frame(HILL, 80, 24, ASCII_BLOCKS))
    assert frame(HILL, 26, 9, ASCII_BLOCKS)[5] == "  |     ###############"
