import asyncio

import pytest

from api.hub import BUSY, FOREIGN, Client, Hub, is_foreign, reason
from tests.unit.api.fake_socket import FakeSocket, until


async def no_greeting():
    pass


@pytest.fixture
def hub():
    return Hub()


def test_a_client_that_does_not_read_gets_the_newest_alone(hub):
    async def story():
        socket = FakeSocket()
        socket.reads.clear()
        serving = asyncio.create_task(hub.serve(socket, "a", no_greeting))
        await until(lambda: hub.channels() == ["a"])
        for number in range(100):
            hub.publish("a", str(number))
            await asyncio.sleep(0)
        socket.reads.set()
        await until(lambda: socket.sent and socket.sent[-1] == "99")
        assert len(socket.sent) <= 2
        socket.goes.set()
        await serving
        assert hub.count() == 0

    asyncio.run(story())


def test_only_listeners_of_a_channel_hear_it_and_a_later_one_hears_the_newest_at_once(hub):
    async def story():
        first, second, other = FakeSocket(), FakeSocket(), FakeSocket()
        tasks = [asyncio.create_task(hub.serve(first, "a", no_greeting))]
        tasks.append(asyncio.create_task(hub.serve(other, "b", no_greeting)))
        await until(lambda: hub.count() == 2)
        hub.publish("a", "one")
        await until(lambda: first.sent == ["one"])
        tasks.append(asyncio.create_task(hub.serve(second, "a", no_greeting)))
        await until(lambda: second.sent == ["one"])
        assert other.sent == []
        for socket in (first, second, other):
            socket.goes.set()
        await asyncio.gather(*tasks)

    asyncio.run(story())


def test_the_first_listener_of_a_channel_is_greeted_and_hears_nothing_old(hub):
    async def story():
        hub.publish("a", "old")
        socket = FakeSocket()

        async def greet():
            hub.publish("a", "new")

        serving = asyncio.create_task(hub.serve(socket, "a", greet))
        await until(lambda: socket.sent == ["new"])
        socket.goes.set()
        await serving

    asyncio.run(story())


def test_one_client_too_many_is_told_to_try_again(hub, monkeypatch):
    monkeypatch.setattr("api.hub.MOST_CLIENTS", 0)

    async def story():
        socket = FakeSocket()
        await hub.serve(socket, "a", no_greeting)
        assert (socket.accepted, socket.closed, hub.count()) == (True, BUSY, 0)

    asyncio.run(story())


def test_a_client_waits_for_a_message():
    async def story():
        client = Client()
        taking = asyncio.create_task(client.take())
        await asyncio.sleep(0)
        assert not taking.done()
        client.put("one")
        assert await taking == "one"

    asyncio.run(story())


def test_a_page_of_another_host_is_closed_before_it_hears_anything(hub):
    socket = FakeSocket(origin="https://evil.example", host="localhost:8000")
    hub.publish("a", "secret")
    asyncio.run(hub.serve(socket, "a", no_greeting))
    assert (socket.closed, socket.sent, hub.count()) == (FOREIGN, [], 0)


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({"host": "localhost:8000"}, False),
        ({"host": "localhost:8000", "origin": "http://localhost:8000"}, False),
        ({"host": "localhost:8000", "origin": "http://localhost:8001"}, True),
        ({"host": "localhost:8000", "origin": "null"}, True),
    ],
    ids=["no browser", "our page", "another port", "a file"],
)
def test_a_client_is_foreign_when_its_page_is(headers, foreign):
    assert is_foreign(headers) is foreign


def test_a_client_that_takes_nothing_any_more_is_given_up(hub, monkeypatch):
    monkeypatch.setattr("api.hub.SENT_S", 0.01)

    async def story():
        socket = FakeSocket()
        socket.reads.clear()
        serving = asyncio.create_task(hub.serve(socket, "a", no_greeting))
        await until(lambda: hub.channels() == ["a"])
        hub.publish("a", "1")
        await asyncio.wait_for(serving, 5)
        assert hub.count() == 0

    asyncio.run(story())


@pytest.mark.parametrize("turns", range(6))
def test_a_client_that_goes_while_it_is_sent_something_is_let_go(hub, turns):
    class Going(FakeSocket):
        async def send_text(self, message):
            self.goes.set()
            for _ in range(turns):
                await asyncio.sleep(0)

    async def story():
        serving = asyncio.create_task(hub.serve(Going(), "a", no_greeting))
        await until(lambda: hub.channels() == ["a"])
        hub.publish("a", "1")
        await until(serving.done)

    asyncio.run(story())


def test_a_reason_fits_into_a_control_frame_whatever_it_quotes():
    assert reason("é" * 100).encode() == ("é" * 60).encode()
    assert reason("short") == "short"
