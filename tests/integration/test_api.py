"""The api on the whole pipeline, over real HTTP and WebSockets."""

from __future__ import annotations

import json
import random
import re
import socket
import threading
import time
from contextlib import ExitStack
from datetime import datetime

import pytest
import requests
from kafka import KafkaProducer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from common.streams import STREAMS
from common.streams.collatz import walk_of
from infra.local.ports import pick_free
from infra.local.waiting import wait_until
from tests.support.commands import Commands
from tests.support.patience import get_patiently

pytestmark = pytest.mark.timeout(180)

LONG = {
    ("collatz", "part"): {"x": "1"},
    ("collatz", "steps"): {"n": "27"},
    ("sensors", "last"): {"kind": "humidity"},
    ("sensors", "histogram"): {"kind": "pressure"},
    ("visits", "final"): {"account_id": "1", "store_id": "us"},
}
EVERY = [(stream, question) for stream in STREAMS.values() for question in stream.questions]
SQL = ["1; DROP TABLE data_series", "1' OR '1'='1", "1) UNION ALL SELECT 1 --", "{x:UInt8}", "%00", "\\'"]


def path_of(stream, question):
    return f"/streams/{stream.name}/{question.name}"


@pytest.mark.parametrize(("stream", "question"), EVERY, ids=[f"{s.name}-{q.name}" for s, q in EVERY])
def test_every_question_is_answered_as_its_example_says(face, stream, question):
    def answer():
        answered = face.get(path_of(stream, question), params=LONG.get((stream.name, question.name), {}))
        assert answered.status_code == 200, answered.text
        return answered.json()

    assert wait_until(lambda: answer()["rows"], 60)  # a window takes its time until it is final
    body = answer()
    assert [column["name"] for column in body["columns"]] == list(question.example)
    for name, example in question.example.items():
        told = {type(row[name]) for row in body["rows"]}
        assert told <= {type(example), *([type(None)] if isinstance(example, float) else [])}, name


def test_the_short_paths_answer_as_the_original_did(face):
    longest = face.get("/longest_step_chain").json()
    assert longest == {
        "longest": longest["number"],
        "number": longest["number"],
        "steps": len(walk_of(longest["number"])) - 1,
    }
    highest = face.get("/highest_value").json()
    assert highest["longest"] == highest["number"]
    assert highest["value"] == str(max(walk_of(highest["number"])))


def test_part_comes_in_pages_that_a_link_leads_through(face):
    assert wait_until(lambda: len(face.get("/part/1").json()) == 1000, 60)
    first = face.get("/part/1")
    assert first.headers["Link"].endswith('; rel="next"')
    second = face.get(first.headers["Link"].split(">")[0][1:]).json()
    numbers = [number for (number,) in first.json() + second]
    assert numbers == sorted(set(numbers))
    long = face.get("/streams/collatz/part?x=1").json()
    assert (long["part"], len(long["numbers"]), long["next"]) == (True, 1000, {"after": long["numbers"][-1]})
    assert long["numbers"] == sorted(set(long["numbers"]))


def test_a_number_that_no_walk_holds_is_part_of_none(face):
    assert face.get(f"/part/{2**127 + 1}").json() == []
    assert face.get(f"/streams/collatz/part?x={2**127 + 1}").json()["part"] is False


@pytest.mark.parametrize("n", [1, 27, 12_327_829_503])
def test_the_steps_of_a_number_that_was_never_drawn_are_computed_and_it_is_said(face, n):
    if face.query(f"SELECT count() FROM data_series WHERE number = {n}")[0][0]:
        pytest.fail(f"{n} was drawn, of 10^14 numbers")
    answer = face.get(f"/steps/{n}")
    assert answer.headers["Penstock-Computed"] == "true"
    assert answer.json()["computed"] is True
    assert [int(row["value"]) for row in answer.json()["rows"]] == walk_of(n)


def test_the_steps_of_a_number_that_was_drawn_come_from_the_table(face):
    n = face.query("SELECT min(number) FROM data_series")[0][0]
    answer = face.get(f"/steps/{n}")
    assert answer.headers["Penstock-Computed"] == "false"
    assert [int(row["value"]) for row in answer.json()["rows"]] == walk_of(n)


