"""A WebSocket client without a network, and waiting for what it should hear."""

import asyncio


class FakeSocket:
    """A client of which the test decides when it reads and when it goes."""

    def __init__(self, **headers):
        self.sent, self.accepted, self.closed, self.headers = [], False, None, headers
        self.reads, self.goes = asyncio.Event(), asyncio.Event()
        self.reads.set()

    async def accept(self):
        self.accepted = True

    async def close(self, code, reason):
        self.closed = code

    async def send_text(self, message):
        await self.reads.wait()
        self.sent.append(message)

    async def receive_text(self):
        await self.goes.wait()
        raise KeyError("text")


async def until(condition):
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came")
