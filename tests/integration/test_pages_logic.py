"""What the pages compute before they draw it: their modules, called in a real browser, without a server of ours."""

from __future__ import annotations

import functools
import http.server
import threading
from pathlib import Path

import pytest

from api.pictures import is_logarithmic
from common.streams.collatz import walk_of
from tests.support.chromium import NEEDS_CHROMIUM, chromium

STATIC = Path(__file__).resolve().parents[2] / "api" / "static"
CALL = "async ([module, name, given]) => (await import(`/js/${module}.js`))[name](...given)"

pytestmark = [*NEEDS_CHROMIUM, pytest.mark.timeout(120)]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def page():
    handler = functools.partial(Quiet, directory=str(STATIC))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/js/")
        yield page
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def call(page):
    """What a module's function answers."""
    return lambda module, name, *given: page.evaluate(CALL, [module, name, list(given)])


def stream(topics, transforms=(), feeds=(), tables=()):
    return {
        "name": "mine",
        "topics": [{"name": name} for name in topics],
        "transforms": [{"name": f"{a}-to-{b}", "source": a, "target": b} for a, b in transforms],
        "feeds": [{"topic": topic, "tables": list(filled)} for topic, filled in feeds],
        "tables": [{"name": name} for name in tables],
    }


def places(drawn):
    return {node["id"]: (node["column"], node["row"]) for node in drawn["nodes"]}


def test_a_stream_without_transforms_is_one_row_of_four_columns(call):
    drawn = call("layout", "layout", stream(["a"], feeds=[("a", ["t"])], tables=["t"]))
    assert (drawn["columns"], drawn["rows"]) == (["producer", "topic", "sink", "table"], 1)
    assert places(drawn) == {
        "producer/producer": (0, 0), "topic/a": (1, 0), "sink/a": (2, 0), "table/t": (3, 0)
    }  # fmt: skip
    ways = [(edge["from"], edge["to"]) for edge in drawn["edges"]]
    assert ("producer/producer", "topic/a") in ways and ("sink/a", "table/t") in ways


def test_transforms_in_a_row_take_two_columns_each(call):
    two = stream(["a", "b", "c"], [("a", "b"), ("b", "c")], [("c", ["t"])], ["t"])
    assert call("layout", "depthOf", two) == 2
    where = places(call("layout", "layout", two))
    assert [where[f"topic/{name}"] for name in "abc"] == [(1, 0), (3, 0), (5, 0)]
    assert (where["sink/c"], where["table/t"]) == ((6, 0), (7, 0))


def test_three_sources_that_fill_two_tables_have_rows_of_their_own(call):
    sources, bins = ["x", "y", "z"], ["hx", "hy", "hz"]
    feeds = [*((name, ["measured"]) for name in sources), *((name, ["bins"]) for name in bins)]
    pairs = list(zip(sources, bins, strict=True))
    drawn = call("layout", "layout", stream([*sources, *bins], pairs, feeds, ["measured", "bins"]))
    cells = list(places(drawn).values())
    assert len(set(cells)) == len(cells), "two parts in one place"
    (producer,) = (node for node in drawn["nodes"] if node["kind"] == "producer")
    assert producer["span"] == drawn["rows"] == 6


