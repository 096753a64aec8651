"""The questions of Metabase's dashboards on the real ClickHouse, by a user that only reads; the set-up as a process.

Metabase itself cannot be had here: tests/compose/images/metabase stands in for its API.
"""

import re
import threading
import urllib.parse
import urllib.request

import pytest

from common.streams.collatz import walk_of
from infra.local.probes import http_query
from infra.local.waiting import wait_until
from infra.metabase.dashboards import DASHBOARDS
from tests.compose.images.metabase.server import Metabase, serve
from tests.support.commands import Commands, ended
from tests.support.pipeline import QUICK

DATABASE = "metabase_questions"
PEOPLE, WALKS = 300, 1000
CARDS = [card for dashboard in DASHBOARDS for card in dashboard.cards]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def commands(own_stack):
    """Our commands on a database of their own, into which ratings and walks have been stored."""
    settings = {"KAFKA_GROUP_ID": "metabase-questions", "CLICKHOUSE_DB": DATABASE, "PARTITIONS": "2"}
    commands = Commands(own_stack, **QUICK, **settings)
    for words in (
        ("common.topics", "collatz", "ratings"),
        ("consumer", "migrate", "collatz", "ratings"),
        ("producer", "collatz", "--from", "1", "--to", str(WALKS)),
        ("producer", "ratings", "--events", str(PEOPLE)),
    ):
        done = commands.run(*words)
        assert done.exit_code == 0, done.said
    services = [commands.start("consumer", role, "collatz", "ratings") for role in ("transform", "sink")]
    stored = (
        f"SELECT (SELECT count() FROM {DATABASE}.shadow), (SELECT uniq(number) FROM {DATABASE}.data_series)"
    )

    def are_stored():
        people, walks = map(int, http_query(own_stack.http_port, stored, 20).split())
        return people >= PEOPLE and walks >= WALKS

    try:
        assert wait_until(are_stored, 90)
        yield commands
    finally:
        for service in services:
            service.kill()
            ended(service)
        http_query(own_stack.http_port, f"DROP DATABASE {DATABASE}", 20)


def rows_of(own_stack, card):
    """The answer to a card with its variables' defaults, as text. HTTPError when it is refused."""
    sql = card.sql
    for name, default in card.numbers.items():
        sql = sql.replace(f"{{{{{name}}}}}", str(default))
    given = urllib.parse.urlencode({"database": DATABASE, "readonly": "2", "default_format": "TSV"})
    request = urllib.request.Request(f"http://127.0.0.1:{own_stack.http_port}/?{given}", data=sql.encode())
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode().splitlines()


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_question_has_an_answer(own_stack, commands, card):
    assert len(rows_of(own_stack, card)) > 0


def test_the_answers_agree_with_each_other(own_stack, commands):
    said = {card.name: [line.split("\t") for line in rows_of(own_stack, card)] for card in CARDS}
    ((people,),) = said["People in all"]
    assert sum(int(count) for _, count in said["People by type"]) == int(people)
    assert sum(float(percent) for _, percent in said["Share of each type"]) == pytest.approx(100, abs=0.1)
    assert PEOPLE <= sum(int(count) for *_, count in said["People a minute"]) <= int(people)
    ((_, steps),) = said["Longest walk"]
    assert len(said["Steps of the longest walk"]) == int(steps) + 1
    found = {int(number) for (number,) in said["Numbers whose walk contains x"]}
    assert {number for number in range(1, WALKS + 1) if 1024 in walk_of(number)} <= found
    assert all(1024 in walk_of(number) for number in found)


def test_the_command_sets_up_a_metabase_and_changes_nothing_when_it_is_run_again(own_stack, commands):
    metabase = Metabase(starting=1)
    server = serve(metabase)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    told = {
        "METABASE_URL": f"http://127.0.0.1:{server.server_port}",
        "METABASE_OPEN_URL": "http://localhost:3001",
        "METABASE_PASSWORD": "correct-horse-1",
        "METABASE_CLICKHOUSE_PORT": str(own_stack.http_port),
        "CLICKHOUSE_USER": "default",
        "CLICKHOUSE_PASSWORD": "",
    }
    try:
        first = commands.run("infra.metabase", **told)
        changes = list(metabase.changes)
        second = commands.run("infra.metabase", **told)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert (first.exit_code, first.said) == (0, "")
    answered = [int(found[1]) for line in first.lines if (found := re.fullmatch(r".*: (\d+) rows", line))]
    assert len(answered) == len(CARDS)
    assert 0 not in answered
    assert re.fullmatch(r"http://localhost:3001/dashboard/\d+", first.lines[-1])
    assert (second.exit_code, metabase.changes, second.lines[-2:]) == (0, changes, first.lines[-2:])


def test_the_command_says_which_setting_is_wrong(own_stack):
    done = Commands(own_stack).run("infra.metabase")
    assert (done.exit_code, done.lines) == (2, [])
    missing = (
        "METABASE_PASSWORD is missing: give it, or METABASE_PASSWORD_FILE (build-all.sh writes such files)"
    )
    assert done.said == f"{missing}\n"
