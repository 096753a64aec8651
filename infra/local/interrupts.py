"""Signals at moments that matter: `up` cleans up after SIGTERM too, and no process starts half noticed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def postponed() -> Iterator[None]:
    """Inside, an interrupt waits until the block has ended. (Handlers, not masks: children inherit masks.)"""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[signal.Signals] = []
    previous = {number: signal.getsignal(number) for number in INTERRUPTS}
    for number in INTERRUPTS:
        signal.signal(number, lambda number, frame: received.append(signal.Signals(number)))
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for number in received[:1]:
            signal.raise_signal(number)


@contextmanager
def raised() -> Iterator[None]:
    """Inside, a SIGTERM or SIGHUP that would end the program at once raises SystemExit, so that `finally` runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    mine = [number for number in INTERRUPTS[1:] if signal.getsignal(number) is signal.SIG_DFL]
    for number in mine:
        signal.signal(number, _leave)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


@contextmanager
def asked(*, once: bool) -> Iterator[threading.Event]:
    """Inside, with `once`, the first Ctrl-C sets the event that is given, and the second one is raised."""
    event = threading.Event()
    if not once:
        yield event
        return

    def heard(number: int, frame: FrameType | None) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    before = signal.signal(signal.SIGINT, heard)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
