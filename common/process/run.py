"""What every process has around its work: an orderly stop, and one line and an exit code for what went wrong.

An entry point says `sys.exit(run(lambda: main(sys.argv[1:])))`.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
from collections.abc import Callable
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any

from common.errors import PenstockError, SettingError

EXIT_FAILED, EXIT_BAD_SETTING, EXIT_INTERRUPTED = 1, 2, 130
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
log = logging.getLogger(__name__)


class Stop:
    """The wish to stop, looked at by loops. Safe to set from a signal handler (threading.Event is not)."""

    def __init__(self) -> None:
        self._is_set = False
        self._wake: SimpleQueue[None] = SimpleQueue()

    def is_set(self) -> bool:
        """Whether somebody asked to stop."""
        return self._is_set

    def set(self) -> None:
        """Ask to stop; wakes every `wait`."""
        self._is_set = True
        self._wake.put(None)

    def wait(self, timeout_s: float) -> bool:
        """Sleep until somebody asks to stop, at most `timeout_s`; whether somebody did."""
        if not self._is_set:
            try:
                self._wake.get(timeout=timeout_s)
                self._wake.put(None)  # for the next one who waits
            except Empty:
                pass
        return self._is_set


def stop_on_signals(exit_now: Callable[[int], Any] = os._exit) -> Stop:
    """A Stop that SIGTERM and SIGINT set. A second signal ends the process at once, with 128 + its number."""
    stop = Stop()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            exit_now(128 + number)
        stop.set()

    for number in STOP_SIGNALS:
        signal.signal(number, on_signal)
    return stop


def run(main: Callable[[], int | None]) -> int:
    """Run `main` and return the exit code: its own, or 2 for a wrong setting, 1 for other errors, 130 for Ctrl-C.

    A PenstockError becomes its text on stderr; anything else nobody foresaw, and its traceback goes to the log.
    """
    try:
        code = main() or 0
        sys.stdout.flush()
        return code
    except PenstockError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_BAD_SETTING if isinstance(error, SettingError) else EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:
        if isinstance(error, BrokenPipeError) and has_reader_left():
            return 128 + signal.SIGPIPE
        log.critical("stopped by an error nobody foresaw", exc_info=True)
        return EXIT_FAILED


def has_reader_left() -> bool:
    """Whether nobody reads stdout any more (`… | head`); if so, nothing is said at exit either."""
    pipe = select.poll()
    pipe.register(sys.stdout.fileno(), 0)
    if not pipe.poll(0):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True
