import io
import re
import struct
from pathlib import Path

import pytest
from PIL import Image

from api import pictures
from api.pictures import draw, is_logarithmic
from common.model.question import Chart, Unit
from common.streams import STREAMS
from common.streams.collatz import walk_of

LINE = Chart("line", "step", ("value",), "step", "value")
BARS = Chart("bars", "type", ("people",))
MID = Chart("line", "second", ("mid",), "", "mid", threshold="limit")
MIDS = [{"second": f"2026-11-01T12:34:{second:02}Z", "mid": second % 10} for second in range(60)]
CHARTS = [(stream, each) for stream in STREAMS.values() for each in stream.questions if each.chart]
BAR = "#4c7fcb"
EDGE = 12
"""So many pixels at each side are free."""


def size_of(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


def picture(png):
    return Image.open(io.BytesIO(png)).convert("RGB")


def pixels(png, colour):
    wanted = tuple(bytes.fromhex(colour[1:]))
    return sum(count for count, found in picture(png).getcolors(1 << 24) if found == wanted)


def words_at_the_edge(png):
    image = picture(png)
    sides = [(0, 0, EDGE, image.height), (image.width - EDGE, 0, image.width, image.height)]
    return [
        side for side in sides if image.crop(side).getcolors() != [(EDGE * image.height, (255, 255, 255))]
    ]


@pytest.mark.parametrize("n", [1, 2, 27, 12_327_829_503])
def test_a_walk_is_drawn_however_high_it_goes_twice_as_sharp(n):
    rows = [{"step": step, "value": str(value)} for step, value in enumerate(walk_of(n))]
    assert size_of(draw(LINE, rows, f"{n}")) == (1600, 900)


def test_the_same_rows_make_the_same_picture_and_others_another_one():
    rows = [{"step": step, "value": str(step)} for step in range(10)]
    assert draw(LINE, rows, "") == draw(LINE, rows, "")
    assert draw(LINE, rows, "") != draw(LINE, rows[:5], "")


def test_bars_have_names_or_numbers_below_them():
    people = [{"type": "Sha", "people": 3}, {"type": "Dow", "people": 5}]
    assert draw(BARS, people, "") != draw(BARS, people[:1], "")
    histogram = Chart("bars", "from", ("number",))
    assert pixels(draw(histogram, [{"from": -25.0, "number": 1}, {"from": -23.75, "number": 2}], ""), BAR)


def test_missing_values_are_left_out():
    rows = [*MIDS[:3], MIDS[3] | {"mid": None}]
    assert draw(MID, rows, "") != draw(MID, [*MIDS[:3], MIDS[3] | {"mid": 1}], "")


def test_the_threshold_is_a_line_and_what_lies_above_it_has_its_own_colour():
    low, high = (draw(MID, MIDS, "", {"limit": limit}) for limit in (5.0, 50.0))
    assert pixels(low, pictures.THRESHOLD) > 500
    assert pixels(high, pictures.THRESHOLD) > 500
    in_the_legend = pixels(high, pictures.ABOVE)
    assert pixels(low, pictures.ABOVE) > 20 * in_the_legend
    assert pixels(draw(MID._replace(threshold=""), MIDS, "", {"limit": 5.0}), pictures.THRESHOLD) == 0


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [([1, 9232], True), ([1, 1000], True), ([1, 999], False), ([0.001, 1], True), ([7], False)]
    + [([0, 9232], False), ([-1, 5000], False)],
)
def test_a_line_that_goes_from_low_to_very_high_has_a_logarithmic_axis(values, logarithmic):
    assert is_logarithmic(values) is logarithmic


def test_the_pages_of_charts_change_to_a_logarithmic_axis_at_the_same_ratio():
    script = (
        Path(pictures.__file__).with_name("static").joinpath("js", "scale.js").read_text(encoding="utf-8")
    )
    assert f"const LOG_FROM = {pictures.LOG_FROM};" in script


@pytest.mark.parametrize("limit", [-1.0, 0.0, 0.002, 1e9])
def test_a_threshold_may_lie_anywhere_whatever_the_scale_is(limit):
    rows = [each | {"mid": 10 ** (at / 10)} for at, each in enumerate(MIDS)]
    assert pixels(draw(MID, rows, "", {"limit": limit}), pictures.THRESHOLD) > 200


def test_the_unit_is_that_of_the_kind_that_was_asked_for():
    chart = MID._replace(threshold="", unit=Unit("mid", "kind", {"heat": "°C"}))
    assert draw(chart, MIDS, "", {"kind": "heat"}) != draw(
        chart._replace(unit=None), MIDS, "", {"kind": "heat"}
    )
    assert draw(chart, MIDS, "", {"kind": "x"}) == draw(chart._replace(unit=None), MIDS, "", {"kind": "x"})


@pytest.mark.parametrize("rows", [[], [{"step": 1, "value": None}], [{"step": None, "value": 1}]])
def test_nothing_to_draw_is_a_picture_that_says_so_and_has_no_axes(rows):
    assert pixels(draw(LINE, rows, ""), pictures.GRID) == 0
    assert draw(LINE, rows, "") == draw(LINE, [], "")
    assert pixels(draw(LINE, [{"step": 0, "value": "1"}], ""), pictures.GRID) > 0


@pytest.mark.parametrize(("stream", "question"), CHARTS, ids=[f"{s.name}-{q.name}" for s, q in CHARTS])
@pytest.mark.parametrize("rows", [1, 30])
def test_no_text_is_cut_off(stream, question, rows):
    given = {name: "a long value " * 30 for name in question.parameters if name != question.chart.threshold}
    given |= dict.fromkeys([question.chart.threshold] * bool(question.chart.threshold), 10.0**5)
    png = draw(question.chart, [question.example] * rows, f"{stream.name}: {question.name}", given)
    assert words_at_the_edge(png) == []


def test_times_with_milliseconds_and_large_numbers_are_not_cut_off():
    rows = [{"second": f"2026-11-01T12:34:56.{ms:03}Z", "mid": 10**9 + ms} for ms in range(0, 300, 60)]
    assert words_at_the_edge(draw(MID, rows, "")) == []


@pytest.mark.parametrize("text", [r"$\frac$", "$x$ $", "\x00\n\t", "‮", "a" * 1000, "W" * 99, "W i " * 50])
def test_whatever_is_typed_for_a_parameter_is_text(text):
    png = draw(LINE, [], "", {"n": text})
    assert words_at_the_edge(png) == []


def test_the_colours_are_those_of_the_pages():
    sheet = Path(pictures.__file__).with_name("static").joinpath("app.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"--([\w-]+): (#\w+);", sheet.split("@media")[0]))
    assert tuple(light[name] for name in ("ink", "muted", "grid", "line")) == (
        pictures.INK,
        pictures.MUTED,
        pictures.GRID,
        pictures.LINE,
    )
    assert (light["s1"], light["s2"], light["warn"]) == pictures.SERIES
