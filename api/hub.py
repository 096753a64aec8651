"""Fans out what is live to WebSocket clients: one question a stream and tick, however many clients there are."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from fastapi import WebSocket, WebSocketDisconnect

MOST_CLIENTS = 2_000
BUSY, FOREIGN = 1013, 1008
SENT_S = 30.0
"""A client that takes no message for so long is given up."""

LONGEST_REASON = 120
"""Bytes: a reason travels in one control frame."""


def reason(text: str) -> str:
    """A text that may be the reason of a close."""
    return text.encode()[:LONGEST_REASON].decode(errors="ignore")


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether a page of another host has opened this connection: what it may not fetch it may not listen to."""
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


class Client:
    """Where the newest message for a client waits: one at most, however slow the client is."""

    def __init__(self) -> None:
        self._newest: str | None = None
        self._is_there = asyncio.Event()

    def put(self, message: str) -> None:
        """Replace what has not been sent yet."""
        self._newest = message
        self._is_there.set()

    async def take(self) -> str:
        """The newest message, once there is one."""
        await self._is_there.wait()
        self._is_there.clear()
        assert self._newest is not None
        return self._newest


class Hub:
    """The clients of each channel. To be used from one event loop."""

    def __init__(self) -> None:
        self._clients: dict[str, set[Client]] = defaultdict(set)
        self._newest: dict[str, str] = {}

    def channels(self) -> list[str]:
        """Those that somebody listens to."""
        return [channel for channel, clients in self._clients.items() if clients]

    def count(self) -> int:
        """All clients."""
        return sum(map(len, self._clients.values()))

    def publish(self, channel: str, message: str) -> None:
        """Give a message to all clients of a channel."""
        self._newest[channel] = message
        for client in self._clients.get(channel, ()):
            client.put(message)

    async def serve(self, socket: WebSocket, channel: str, greet: Callable[[], Awaitable[None]]) -> None:
        """Send a client what is published until it goes; `greet` is awaited when it is the channel's first.

        A page of another host, and a client too many, are closed with a code and a reason.
        """
        await socket.accept()
        if is_foreign(socket.headers):
            await socket.close(FOREIGN, "pages of other hosts may not listen")
            return
        if self.count() >= MOST_CLIENTS:
            await socket.close(BUSY, f"{MOST_CLIENTS} clients are connected already: try again")
            return
        client = Client()
        is_first = not self._clients[channel]
        self._clients[channel].add(client)
        pump = asyncio.create_task(self._pump(socket, client))
        gone = asyncio.create_task(self._until_gone(socket))
        try:
            if is_first:
                self._newest.pop(channel, None)
                await greet()
            elif channel in self._newest:
                client.put(self._newest[channel])
            await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._clients[channel].discard(client)
            for task in (pump, gone):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _until_gone(self, socket: WebSocket) -> None:
        """A client has nothing to say; its going away is noticed here."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, KeyError):  # KeyError: it sent bytes
            while True:
                await socket.receive_text()

    async def _pump(self, socket: WebSocket, client: Client) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # it went away meanwhile
            while True:
                message = await client.take()
                async with asyncio.timeout(SENT_S):  # wait_for of 3.11 may swallow that the client has gone
                    await socket.send_text(message)
