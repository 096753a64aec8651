"""What is live is told with its age: a look that does not come back is not taken for now."""

import asyncio
import json

import pytest

from api import live as live_module
from api.live import OVERVIEW, Live
from api.look import Look
from api.watch import Seen
from common.streams import STREAMS
from tests.unit.api.fake_socket import FakeSocket, until

RATINGS = {"ratings": STREAMS["ratings"]}


class Time:
    now_s = 100.0


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def live(time):
    return Live(RATINGS, {}, pool=None, time_text=lambda: "", now_s=lambda: time.now_s)


def told(live):
    return live.overview(with_questions=False)


def test_a_state_tells_how_old_its_look_is(live, time):
    asyncio.run(see(live, Look(at_s=100.0)))
    time.now_s = 123.0
    assert told(live)["age_s"] == 23.0
    assert [stream["age_s"] for stream in told(live)["streams"]] == [23.0]
    asyncio.run(see(live, Look(at_s=123.0)))
    assert told(live)["age_s"] == 0.0


def test_before_the_first_look_it_is_told_how_long_there_was_none(live, time):
    time.now_s = 104.5
    assert told(live)["age_s"] == 4.5


def test_it_is_not_ready_while_looks_do_not_come_back(live, time):
    asyncio.run(see(live, Look(at_s=100.0), clickhouse_problem=""))
    assert live.unready == ""
    time.now_s = 161.0
    assert live.unready.startswith("the last look at Kafka and ClickHouse is 61 s old")
    asyncio.run(see(live, Look(at_s=161.0), clickhouse_problem=""))
    assert live.unready == ""


async def see(live, look, **problems):
    live.see(Seen(look, **problems))


def test_a_look_that_does_not_come_back_is_told_to_who_listens(live, time, monkeypatch):
    monkeypatch.setattr(live_module, "TELL_S", 0.001)

    async def story():
        socket = FakeSocket()
        tasks = [asyncio.create_task(live.hub.serve(socket, OVERVIEW, no_greeting))]
        await until(lambda: live.hub.channels() == [OVERVIEW])
        time.now_s = 120.0
        tasks.append(asyncio.create_task(live.tell_on()))
        await asyncio.wait_for(heard(socket), 10)
        assert json.loads(socket.sent[0])["age_s"] == 20.0
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(story())


async def no_greeting():
    pass


async def heard(socket):
    while not socket.sent:
        await asyncio.sleep(0)