def test_topics_that_lead_back_to_each_other_end_the_drawing(call):
    around = stream(["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "b")], [("c", ["t"])], ["t"])
    assert call("layout", "depthOf", around) >= 2
    assert "topic/c" in places(call("layout", "layout", around))


WHOLE = {"kind": "integer", "required": True, "default": None, "minimum": 1, "maximum": str(2**128 - 1)}
REAL = {"kind": "number", "required": False, "default": None, "minimum": 0, "maximum": 10}


@pytest.mark.parametrize(
    ("parameter", "text", "said"),
    [
        (WHOLE, "27", ""),
        (WHOLE, str(2**128 - 1), ""),
        (WHOLE, str(2**128), f"At most {2**128 - 1:,}."),
        (WHOLE, "0", "At least 1."),
        (WHOLE, "", "Needed."),
        (WHOLE, "1e3", "A whole number, please."),
        (WHOLE | {"default": 5}, "", "Needed."),
        (WHOLE | {"default": 5, "required": False}, "", ""),
        (REAL, "9.9", ""),
        (REAL, "10.000001", "At most 10."),
        (REAL, "NaN", "A number, please."),
        (REAL, "Infinity", "A number, please."),
        (REAL, "", ""),
        ({"kind": "time", "required": True, "default": None}, "yesterday", "A time, please."),
        ({"kind": "text", "required": True, "default": None}, "' OR 1=1", ""),
    ],
)
def test_a_field_says_what_is_wrong_before_the_server_is_asked(call, parameter, text, said):
    assert call("field", "complaint", parameter, text) == said


@pytest.mark.parametrize(
    ("text", "number"),
    [("1,000", "1000"), ("1 000 000", "1000000"), ("-1_000.5", "-1000.5"), ("1\u202f000", "1000")]
    + [(same, same) for same in ("1000", "10,00", "1,0000", "5,5", "1,000,00", "' OR 1=1", "")],
)
def test_thousands_may_be_set_apart(call, text, number):
    assert call("field", "ungrouped", text) == number


def test_bytes_are_lines_of_sixteen_with_what_can_be_printed_beside_them(call):
    data = bytes(range(0x3C, 0x4D)) + b"\x00\xff~\x7f"
    first, second = call("bytes", "dump", data.hex(" ")).split("\n")
    assert first == f"000000  {data[:16].hex(' ')}  <=>?@ABCDEFGHIJK"
    assert second.split() == ["000010", "4c", "00", "ff", "7e", "7f", "L..~."]
    assert call("bytes", "dump", "") == ""


def test_visits_are_grouped_by_place_with_the_newest_open_window_and_the_closed_ones_in_order(call):
    rows = [
        {"account_id": 2, "store_id": "us", "start": "3", "visits": "30", "open": True},
        {"account_id": 2, "store_id": "us", "start": "2", "visits": "20", "open": True},
        {"account_id": 2, "store_id": "us", "start": "1", "visits": "10", "open": False},
        {"account_id": 1, "store_id": "uk", "start": "1", "visits": "7", "open": False},
        {"account_id": 2, "store_id": "us", "start": "0", "visits": "5", "open": False},
    ]
    first, second = call("panels/visits", "byPlace", rows)
    assert (first["account"], first["active"], first["before"]) == (1, None, [7])
    assert (second["active"]["start"], second["active"]["visits"], second["before"]) == ("3", 30, [5, 10])


THRESHOLD = {
    "name": "threshold",
    "kind": "number",
    "required": True,
    "default": "9.9",
    "minimum": 0,
    "maximum": 10,
}


@pytest.mark.parametrize(
    ("search", "value"),
    [("?threshold=5", 5), ("?threshold=0", 0), ("", 9.9), ("?threshold=", 9.9), ("?threshold=11", 9.9)]
    + [("?threshold=abc", 9.9)],
)
def test_the_threshold_is_that_of_the_address_if_it_is_one(call, search, value):
    assert call("panels/quotes", "thresholdAt", search, THRESHOLD) == value


def test_the_newest_second_is_not_over_and_left_out(call):
    assert call("panels/quotes", "finished", [{"second": 1}, {"second": 2}]) == [{"second": 1}]
    assert call("panels/quotes", "finished", []) == []


def test_a_histogram_is_told_by_its_total_its_mean_and_its_fullest_bin(call):
    bins = [{"from": 0, "to": 10, "number": 1}, {"from": 10, "to": 20, "number": 3}]
    assert call("panels/sensors", "described", bins) == {"total": 4, "mean": 12.5, "fullest": bins[1]}
    empty = [{"from": 0, "to": 10, "number": 0}]
    assert call("panels/sensors", "described", empty)["mean"] is None


def test_the_sink_or_the_transform_that_is_parked_is_marked_in_the_drawing(page):
    parked = [
        {"by": "sink", "topic": "a", "where": "a/0", "reason": "a flood"},
        {"by": "sink", "topic": "a", "where": "a/1", "reason": "another"},
        {"by": "a-to-b", "topic": "a", "where": "a/3", "reason": "offsets are lost"},
    ]
    marked = page.evaluate(
        "async (parked) => Object.fromEntries((await import('/js/parked.js')).parkedNodes({ parked }))",
        parked,
    )
    assert marked == {"sink/a": "a/0: a flood\na/1: another", "transform/a-to-b": "a/3: offsets are lost"}
    assert marked.keys() <= places_of_nodes(page, stream(["a", "b"], [("a", "b")], [("a", ["t"])], ["t"]))


def places_of_nodes(page, of):
    return places(page.evaluate(CALL, ["layout", "layout", [of]])).keys()


PASSED = {"judged": True, "sound": True, "age_s": 3, "interval_s": 10, "messages": 5, "dead": 0}


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        (PASSED, "passed"),
        (PASSED | {"messages": 0}, "nothing"),
        (PASSED | {"messages": 0, "dead": 2}, "passed"),
        (PASSED | {"sound": False}, "failed"),
        (PASSED | {"judged": False}, "partial"),
        (None, "never"),
    ],
)
def test_an_audit_that_had_nothing_to_check_has_not_passed(call, verdict, kind):
    assert call("verdict", "judgement", verdict) == kind


