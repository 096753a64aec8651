"""The newest rows: read once for all who ask, and as many as ClickHouse may answer."""

import asyncio
import threading

import pytest

from api.standing_routes import FEWER_ROWS, FRESH_S, MOST_ROWS, THREADS, Latest, _as_many_as_allowed
from common.errors import AskedTooMuch
from common.process.clock import Clock
from common.settings.config import Settings
from common.streams import STREAMS

(TABLE,) = STREAMS["ratings"].feeds[0].tables


class LargeRows:
    """Of whose rows no more than `most` may be asked for."""

    def __init__(self, most):
        self.most, self.asked = most, []

    def newest(self, table, rows, *, only_first):
        self.asked.append(rows)
        if rows > self.most:
            raise AskedTooMuch("code 396")
        return {}


def test_rows_that_are_too_large_together_are_fewer():
    newest = LargeRows(FEWER_ROWS)
    assert _as_many_as_allowed(newest, TABLE)["name"] == TABLE.name
    assert newest.asked == [MOST_ROWS, FEWER_ROWS]


def test_rows_that_are_too_large_by_themselves_are_refused():
    with pytest.raises(AskedTooMuch):
        _as_many_as_allowed(LargeRows(0), TABLE)


class Asked:
    """Latest of which the test says when it is, and when a read ends; `reads` are those that began."""

    def __init__(self):
        self.now_s, self.reads, self.may_end = 100.0, 0, threading.Event()
        self.may_end.set()
        clock = Clock(lambda: self.now_s, lambda: 0.0, lambda seconds: None, lambda: 0.0)
        self.latest = Latest(Settings(), clock)
        self.latest._read = self.read

    def read(self, stream):
        self.reads += 1
        self.may_end.wait(10)
        return {"tables": [{"name": stream.name, "rows": [3, 2, 1]}]}

    def of(self, rows=20):
        return self.latest.of(STREAMS["ratings"], rows)


@pytest.fixture
def asked():
    asked = Asked()
    yield asked
    asked.may_end.set()
    asked.latest.close()


def test_many_who_ask_at_once_share_one_read_and_each_has_as_many_rows_as_wanted(asked):
    async def story():
        asked.may_end.clear()
        asking = [asyncio.create_task(asked.of(rows)) for rows in (1, 2, 20)]
        await asyncio.sleep(0)
        asked.now_s += 2 * FRESH_S  # however long it takes: a read that has not ended is shared
        asking.append(asyncio.create_task(asked.of()))
        await asyncio.sleep(0)
        asked.may_end.set()
        return [answer["tables"][0]["rows"] for answer in await asyncio.gather(*asking)]

    assert asyncio.run(story()) == [[3], [3, 2], [3, 2, 1], [3, 2, 1]]
    assert asked.reads == 1


def test_what_was_read_a_moment_ago_is_not_read_again(asked):
    async def story():
        await asked.of()
        asked.now_s += FRESH_S / 2
        await asked.of()
        assert asked.reads == 1
        asked.now_s += FRESH_S / 2
        await asked.of()
        assert asked.reads == 2

    asyncio.run(story())


def test_one_who_goes_away_takes_the_read_from_nobody(asked):
    async def story():
        asked.may_end.clear()
        for _ in range(THREADS):  # so that the read has to wait, and could be called off
            asked.latest._threads.submit(asked.may_end.wait, 10)
        first, second = asyncio.create_task(asked.of()), asyncio.create_task(asked.of())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait({first})
        await asyncio.sleep(0)
        asked.may_end.set()
        return (await second)["tables"][0]["rows"]

    assert asyncio.run(story()) == [3, 2, 1]
    assert asked.reads == 1
