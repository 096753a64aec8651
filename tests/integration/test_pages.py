"""The pages in a real browser, on the whole pipeline with events flowing."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from common.streams import STREAMS
from tests.support.chromium import NEEDS_CHROMIUM, chromium

PICTURES = os.environ.get("PAGES_SCREENSHOTS")
"""A folder for a picture of each page in light, dark and narrow (default: none are made)."""

PATHS = ["/", "/letters", *(f"/live/{name}" for name in STREAMS)]
TICKS_MS = 15_000
TOO_WIDE = """() => [...document.querySelectorAll("main *, header *")]
    .filter(each => each.getBoundingClientRect().right > 360).map(each => each.outerHTML.slice(0, 200)).slice(0, 9)"""
CONTRAST = (Path(__file__).parents[1] / "support" / "contrast.js").read_text(encoding="utf-8")
AXE = Path(__file__).parents[1] / "support" / "axe" / "axe.min.js"

pytestmark = [*NEEDS_CHROMIUM, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def browser(face):
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, face):
    """A page of its own; whatever it complains of fails the test, except for a 503 that passes by itself."""
    context = browser.new_context(base_url=face.url, viewport={"width": 1280, "height": 900})
    page, complaints = context.new_page(), []
    page.set_default_timeout(TICKS_MS)
    page.on("console", lambda said: said.type in ("error", "warning") and complaints.append(told(said)))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(f"{request.url}: {request.failure}"))
    refused = set()
    page.on(
        "response", lambda answer: answer.status == 503 and refused.add(answer.url.removeprefix(face.url))
    )
    page.complaints = complaints
    yield page
    context.close()
    # on a busy machine ClickHouse may not answer in time
    assert [path for path in refused if face.get(path).status_code != 200] == []
    assert [each for each in complaints if "status of 503" not in each] == []


def told(said):
    """A message of the browser's console, and the address that it is about."""
    return f"{said.text} {said.location['url']}"


def numbers(page, part=""):
    """What the numbers of the page are, by their paths."""
    found = page.evaluate(
        "() => Object.fromEntries([...document.querySelectorAll('[data-number]')]"
        ".map(e => [e.dataset.number, e.dataset.value]))"
    )
    return {path: value for path, value in found.items() if part in path}


def await_number(page, path, least):
    page.wait_for_function(
        "([path, least]) => Number(document.querySelector(`[data-number='${path}']`)?.dataset.value || -1) >= least",
        arg=[path, least],
    )


def picture(page, path, name):
    if PICTURES:
        place = Path(PICTURES) / f"{path.strip('/').replace('/', '-') or 'overview'}-{name}.png"
        page.screenshot(path=place, full_page=True)


def rows_of(face, table):
    return face.query(f"SELECT count() FROM `{table}`")[0][0]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_complete_in_light_dark_and_on_a_telephone(page, path):
    page.goto(path)
    page.wait_for_selector("main h1")
    if path != "/letters":
        page.wait_for_function("() => document.querySelectorAll('[data-number]').length > 3")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(1500 if PICTURES else 0)
        picture(page, path, scheme)
    page.set_viewport_size({"width": 360, "height": 740})
    page.wait_for_function("() => document.documentElement.clientWidth === 360")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360, page.evaluate(TOO_WIDE)
    picture(page, path, "360")


@pytest.mark.parametrize("name", STREAMS)
def test_the_rows_on_a_page_are_those_of_the_table_at_that_moment_and_rise(page, face, name):
    page.goto(f"/live/{name}")
    table = STREAMS[name].feeds[0].tables[0].name
    path = f"{name}.tables.{table}.rows"
    await_number(page, path, 1)
    before = rows_of(face, table)
    shown = int(numbers(page)[path])
    assert shown <= rows_of(face, table)
    await_number(page, path, before)  # a tick later it has caught up with what SQL said before
    await_number(page, path, shown + 1)


def test_a_refusal_that_passes_is_told_where_the_rows_belong_and_then_they_come(page):
    words, path = "ClickHouse does not answer right now", "**/streams/quotes/latest**"
    page.route(path, lambda route: route.fulfill(status=503, json={"status": 503, "detail": words}))
    page.goto("/live/quotes")
    latest = page.get_by_role("region", name="Latest rows")
    latest.get_by_text(words).wait_for()
    assert latest.get_by_role("table").count() == 0
    page.unroute(path)
    latest.get_by_role("table").wait_for()
    assert not latest.get_by_text(words).is_visible()


def test_the_overview_adds_up_what_sql_says(page, face):
    page.goto("/")
    tables = sorted({each.feeds[0].tables[0].name for each in STREAMS.values()})
    await_number(page, "total.rows", 1)
    for table in tables:
        stream = next(each.name for each in STREAMS.values() if each.feeds[0].tables[0].name == table)
        await_number(page, f"{stream}.tables.{table}.rows", rows_of(face, table))