@pytest.mark.parametrize(
    ("age_s", "interval_s", "stale"),
    [(59, 10, False), (61, 10, True), (89, 30, False), (91, 30, True), (299, None, False), (301, None, True)]
    + [(301, 3600, True)],
)
def test_a_verdict_is_stale_after_three_audits_that_did_not_come_or_five_minutes(
    call, age_s, interval_s, stale
):
    assert call("verdict", "isStale", PASSED | {"age_s": age_s, "interval_s": interval_s}) is stale


def test_one_failed_audit_outweighs_all_that_passed(call):
    failed = PASSED | {"sound": False, "age_s": 70}
    assert call("verdict", "worst", [PASSED, failed, None])["word"] == "failed"
    told = call("verdict", "worst", [PASSED, PASSED | {"messages": 0}])
    assert (told["word"], told["looks"], told["passed"], told["of"]) == ("nothing yet", "idle", 1, 2)
    told = call("verdict", "worst", [PASSED, PASSED | {"age_s": 70}])
    assert (told["word"], told["looks"], told["age_s"]) == ("passed", "idle", 70), "a stale one is not green"
    assert call("verdict", "worst", [PASSED])["looks"] == "ok"
    assert call("verdict", "worst", [])["word"] == "not yet"


@pytest.mark.parametrize(
    ("of", "late"),
    [
        ({"stalled": False, "behind_s": 9.9}, False),
        ({"stalled": False, "behind_s": 10.1}, True),
        ({"stalled": False, "behind_s": None}, False),
        ({"stalled": True, "behind_s": None}, True),
    ],
)
def test_a_lag_is_late_when_it_is_long_or_nothing_is_done(call, of, late):
    assert call("lag", "isLate", of) is late


TEXT = (
    "async ([module, name, given]) => { const made = (await import(`/js/${module}.js`))[name](...given);"
    " const p = document.createElement('p'); p.append(...[made].flat(9).filter(Boolean)); return p.textContent; }"
)


@pytest.fixture(scope="module")
def text(page):
    """The text of the elements that a module's function makes."""
    return lambda module, name, *given: page.evaluate(TEXT, [module, name, list(given)])


COUNTED = {"letters": 1200, "counting": False}
COUNTING = {"letters": 7, "counting": True}


def test_letters_that_are_still_counted_are_told_as_the_least_there_are(call, text):
    assert text("dead", "lettersView", "path", COUNTED) == "1,200 letters"
    assert text("dead", "lettersView", "path", COUNTING) == "at least 7 letters, still counting"
    assert call("dead", "total", [COUNTED, COUNTING]) == {"letters": 1207, "counting": True}
    assert call("dead", "total", [COUNTED, COUNTED]) == {"letters": 2400, "counting": False}


