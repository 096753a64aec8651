import uuid

import pytest

from common.commits.memory import Memory, decode
from common.errors import FeedBlocked
from common.model.headers import source_name
from common.model.ranges import Committed
from common.model.reasons import Kind, Reason
from common.model.record import Partition, Record
from consumer.transform.place import BadMessage, Named, Place
from consumer.transform.windows import WindowWork
from consumer.transform.work import Outputs, Remembered
from tests.unit.consumer.transform.material import FRESH, run, visit, windows

HERE = Partition("visits", 2)
TOPIC_ID = uuid.UUID(int=9)
MEMORY = Memory(transform="visits.count", topic=TOPIC_ID.hex, sizes=(4, 1), read=0)
BAD = BadMessage(Record(5, 0, None, b"", ()), Reason(Kind.EMPTY))


def place(committed=None, work=None):
    return Place(
        Named(windows(), "visits.count", []),
        HERE,
        TOPIC_ID.hex,
        source_name(TOPIC_ID, 2),
        work or WindowWork(windows(), FRESH, 0.0),
        MEMORY,
        0,
        committed,
    )


def test_what_was_made_is_committed_with_what_is_remembered():
    here = place()
    here.work.take(run([visit("a", 500), visit("b", 250), visit("c", 500)]), 0.0)
    committed, memory = here.next_commit()
    assert committed.offset == 0
    assert decode(committed.metadata, "here") == memory
    assert (memory.read, memory.sizes, memory.transform) == (3, (4, 1), "visits.count")
    assert Remembered(committed.offset, memory.read, memory.state) == here.work.remembered


def test_nothing_is_taken_for_committed_before_it_is():
    here = place()
    here.work.take(run([visit("a", 1)]), 0.0)
    here.next_commit()
    assert (here.read, here.committed) == (0, None)


def test_after_a_commit_nothing_is_left_to_send():
    here = place()
    here.work.take(run([visit("a", 1)]), 0.0)
    here.messages, here.late = 1, 1
    here.outputs.append(Outputs([b"x"], None, [0], [0], [0]))
    here.dead.append(BAD)
    here.note_commit(*here.next_commit())
    assert (here.read, here.messages, here.late, here.outputs, here.dead) == (1, 0, 0, [], [])
    assert not here.has_news


@pytest.mark.parametrize(
    "change",
    [
        lambda here: here.outputs.append(Outputs([b"x"], None, [0], [0], [0])),
        lambda here: here.dead.append(BAD),
        lambda here: here.work.take(run([visit("a", 1)]), 0.0),
        lambda here: here.work.take(run([], next_offset=2), 0.0),
    ],
    ids=["outputs", "dead letters", "messages", "what holds no message"],
)
def test_there_is_news_when_something_was_made_or_read(change):
    here = place(Committed(0, MEMORY.encode("here")))
    assert not here.has_news
    change(here)
    assert here.has_news


def test_a_first_commit_is_news():
    assert place().has_news


def test_what_is_only_read_again_is_no_news():
    work = WindowWork(windows(), Remembered(0, 2, WindowWork(windows(), FRESH, 0.0).remembered.state), 0.0)
    here = place(Committed(0, ""), work)
    here.memory = Memory(transform="visits.count", topic="", sizes=(4, 1), read=2)
    here.work.take(run([visit("a", 1), visit("b", 1)]), 0.0)
    here.messages = 2
    assert not here.has_news


def test_what_brokers_would_not_take_blocks_the_feed():
    here = place()
    names = [b"%016x" % number for number in range(300)]
    here.work.take(run([visit("a", 10**4)] * 300, upstreams=names), 0.0)
    with pytest.raises(
        FeedBlocked, match=r"visits/2: visits.count would have to remember .*partitions upstream"
    ):
        here.next_commit()