@pytest.mark.parametrize(
    "path",
    [
        "/plot/27",
        "/plot/12327829503",
        "/streams/sensors/histogram.png?kind=temperature",
        "/streams/quotes/mid_price.png",
        "/streams/ratings/count_by_type.png",
    ],
)
def test_pictures_are_png(face, path):
    answer = face.get(path)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("path", "where", "allowed"),
    [
        ("/part/0", "x", "must be at least 1 (given: 0)"),
        (f"/part/{2**128}", "x", f"must be at most {2**128 - 1:,} (given: {2**128})"),
        (f"/part/{10**40}", "x", f"must be a whole number (given: {10**40})"),
        ("/part/-1", "x", "must be at least 1 (given: -1)"),
        ("/part/NaN", "x", "must be a whole number (given: NaN)"),
        ("/steps/100000000000000", "n", "must be at most 99,999,999,999,999 (given: 100000000000000)"),
        ("/streams/collatz/part", "x", "is missing"),
        (
            "/streams/sensors/last?kind=noise",
            "kind",
            "must be temperature, humidity or pressure (given: noise)",
        ),
        ("/streams/quotes/mid_price?threshold=nan", "threshold", "must be a finite number (given: nan)"),
        ("/streams/quotes/mid_price?threshold=abc", "threshold", "must be a number (given: abc)"),
        ("/streams/quotes/mid_price?threshold=1e7", "threshold", "must be at most 10 (given: 1e7)"),
        ("/streams/visits/counts?rows=0", "rows", "must be at least 1 (given: 0)"),
        (
            f"/streams/visits/final?account_id=1&store_id={'s' * 1001}",
            "store_id",
            "must have at most 1,000 characters",
        ),
        ("/letters/visits.dead?rows=1000", "rows", "must be at most 200 (given: 1000)"),
    ],
)
def test_a_value_that_is_not_allowed_is_a_problem_that_says_what_is(face, path, where, allowed):
    answer = face.get(path)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert error["where"] == where
    assert error["message"].startswith(allowed)
    assert answer.json()["detail"] == f"{where} {error['message']}"


@pytest.mark.parametrize("sql", SQL)
def test_sql_in_a_parameter_is_a_value_or_refused(face, sql):
    before = face.query("SELECT count() FROM system.tables WHERE database = 'face'")
    assert face.get(f"/part/{sql}").status_code in (404, 422)
    answer = face.get("/streams/visits/final", params={"account_id": sql, "store_id": sql})
    assert (answer.status_code, answer.json()["rows"]) == (200, [])
    assert face.query("SELECT count() FROM system.tables WHERE database = 'face'") == before


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/streams/nothing", 404),
        ("/letters/data_series.dead", 404),
        ("/letters/visits.dead/9000000000", 404),
        ("/live/nothing", 404),
        ("/static/../app.py", 404),
        ("/static/%2e%2e/app.py", 404),
    ],
)
def test_what_is_not_there_is_a_problem(face, path, status):
    answer = face.get(path)
    assert answer.status_code == status
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


def test_a_browser_is_shown_a_page_where_there_is_nothing(face):
    for path, status in (("/live/nothing", 404), ("/nothing", 404), ("/plot/0", 422), ("/plot/x", 422)):
        answer = face.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
        assert all(f'href="/live/{name}"' in answer.text for name in STREAMS)


def test_every_page_has_the_icon_and_so_has_a_browser_that_asks_without_one(face):
    for path in ("/", "/docs", "/letters", "/live/collatz", "/nothing"):
        page = face.get(path, headers={"Accept": "text/html"}).text
        assert '<link rel="icon" href="/static/penstock.svg" type="image/svg+xml" />' in page
    for path in ("/favicon.ico", "/static/penstock.svg"):
        answer = face.get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")