def test_the_records_of_collatz_are_what_sql_says(page, face):
    page.goto("/live/collatz")
    sql = "SELECT max(step), toString(max(value)) FROM data_series"
    ((steps, value),) = face.query(sql)
    await_number(page, "collatz.records.steps", steps)
    page.wait_for_function(
        "([path, least]) => BigInt(document.querySelector(path).dataset.value) >= BigInt(least)",
        arg=["[data-number='collatz.records.value']", value],
    )
    shown = numbers(page, "collatz.records.")
    ((later_steps, later_value),) = face.query(sql)
    assert int(shown["collatz.records.steps"]) <= later_steps
    assert int(shown["collatz.records.value"]) <= int(later_value)


def test_the_walk_of_a_number_is_drawn_and_a_bad_number_is_told(page):
    page.goto("/live/collatz")
    field = page.locator("#walk-number")
    field.fill("12327829503")
    page.get_by_role("button", name="Draw the walk").click()
    page.wait_for_function(
        "value => document.querySelector(`[data-number='collatz.walk.highest']`)?.dataset.value === value",
        arg="20722398914405051728",
    )
    field.fill("100000000000000")
    page.get_by_role("button", name="Draw the walk").click()
    page.get_by_text(re.compile("99,?999,?999,?999,?999")).first.wait_for()


def test_the_picture_of_a_walk_opens_from_its_page(page):
    page.goto("/live/collatz")
    page.locator("#walk-number").fill("27")
    page.get_by_role("button", name="Draw the walk").click()
    page.locator("a[href='/plot/27']").click()
    page.wait_for_url("**/plot/27")
    page.wait_for_function("() => document.images[0]?.naturalWidth > 300")
    left = "net::ERR_ABORTED"  # what the page before had asked for when it was left
    page.complaints[:] = [each for each in page.complaints if left not in each]
    picture(page, "/plot/27", "light")


def test_an_empty_or_a_bad_number_is_told_at_its_field_and_the_old_walk_goes(page):
    page.goto("/live/collatz")
    await_number(page, "collatz.walk.steps", 111)
    for text, said in (("", "Needed."), ("abc", "A whole number, please.")):
        page.locator("#walk-number").fill(text)
        page.get_by_role("button", name="Draw the walk").click()
        page.locator("#walk-number-error").get_by_text(said).wait_for()
        assert page.locator("[data-number='collatz.walk.steps']").count() == 0
    page.locator("#walk-number").fill("1 000")
    page.get_by_role("button", name="Draw the walk").click()
    await_number(page, "collatz.walk.steps", 111)


def test_the_threshold_is_kept_in_the_address_and_an_empty_one_is_not_nought(page):
    page.goto("/live/quotes?threshold=5")
    page.get_by_text("lay above 5;").wait_for()
    slider = page.get_by_role("slider", name="Threshold")
    assert slider.get_attribute("aria-valuenow") == "5"
    page.locator("#quotes-threshold").fill("")
    page.locator("#quotes-threshold-error").get_by_text("Needed.").wait_for()
    assert slider.get_attribute("aria-valuenow") == "5"
    slider.focus()
    page.keyboard.press("PageUp")
    page.get_by_text("lay above 6;").wait_for()
    page.wait_for_url("**/live/quotes?threshold=6")


def test_the_next_page_of_an_answer_is_asked_with_a_button_and_a_bad_value_clears_it(page):
    page.goto("/live/collatz")
    question = page.locator("#question-part")
    question.get_by_label("x", exact=True).fill("1")
    question.get_by_role("button", name="Ask", exact=True).click()
    question.get_by_text("1,000 rows, and more follow.").wait_for(timeout=60_000)
    question.get_by_role("button", name="Next page").click()
    page.wait_for_function("() => Number(document.querySelector('#question-part-after').value) > 0")
    question.get_by_label("x", exact=True).fill("abc")
    question.get_by_role("button", name="Ask", exact=True).click()
    question.get_by_text("A whole number, please.").wait_for()
    assert question.get_by_role("table").count() == 0


def test_charts_begin_with_what_the_server_remembers(page, face):
    face.awaited("/history", lambda told: len(told["streams"]["quotes"]["times"]) > 5, 60)
    with page.expect_response("**/history") as found:
        page.goto("/live/quotes")
    remembered = found.value.json()["streams"]["quotes"]
    assert len(remembered["times"]) > 5
    assert remembered["times"] == sorted(remembered["times"])
    assert any(remembered["rows_per_second"]) and any(remembered["messages_per_second"])


def test_people_by_type_are_what_sql_says(page, face):
    before = dict(face.query("SELECT type, count() FROM shadow GROUP BY type"))
    page.goto("/live/ratings")
    for kind, people in before.items():
        await_number(page, f"ratings.types.{kind}.people", people)
    shown = numbers(page, "ratings.types.")
    after = dict(face.query("SELECT type, count() FROM shadow GROUP BY type"))
    assert all(int(shown[f"ratings.types.{kind}.people"]) <= after[kind] for kind in before)


def test_dead_letters_are_listed_with_their_bytes(page, face):
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=face.stack.bootstrap_servers)
    producer.send("metrics_raw", b'{"time": "never"}').get(10)
    producer.close()
    face.awaited("/letters/metrics_raw.dead", lambda told: told["letters"])
    page.goto("/letters?topic=metrics_raw.dead")
    page.get_by_text("wrong type").first.wait_for()
    page.locator("a[href*='offset=']").first.click()
    page.get_by_text('{"time": "never"}').first.wait_for()