def test_the_summary_says_that_letters_are_still_counted(text):
    def tiles(*dead):
        streams = [{"dead": list(dead), "transforms": [], "feeds": [], "verdict": None}]
        return text("summary", "summary", streams, {"values": [], "spanS": 0})

    assert "still counting" in tiles(COUNTED, COUNTING)
    assert "still counting" not in tiles(COUNTED)


def test_nothing_is_said_of_all_messages_while_letters_are_counted(call):
    nothing = {"letters": 0, "counting": False}
    assert "Every message could be stored." in call("dead", "noneWords", [nothing])
    assert "Still counting" in call("dead", "noneWords", [nothing, nothing | {"counting": True}])


@pytest.mark.parametrize(
    ("age_s", "words"), [(0, ""), (15, ""), (15.1, "Seen 15 s ago."), (200, "Seen 3 min ago."), (None, "")]
)
def test_a_state_that_is_older_than_some_seconds_says_how_old_it_is(text, age_s, words):
    said = text("freshness", "ageNotice", {"age_s": age_s})
    assert said.startswith(words) and bool(said) is bool(words)


@pytest.mark.parametrize(
    "values",
    [[1, 9232], [1, 1000], [1, 999], [0.001, 1], [7], [0, 9232], [-1, 5000], walk_of(27), walk_of(16)],
)
def test_a_chart_of_a_page_has_the_scale_of_its_picture(call, values):
    assert call("scale", "isLogarithmic", values) is is_logarithmic(values)
    assert call("scale", "isLogarithmic", [None, *values]) is is_logarithmic(values)


@pytest.mark.parametrize("n", [27, 16])
def test_a_walk_is_drawn_in_the_scale_of_its_picture_until_the_reader_wants_another(page, n):
    rows = [{"step": step, "value": str(value)} for step, value in enumerate(walk_of(n))]
    checked = page.evaluate(
        """async (rows) => {
            const { collatz } = await import('/js/panels/collatz.js');
            const ask = async () => ({ rows, next: null, computed: true });
            const { element } = collatz({ questions: [{ name: 'steps' }] }, ask);
            while (!element.querySelector('[data-number]')) await new Promise((next) => setTimeout(next));
            return element.querySelector('#walk-log').checked;
        }""",
        rows,
    )
    assert checked is is_logarithmic(walk_of(n))


def test_powers_of_ten_are_written_below_one_too(call):
    assert [call("numbers", "power", exponent) for exponent in (-3, 0, 12)] == ["10⁻³", "10⁰", "10¹²"]


def test_what_the_server_remembers_takes_the_place_of_what_lies_within_it(call):
    own = [[1, 5, 9], ["a", "b", "c"]]
    assert call("rates", "joined", own, [[4, 6], ["x", "y"]]) == [[1, 4, 6, 9], ["a", "x", "y", "c"]]
    assert call("rates", "joined", own, [[], []]) == own
    assert call("rates", "joined", [[], []], [[4], ["x"]]) == [[4], ["x"]]


def test_charts_of_rates_keep_a_quarter_of_an_hour(call):
    times = list(range(0, 2000, 10))
    kept, _ = call("rates", "joined", [[], []], [times, times])
    assert (kept[0], kept[-1]) == (1090, 1990)


def test_a_spark_keeps_a_value_every_few_seconds_and_a_gap(page):
    values = page.evaluate(
        """async () => {
            const { Recent } = await import('/js/spark.js');
            const recent = new Recent();
            recent.add(1, 100);
            recent.add(2, 101);
            recent.add(3, 103.5);
            recent.add(null, 104);
            recent.add(4, 104.5);
            recent.begin([94, 97, 102], [8, 9, 7]);
            return [recent.values, recent.spanS];
        }"""
    )
    assert values == [[8, 9, 2, 3, None, 4], 10.5]