def test_another_method_is_refused_with_those_that_are_possible(face):
    answer = requests.delete(f"{face.url}/streams", timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.json()["title"] == "Method Not Allowed"


def test_a_path_of_a_megabyte_is_refused(face):
    with socket.create_connection(("127.0.0.1", face.port), timeout=10) as client:
        client.sendall(b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert int(client.recv(1000).split()[1]) in (400, 404, 414, 431)
    assert face.status("/health") == 200


def test_every_answer_tells_browsers_to_trust_nothing_else(face):
    pictures = ("/plot/27", "/streams/ratings/count_by_type.png", "/static/penstock.svg")
    for path in ("/", "/streams", "/nothing", "/docs", "/static/app.css", *pictures):
        headers = face.get(path).headers
        policy = dict(each.split(" ", 1) for each in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == ("'none'" if path in pictures else "'self'")
        assert policy["img-src"] == ("'self' blob:" if path == "/docs" else "'self'")
        assert policy.get("style-src") == ("'unsafe-inline'" if path in pictures else None)
        assert "script-src" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


def test_the_state_of_the_streams_is_what_tables_and_groups_say(face):
    def is_known(told):
        return all(each["rows"] is not None and each["verdict"] for each in told["streams"])

    face.awaited("/streams", is_known, 60)
    before = {
        name: face.query(f"SELECT count() FROM {name}")[0][0] for name in ("data_series", "shadow", "metrics")
    }
    overview = face.get("/streams").json()
    rows = {table["name"]: table["rows"] for each in overview["streams"] for table in each["tables"]}
    time.sleep(2)  # two ticks of the api: what it tells may be one old
    after = {name: face.query(f"SELECT count() FROM {name}")[0][0] for name in before}
    assert all(rows[name] <= after[name] for name in before)
    later = {t["name"]: t["rows"] for each in face.get("/streams").json()["streams"] for t in each["tables"]}
    assert all(before[name] <= later[name] for name in before)
    owners = {
        partition["owner"]
        for each in overview["streams"]
        for feed in each["feeds"]
        for partition in feed["partitions"]
    }
    assert owners == {"consumer-1"}
    assert [each["name"] for each in overview["streams"]] == list(STREAMS)
    assert all(each["verdict"]["sound"] for each in overview["streams"])


def latest(face, stream, table, column):
    told = face.awaited(f"/streams/{stream}/latest?rows=20", lambda told: told["tables"])
    found = next(each for each in told["tables"] if each["name"] == table)
    return [row[found["columns"].index(column)] for row in found["rows"]]


def test_newest_rows_are_the_newest_of_all_partitions(face):
    assert wait_until(lambda: len(set(latest(face, "sensors", "measurements", "kind"))) == 3, 30)
    times = [datetime.fromisoformat(time) for time in latest(face, "quotes", "metrics", "time")]
    assert len(set(times)) == 20
    assert times == sorted(times, reverse=True)


def test_of_a_walk_the_first_step_is_among_the_newest_rows(face):
    assert latest(face, "collatz", "data_series", "step") == [0] * 20
    assert len(set(latest(face, "collatz", "data_series", "number"))) == 20


def test_shares_and_means_have_six_digits_after_the_point_at_most(face):
    prices = face.get("/streams/quotes/mid_price").json()["rows"]
    shares = face.get("/streams/quotes/share_above?threshold=3").json()["rows"]
    numbers = [*(row["mid_price"] for row in prices), *(row["share"] for row in shares)]
    assert [number for number in numbers if round(number, 6) != number] == []
    means = latest(face, "quotes", "metrics", "bid_mean")
    assert [mean for mean in means if round(mean, 4) != mean] == []


def test_a_bad_message_is_among_the_dead_letters_with_its_bytes(face):
    value = b'{"number": "not one %d"}' % random.getrandbits(40)
    producer = KafkaProducer(bootstrap_servers=face.stack.bootstrap_servers)
    producer.send("conjecture.data", value, key=b"k", headers=[("trace", b"\xff")]).get(10)
    producer.close()
    address = "/letters/conjecture.data.dead"

    def is_newest(told):
        return told["letters"] and told["letters"][0]["topic"] == "conjecture.data"

    newest = face.awaited(address, is_newest)["letters"][0]
    letter = face.get(f"{address}/{newest['offset']}").json()
    assert letter["value"]["text"] == value.decode()
    assert letter["key"]["text"] == "k"
    assert face.get(f"{address}/{newest['offset']}/value").content == value
    assert {"name": "trace", "value": {"text": None, "hex": "ff", "bytes": 1, "cut": False}} in letter[
        "headers"
    ]

    def is_counted(told):
        return any(
            each["dead_topic"] == "conjecture.data.dead" and (each["letters"] or 0) >= 1
            for each in told["topics"]
        )

    face.awaited("/letters", is_counted)


def test_the_last_minutes_of_each_stream_are_remembered(face):
    told = face.awaited("/history", lambda told: any(told["streams"]["quotes"]["rows_per_second"]), 60)
    assert list(told["streams"]) == list(STREAMS)
    for remembered in told["streams"].values():
        assert remembered["times"] == sorted(set(remembered["times"]))
        assert {len(column) for column in remembered.values()} == {len(remembered["times"])}


@pytest.mark.parametrize("channel", [*STREAMS, "overview"])
def test_a_websocket_tells_what_is_new_again_and_again(face, channel):
    with connect(f"ws://127.0.0.1:{face.port}/ws/{channel}") as client:
        first, second = json.loads(client.recv(10)), json.loads(client.recv(10))
    assert first["time"] < second["time"]
    if channel != "overview":
        assert second["live"]["rows"], second["detail"]
        assert second["state"]["name"] == channel


def test_the_original_websocket_tells_active_visitors(face):
    with connect(f"ws://127.0.0.1:{face.port}/ws") as client:
        visitors = json.loads(client.recv(10))
    assert {"account_id", "store_id", "start", "visits"} <= visitors[0].keys()


def test_a_websocket_of_no_stream_is_closed_with_a_reason(face):
    with (
        connect(f"ws://127.0.0.1:{face.port}/ws/nothing") as client,
        pytest.raises(ConnectionClosed) as caught,
    ):
        client.recv(10)
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4404, "there is no stream nothing")


def test_many_clients_cost_no_more_questions_than_one(face):
    """Counted by ClickHouse itself, over some ticks; sinks and the auditor ask some, too."""

    def questions_during_ticks(clients):
        with ExitStack() as connected:
            for _ in range(clients):
                connected.enter_context(connect(f"ws://127.0.0.1:{face.port}/ws/quotes")).recv(10)
            asked = "SELECT value FROM system.events WHERE event = 'SelectQuery'"
            before = face.query(asked)[0][0]
            time.sleep(5)  # the time that is measured
            return face.query(asked)[0][0] - before

    alone = questions_during_ticks(1)
    assert questions_during_ticks(100) < alone + 200  # a round of the auditor; one each would be 500 more


def test_silent_connections_keep_nobody_from_an_answer(face):
    silent = [socket.create_connection(("127.0.0.1", face.port), timeout=10) for _ in range(1000)]
    try:
        assert face.status("/streams") == 200
    finally:
        for each in silent:
            each.close()


def is_picture(path):
    return path.endswith(".png") or path.startswith("/plot/")


def test_the_description_is_complete(face):
    described = face.get("/openapi.json").json()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert method == "get", path
            assert operation["summary"], path
            content = operation["responses"]["200"]["content"]
            assert all(operation["responses"][code]["description"] for code in operation["responses"]), path
            is_question = (
                path.startswith("/streams/") and path.count("/") == 3 and not path.endswith("/latest")
            )
            if is_question and "application/json" in content:
                assert content["application/json"]["example"], path
    summaries = {path: methods["get"]["summary"] for path, methods in described["paths"].items()}
    assert all(
        summary.startswith("A picture (PNG)") == is_picture(path) for path, summary in summaries.items()
    )
    for path in ("/longest_step_chain", "/highest_value"):
        assert "`longest` is kept from the original" in described["paths"][path]["get"]["description"]
    told = described["paths"]["/part/{x}"]["get"]["parameters"][0]["schema"]
    assert (told["minimum"], told["maximum"]) == (1, 2**128 - 1)


def test_clickhouse_frozen_is_a_503_within_two_seconds_and_mends_itself(face):
    clickhouse = next(each for each in face.stack.services if each.name == "clickhouse")
    clickhouse.freeze()
    try:
        began = time.monotonic()
        answer = face.get_once("/longest_step_chain")
        assert time.monotonic() - began < 2.2
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert wait_until(lambda: face.status("/ready") == 503, 20)
        assert face.status("/health") == 200
        face.awaited("/streams", lambda told: not told["clickhouse"]["ok"], 20)
        assert wait_until(lambda: face.status("/streams/quotes/latest") == 503, 20)
    finally:
        clickhouse.thaw()
    for path in ("/longest_step_chain", "/streams/quotes/latest"):
        assert wait_until(lambda path=path: face.status(path) == 200, 30)
    assert wait_until(lambda: face.status("/ready") == 200, 30)


def test_clickhouse_killed_under_load_is_503_for_everybody_and_mends_itself(face):
    clickhouse = next(each for each in face.stack.services if each.name == "clickhouse")
    answered: list[tuple[float, int]] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            status = face.status("/longest_step_chain")
            answered.append((time.monotonic(), status))

    askers = [threading.Thread(target=ask) for _ in range(8)]
    for asker in askers:
        asker.start()
    try:
        assert wait_until(lambda: len(answered) > 50, 30)
        killed = time.monotonic()
        clickhouse.kill()
        assert wait_until(lambda: sum(status == 503 for _, status in answered) > 50, 30)
        clickhouse.start()
        assert wait_until(lambda: answered[-1][1] == 200, 60)
    finally:
        over.set()
        for asker in askers:
            asker.join(30)
        clickhouse.start()
    assert {status for _, status in answered} == {200, 503}
    assert 200 in {status for at, status in answered if at < killed}
    assert wait_until(lambda: face.status("/ready") == 200, 30)


def test_sigterm_closes_websockets_with_a_code_and_ends_it_at_once(face):
    with connect(f"ws://127.0.0.1:{face.port}/ws/quotes") as client:
        client.recv(10)
        began = time.monotonic()
        assert face.services["api"].stop() == 0
        assert time.monotonic() - began < 6
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                client.recv(10)
        assert caught.value.rcvd.code == 1012
    face.start_api()


def test_a_port_that_is_taken_is_one_line(face):
    done = Commands(face.stack).run("api", HTTP_PORT=str(face.port))
    assert done.exit_code == 2
    assert done.said.startswith(f"HTTP_PORT={face.port} cannot be used")
    assert len(done.said.splitlines()) == 1


def test_a_client_that_never_reads_costs_the_others_nothing(face):
    with socket.create_connection(("127.0.0.1", face.port), timeout=10) as silent:
        silent.sendall(
            b"GET /ws/overview HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        with connect(f"ws://127.0.0.1:{face.port}/ws/overview") as client:
            times = [datetime.fromisoformat(json.loads(client.recv(10))["time"]) for _ in range(4)]
    assert times == sorted(set(times))


def test_without_kafka_it_says_so_and_answers_all_the_same(face):
    port = pick_free().clickhouse
    api = face.start("api-alone", "api", HTTP_PORT=str(port), BOOTSTRAP_SERVERS="127.0.0.1:1")
    url = f"http://127.0.0.1:{port}"

    def told():
        try:
            return requests.get(f"{url}/streams", timeout=10).json()
        except requests.RequestException:
            return {}

    try:
        assert wait_until(lambda: told().get("clickhouse", {}).get("ok"), 30), api.log_text()
        overview = told()
        assert overview["kafka"]["ok"] is False
        assert "127.0.0.1:1" in overview["kafka"]["detail"]
        assert all(each["lag"] is None and each["rows"] is not None for each in overview["streams"])
        assert get_patiently(f"{url}/longest_step_chain").status_code == 200
        letters = requests.get(f"{url}/letters/visits.dead", timeout=20)
        assert (letters.status_code, letters.json()["title"]) == (503, "Service Unavailable")
    finally:
        assert api.stop() == 0


def test_prometheus_is_told_of_requests_by_path_and_of_clients(face):
    face.get("/steps/27")
    with connect(f"ws://127.0.0.1:{face.port}/ws/visits") as client:
        client.recv(10)
        told = face.get("/metrics").text
    assert re.search(r'penstock_api_requests_total\{path="/steps/\{n\}",status="200"\} [1-9]', told)
    assert re.search(r"penstock_api_websocket_clients [1-9]", told)