def test_a_dead_letter_is_closed_with_escape_has_neighbours_and_can_be_downloaded(page, face):
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=face.stack.bootstrap_servers)
    for value in (b"\x00\xff", b"{"):
        producer.send("visits", value, headers=[("x", b"\xff\xfe")], partition=0).get(10)
    producer.close()
    listed = face.awaited("/letters/visits.dead", lambda told: len(told["letters"]) >= 2)["letters"]
    newer, older = (each["offset"] for each in listed[:2])
    page.goto(f"/letters?topic=visits.dead&offset={older}")
    page.get_by_text("Not UTF-8.").wait_for()
    assert page.get_by_text("hex ff fe").is_visible()
    with page.expect_download() as found:
        page.get_by_role("link", name="Download").click()
    assert found.value.path().read_bytes() == b"\x00\xff"
    page.get_by_role("link", name="Newer").click()
    page.wait_for_url(f"**offset={newer}")
    page.get_by_role("link", name="Older").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_url("**/letters?topic=visits.dead")
    page.wait_for_function(f"() => document.activeElement.dataset.offset === '{newer}'")


def test_a_topic_of_dead_letters_that_is_not_there_is_told_and_no_lost_connection(page):
    page.goto("/letters?topic=nosuch.dead")
    page.get_by_role("alert").get_by_text("There is no topic nosuch.dead of dead letters.").wait_for()
    page.wait_for_selector("html[data-link='live']")
    assert not page.get_by_text("No connection").is_visible()
    page.complaints[:] = [each for each in page.complaints if "status of 404" not in each]


def executed(page, operation, **parameters):
    """The answer to an operation that was tried out on the page of the api."""
    place = page.locator(f"#operations-collatz-{operation}")
    place.locator(".opblock-summary-control").click()
    place.get_by_role("button", name="Try it out").click()
    for name, value in parameters.items():
        place.get_by_placeholder(name).fill(value)
    place.get_by_role("button", name="Execute").click()
    answer = place.locator(".live-responses-table .response")
    answer.locator(".response-col_status").first.wait_for()
    assert answer.locator(".response-col_status").first.inner_text().startswith("200")
    return answer


def test_the_page_of_the_api_executes_an_operation_without_the_internet(page):
    page.goto("/docs")
    answer = executed(page, "get_longest_step_chain")
    assert re.search(r'"steps": [1-9]', answer.locator(".highlight-code").first.inner_text())


def test_the_page_of_the_api_shows_a_picture(page):
    page.goto("/docs")
    executed(page, "get_plot_n_", n="27")
    page.wait_for_function("() => document.querySelector('.live-responses-table img')?.naturalWidth > 300")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_the_api_can_be_read(page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto("/docs")
    executed(page, "get_longest_step_chain")
    page.locator(".models").scroll_into_view_if_needed()
    picture(page, "/docs", scheme)
    texts = ".highlight-code span, .opblock-summary-description, .headers-wrapper td, .models button"
    assert page.locator(".highlight-code span").count() > 5
    assert page.locator(".models button").count() > 1
    assert page.evaluate(f"({CONTRAST})", [texts, 3.0]) == []
    overlapping = page.evaluate(
        "() => [...document.querySelectorAll('.models button')].map(each => each.getBoundingClientRect())"
        ".some((a, at, all) => all.some((b, i) => i > at && a.right > b.left + 1 && b.right > a.left + 1"
        " && a.bottom > b.top + 1 && b.bottom > a.top + 1))"
    )
    assert not overlapping


@pytest.mark.parametrize(
    ("path", "said"), [("/live/foo", "no stream foo"), ("/nothing", "nothing at /nothing")]
)
def test_a_wrong_address_is_a_page_that_leads_on(page, path, said):
    page.goto(path)
    page.get_by_role("heading", name="Not found").wait_for()
    page.get_by_text(said).wait_for()
    picture(page, path, "light")
    page.get_by_role("navigation").get_by_role("link", name="quotes").click()
    page.wait_for_url("**/live/quotes")
    page.complaints[:] = [each for each in page.complaints if "status of 404" not in each]


def test_a_page_says_that_the_connection_is_lost_and_goes_on_when_the_api_is_back(page, face):
    page.goto("/live/quotes")
    await_number(page, "quotes.tables.metrics.rows", 1)
    assert face.services["api"].stop() == 0
    page.wait_for_selector("html[data-link='lost']")
    face.start_api()
    page.wait_for_selector("html[data-link='live']", timeout=40_000)
    await_number(page, "quotes.tables.metrics.rows", rows_of(face, "metrics"))
    refused = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "WebSocket connection")
    page.complaints[:] = [each for each in page.complaints if not any(words in each for words in refused)]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong(page, path, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(path)
    page.wait_for_selector("main h1")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "async () => (await axe.run()).violations.map(v => [v.id, v.impact, v.nodes[0].html])"
    )
    assert found == []
