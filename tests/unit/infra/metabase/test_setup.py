"""The set-up against a stand-in that refuses every field that Metabase's published description does not name."""

import itertools
import threading
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.metabase.client import Client
from infra.metabase.dashboards import DASHBOARDS
from infra.metabase.errors import MetabaseFailed, MetabaseRefused
from infra.metabase.settings import Settings
from infra.metabase.setup import Setup, await_ready
from tests.compose.images.metabase.server import Metabase, Refused, serve

PASSWORD = "correct-horse-1"
SETTINGS = Settings.from_env({"METABASE_PASSWORD": PASSWORD, "CLICKHOUSE_PASSWORD": "reads"})
MADE = 1 + 1 + 1 + 2 * (4 + 1 + 1)
"""Administrator, database, collection; of each dashboard its questions, itself, and what is put on it."""


def answers(details, sql):
    if details["password"] != "reads":
        raise OSError("Authentication failed")
    return {"rows": 3, "data": []}


class Stumbling(Metabase):
    """Refuses everything from the nth change on."""

    def __init__(self, most):
        super().__init__(clickhouse=answers)
        self.most = most

    def answer(self, method, address, body, session):
        if len(self.changes) >= self.most:
            raise Refused(500, "out of order")
        return super().answer(method, address, body, session)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def running(server):
    """A client of it."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Client(f"http://127.0.0.1:{server.server_port}", timeout_s=10)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def served(metabase):
    return running(serve(metabase))


def set_up(metabase, settings=SETTINGS):
    """What it says, and the addresses."""
    said = []
    with served(metabase) as client:
        paths = Setup(client, settings, said.append).run(DASHBOARDS)
    return said, paths


def standing(metabase):
    """Dashboard → the names of the questions on it, by place."""
    return {
        each["name"]: [metabase.cards[card["card_id"]]["name"] for card in sorted_cards(each)]
        for each in metabase.dashboards.values()
    }


def sorted_cards(dashboard):
    return sorted(dashboard["dashcards"], key=lambda card: (card["row"], card["col"]))


EVERYTHING = {dashboard.name: [card.name for card in dashboard.cards] for dashboard in DASHBOARDS}


def test_a_new_metabase_gets_everything():
    metabase = Metabase(clickhouse=answers)
    said, paths = set_up(metabase)
    assert standing(metabase) == EVERYTHING
    assert paths == [f"/dashboard/{number}" for number in metabase.dashboards]
    assert len(metabase.changes) == MADE
    assert "People by type: 3 rows" in said


def test_a_second_run_changes_nothing():
    metabase = Metabase(clickhouse=answers)
    _, first = set_up(metabase)
    changes = list(metabase.changes)
    said, second = set_up(metabase)
    assert (metabase.changes, second) == (changes, first)
    assert all(line.endswith(" rows") for line in said)


@pytest.mark.parametrize("most", range(MADE))
def test_a_run_that_broke_off_is_finished_by_the_next(most):
    metabase = Stumbling(most)
    with pytest.raises(MetabaseRefused):
        set_up(metabase)
    metabase.most = 10**6
    set_up(metabase)
    assert standing(metabase) == EVERYTHING
    assert len(metabase.changes) == MADE


def test_what_somebody_changed_or_added_stays():
    metabase = Metabase(clickhouse=answers)
    set_up(metabase)
    first, *_ = metabase.dashboards.values()
    card = metabase.cards[first["dashcards"][0]["card_id"]]
    card["display"] = "row"
    first["dashcards"][0]["size_y"] = 4
    removed = first["dashcards"].pop()
    own = {"id": 999, "card_id": card["id"], "row": 20, "col": 0, "size_x": 4, "size_y": 4}
    first["dashcards"].append(own)
    set_up(metabase)
    assert card["display"] == "row"
    assert first["dashcards"][0]["size_y"] == 4
    assert any(each["id"] == 999 and each["row"] == 20 for each in first["dashcards"])
    (back,) = (each for each in first["dashcards"] if each["card_id"] == removed["card_id"])
    assert back["row"] >= 24


def test_a_changed_password_of_clickhouse_is_told_to_metabase():
    right = "reads"

    def changing(details, sql):
        if details["password"] != right:
            raise OSError("Authentication failed")
        return {"rows": 3, "data": []}

    metabase = Metabase(clickhouse=changing)
    set_up(metabase)
    right = "reads-anew"
    said, _ = set_up(metabase, replace(SETTINGS, clickhouse={**SETTINGS.clickhouse, "password": right}))
    assert "told Metabase anew how to reach ClickHouse: Authentication failed" in said
    assert [change for change in metabase.changes if change.startswith("PUT /api/database")] == [
        "PUT /api/database/1"
    ]


def test_a_question_without_an_answer_fails_the_run():
    def failing(details, sql):
        if "shadow" in sql:
            raise OSError("Unknown table shadow")
        return {"rows": 3, "data": []}

    with pytest.raises(MetabaseFailed, match="People by type has no answer: Unknown table shadow"):
        set_up(Metabase(clickhouse=failing))


def test_a_clickhouse_that_is_not_reached_is_said():
    with pytest.raises(
        MetabaseRefused, match="/api/database was refused with 400.*cannot connect: Authentication"
    ):
        set_up(
            Metabase(clickhouse=answers),
            replace(SETTINGS, clickhouse={**SETTINGS.clickhouse, "password": "x"}),
        )


def test_another_administrator_is_said():
    metabase = Metabase(clickhouse=answers)
    set_up(metabase)
    with pytest.raises(
        MetabaseFailed, match="METABASE_EMAIL and METABASE_PASSWORD have to be those of an admin"
    ):
        set_up(metabase, replace(SETTINGS, password="wrong-horse-2"))


def test_it_waits_while_metabase_starts_and_tells_how_that_goes():
    said, clock = [], itertools.count(0, 6)
    with served(Metabase(starting=3, clickhouse=answers)) as client:
        await_ready(client, 60, said.append, lambda: next(clock), lambda seconds: None)
    assert said[0].startswith("waiting for Metabase, ")
    assert "it is starting" in said[0]


def test_it_does_not_wait_for_ever():
    clock = itertools.count(0, 10)
    with pytest.raises(MetabaseFailed, match="after 40 s Metabase is not ready: .*no answer"):
        await_ready(
            Client("http://127.0.0.1:1"), 30, lambda line: None, lambda: next(clock), lambda seconds: None
        )


def test_something_else_at_that_address_is_said(tmp_path):
    (tmp_path / "index.html").write_text("<html>")
    handler = partial(Quiet, directory=tmp_path)
    with running(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as client:
        with pytest.raises(
            MetabaseFailed, match="did not answer with JSON: is METABASE_URL that of a Metabase"
        ):
            client.get("/index.html")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/setup", {"token": "t", "user": {}, "prefs": {}, "database": {}}),
        ("POST", "/api/session", {"username": "a", "password": "b", "remember": True}),
        ("POST", "/api/cards", {}),
        ("POST", "/api/session", {"username": "a"}),
    ],
    ids=["unknown field", "another unknown field", "unknown path", "missing field"],
)
def test_the_stand_in_is_strict(method, path, body):
    with pytest.raises(Refused) as refused:
        Metabase(clickhouse=answers).answer(method, path, body, "")
    assert refused.value.status in (400, 404)
