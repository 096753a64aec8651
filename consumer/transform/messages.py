"""The events of a run, message by message: what a stream's code raises is the fault of one of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, repeat
from typing import Any, NamedTuple, TypeVar

from common.errors import BadData, FeedBlocked
from common.model.codec import Decoded
from common.model.complaints import told
from common.model.reasons import Kind, Reason
from consumer.transform.work import Run

Found = TypeVar("Found")


class Message(NamedTuple):
    """The events of one good message, which one of the run it is, and what was found for each event."""

    at: int
    events: list[Any]
    found: list[Any]


def at_once(decoded: Decoded, make: Callable[[list[Any]], Found | None]) -> Found | None:
    """What `make` gives for the events of a run in which every message holds a good one.

    None in every other case, also when it gives None or raises: then go message by message.
    """
    if decoded.counts is not None:
        return None
    try:
        return make(decoded.events)
    except (MemoryError, KeyboardInterrupt):
        raise
    except BaseException:  # as in `good_messages`, which finds out whose fault it is
        return None


def good_messages(
    decoded: Decoded, run: Run, find: Callable[[Any, int], Any], name: str, bad: dict[int, Reason]
) -> Iterator[Message]:
    """The messages of a run with find(event, index) of each event; adds to `bad` those of which that fails.

    A BadData that `find` raises gives the reason; of anything else, the transform `name` is to blame.
    """
    bad |= decoded.bad
    events = iter(decoded.events)
    counts = repeat(1) if decoded.counts is None else decoded.counts.tolist()
    for index, count in zip(range(len(run.values)), counts, strict=False):
        of_message = list(islice(events, count))
        if not of_message:
            continue
        try:
            found = [find(event, index) for event in of_message]
        except BaseException as error:  # SystemExit, too: a message must not end a process
            bad[index] = reason(error, name)
            continue
        yield Message(index, of_message, found)


def reason(error: BaseException, name: str) -> Reason:
    """Why a message is bad. Raises what is no fault of a message: MemoryError, KeyboardInterrupt."""
    if isinstance(error, MemoryError | KeyboardInterrupt):
        raise error
    if isinstance(error, BadData):
        return error.reason
    return Reason(Kind.STREAM_FAILED, f"{told(error)} in {name}")


def blamed_on(name: str, make: Callable[[], Found]) -> Found:
    """What `make` gives. Raises FeedBlocked where the code of transform `name` fails, of whatever message."""
    try:
        return make()
    except BaseException as error:
        why = reason(error, name)
        raise FeedBlocked(f"{why}: mend the stream file, and restart") from error