def test_a_lost_connection_is_tried_again_after_waits_that_double_up_to_a_bound(page):
    waits = page.evaluate(
        "async () => { const { waitAfter } = await import('/js/connection.js');"
        " return [1, 2, 3, 9, 500].map(n => [0, 0.5, 0.999].map(at => waitAfter(n, () => at))); }"
    )
    assert [middle for _, middle, _ in waits] == [500, 1000, 2000, 15_000, 15_000]
    assert all(low < middle < high for low, middle, high in waits), "all clients at once"


@pytest.mark.parametrize(
    ("status", "states", "told"),
    [
        (0, ["connecting", "lost"], []),
        (404, ["connecting", "live"], [404]),
        (None, ["connecting", "live"], [None]),
    ],
)
def test_only_a_server_that_does_not_answer_is_a_lost_connection(page, status, states, told):
    heard = page.evaluate(
        """async (status) => {
            const { repeat } = await import('/js/connection.js');
            const [states, told] = [[], []];
            const ask = async () => { throw Object.assign(new Error('no'), status === null ? {} : { status }); };
            await new Promise((done) => repeat(ask, 1e6, (state) => {
                states.push(state.kind);
                if (state.kind !== 'connecting') done();
            }, (problem) => told.push(problem.status ?? null)));
            return [states, told];
        }""",
        status,
    )
    assert heard == [states, told]


def test_parameters_are_escaped_and_empty_ones_left_out(call):
    given = {"x": "1 & 2", "page": None, "kind": "", "n": 0}
    assert call("http", "withParameters", "/streams/a/b", given) == "/streams/a/b?x=1+%26+2&n=0"
    assert call("http", "withParameters", "/streams/a/b") == "/streams/a/b"


def test_charts_know_times_numbers_and_texts_apart(call):
    assert call("answer-chart", "horizontal", [{"t": "2026-11-26T18:00:00Z"}], "t")["kind"] == "time"
    assert call("answer-chart", "horizontal", [{"t": "12"}, {"t": 3.5}], "t")["values"] == [12, 3.5]
    named = call("answer-chart", "horizontal", [{"t": "Sha"}, {"t": "5"}], "t")
    assert (named["kind"], named["labels"]) == ("text", ["Sha", "5"])


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        ("count", 1234567, "1,234,567"),
        ("count", "340282366920938463463", "340,282,366,920,938,463,463"),
        ("rate", 0, "0"),
        ("rate", 0.52, "0.5"),
        ("short", 2e19, "2·10¹⁹"),
        ("share", 0.125, "12.5 %"),
        ("share", 0.00021, "0.02 %"),
        ("share", 0, "0.0 %"),
        ("size", 1536, "1.5 KB"),
        ("age", 59, "59 s"),
        ("age", 7300, "2 h"),
    ],
)
def test_numbers_are_written_as_a_person_reads_them(call, name, given, text):
    assert call("numbers", name, given) == text


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0, 500, 1000], ["0", "500", "1k"]),
        ([990, 1000, 1010], ["990", "1,000", "1,010"]),
        ([0, 0.05, 0.1], ["0", "0.05", "0.1"]),
        ([1250, 1500], ["1,250", "1,500"]),
        ([2e19, 4e19], ["2·10¹⁹", "4·10¹⁹"]),
        ([10000001, 10000002], ["10,000,001", "10,000,002"]),
        ([None, 1], ["", "1"]),
    ],
)
def test_ticks_of_an_axis_tell_neighbours_apart(call, values, labels):
    assert call("numbers", "amounts", values) == labels


def test_ticks_of_time_have_as_many_digits_as_tell_them_apart(call):
    assert [label[-2:] for label in call("numbers", "clocks", [60, 90])] == ["00", "30"]
    assert [label[-4:] for label in call("numbers", "clocks", [60.6, 60.7, 61])] == ["00.6", "00.7", "01.0"]
    assert [label[-5:] for label in call("numbers", "clocks", [1795000000.25, 1795000000.3])] == [
        "40.25",
        "40.30",
    ]


def test_a_sum_leaves_out_what_is_not_known(call):
    assert call("numbers", "sum", [1, None, 2]) == 3
    assert call("numbers", "sum", [None]) is None
