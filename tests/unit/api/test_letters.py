"""Dead letters: a page or JSON of them; and after a failure nobody waits for Kafka again at once."""

from types import SimpleNamespace

import pytest
from fastapi import FastAPI

from api.letters import PAUSE_S, Letters, add_to
from common.errors import KafkaRefused, KafkaUnavailable
from common.process.clock import Clock
from common.settings.config import Settings
from tests.unit.api.asgi import ask


class House:
    """Letters of which the test says when it is, and whether Kafka answers."""

    def __init__(self):
        self.now_s, self.error, self.tries = 100.0, None, 0
        clock = Clock(lambda: self.now_s, lambda: 0.0, lambda seconds: None, lambda: 0.0)
        self.letters = Letters(Settings(), clock)
        self.letters._connected = self.connect

    def connect(self):
        self.tries += 1
        if self.error:
            raise self.error
        return "a box"

    def read(self):
        return self.letters.read(lambda box: box)

    def fail(self, error):
        self.error = error
        with pytest.raises(type(error)) as caught:
            self.read()
        assert caught.value is error


@pytest.fixture
def house():
    house = House()
    yield house
    house.letters.close()


def test_a_failure_stands_for_those_who_ask_next(house):
    error = KafkaUnavailable("no broker answers")
    house.fail(error)
    house.now_s += PAUSE_S - 0.1
    house.fail(error)
    assert house.tries == 1


def test_after_the_pause_kafka_is_asked_again(house):
    house.fail(KafkaUnavailable("no broker answers"))
    house.now_s, house.error = house.now_s + PAUSE_S, None
    assert (house.read(), house.tries) == ("a box", 2)


def test_a_right_that_is_missing_may_be_there_at_once(house):
    house.fail(KafkaRefused("no right to read"))
    house.error = None
    assert (house.read(), house.tries) == ("a box", 2)


def test_a_connection_is_kept_until_it_fails(house):
    assert (house.read(), house.read(), house.tries) == ("a box", "a box", 1)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,*/*;q=0.8", "text/html; charset=utf-8"),
        ("text/html;q=0.1, application/json", "application/json"),
        ("*/*", "application/json"),
        ("", "application/json"),
    ],
)
def test_who_asks_for_letters_has_what_it_would_rather_have_and_caches_are_told(house, accept, kind):
    app, dead = FastAPI(), [{"topic": "visits", "letters": 3}]
    live = SimpleNamespace(overview=lambda **_: {"streams": [{"dead": dead}]}, age_s=0.5)
    add_to(app, {}, live, house.letters)
    answer = ask(app, "/letters", accept=accept)
    assert (answer.status, answer.headers["content-type"], answer.headers["vary"]) == (200, kind, "Accept")
    if kind == "application/json":
        assert answer.json() == {"topics": dead, "age_s": 0.5}
