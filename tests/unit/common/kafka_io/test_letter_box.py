"""Pages of dead letters: each letter once, the newest first, whatever lies between them and however large they are."""

import random

import pytest

from common.errors import KafkaRefused, KafkaUnavailable
from common.kafka_io.letter_box import LARGEST_WINDOW, PAGE_BYTES, WINDOW_BYTES, LetterBox
from tests.unit.common.kafka_io.dead_log import DeadLog

MB = 1 << 20


class Clock:
    """Goes on by `step_s` each time that somebody looks."""

    def __init__(self, step_s=0.0):
        self.now_s, self.step_s = 0.0, step_s

    def __call__(self):
        self.now_s += self.step_s
        return self.now_s


def box(log, clock=None):
    return LetterBox(log, patience_s=5.0, now_s=clock or Clock())


def offsets(page):
    return [letter.offset for letter in page.letters]


def pages(box, count):
    """All pages of a topic, the newest first."""
    found = [box.page("events.dead", None, count)]
    while found[-1].before is not None:
        found.append(box.page("events.dead", found[-1].before, count))
    return found


@pytest.mark.parametrize("seed", range(60))
def test_pages_have_every_letter_once_the_newest_first(seed):
    rng = random.Random(seed)
    sizes = [None, None, *[rng.choice([10, 1000]), rng.choice([MB, 10 * MB, 72 * MB])][: rng.randint(1, 2)]]
    log = DeadLog([rng.choice(sizes) for _ in range(rng.randint(0, 400))])
    log.first = rng.randint(0, len(log.sizes) // 2)
    count = rng.choice([1, 2, 7, 50, 1000])
    found = pages(box(log), count)
    there = [at for at in range(log.first, len(log.sizes)) if log.sizes[at] is not None]
    assert [at for page in found for at in offsets(page)] == there[::-1]
    assert max(len(page.letters) for page in found) <= count
    assert found[-1].before is None


def test_letters_of_a_page_are_brief():
    (letter,) = box(DeadLog([10])).page("events.dead", None, 5).letters
    assert (letter.value, letter.size_bytes, letter.reason) == (None, len(b"value 0"), "not JSON")


def test_a_page_begins_below_the_offset_given_whether_or_not_a_letter_is_there():
    log = DeadLog([10, 10, None, 10, 10])
    assert offsets(box(log).page("events.dead", 3, 5)) == [1, 0]
    assert offsets(box(log).page("events.dead", 99, 2)) == [4, 3]
    assert box(log).page("events.dead", 0, 5) == ([], None)


def test_giants_come_in_small_pages_and_little_is_read_in_vain():
    log = DeadLog([72 * MB] * 64)
    page = box(log).page("events.dead", None, 50)
    assert offsets(page) == [63]
    assert page.before == 63
    assert log.read_bytes <= 2 * 72 * MB


def test_a_giant_among_small_ones_costs_no_letter_its_place():
    log = DeadLog([100] * 60 + [72 * MB] + [100] * 40)
    assert offsets(box(log).page("events.dead", None, 50))[:40] == list(range(100, 60, -1))
    assert log.read_bytes <= 2 * 72 * MB + MB


def test_a_page_ends_when_it_has_read_enough():
    log = DeadLog([4 * MB] * 100)
    page = box(log).page("events.dead", None, 100)
    assert 0 < len(page.letters) < 100
    assert log.read_bytes <= PAGE_BYTES + 2 * WINDOW_BYTES + 8 * MB


def test_a_long_hole_is_passed_in_few_strides():
    log = DeadLog([10] + [None] * 300_000)
    assert offsets(box(log).page("events.dead", None, 1)) == [0]
    assert len(log.reads) < 30
    assert max(end - first for first, end in log.reads) <= LARGEST_WINDOW


def test_a_hole_that_takes_too_long_ends_the_page_where_the_next_one_begins():
    log = DeadLog([10] + [None] * 30_000)
    page = box(log, Clock(step_s=0.005)).page("events.dead", None, 1)
    assert page.letters == []
    assert 0 < page.before < 30_000


def test_what_was_read_before_the_brokers_went_away_is_a_page():
    log = DeadLog([10] * 200)
    log.fail(after=100)
    page = box(log).page("events.dead", None, 150)
    assert offsets(page) == list(range(199, 135, -1))
    assert page.before == 136


def test_of_a_page_that_could_not_begin_the_trouble_is_told():
    log = DeadLog([10] * 200)
    log.fail(after=10)
    with pytest.raises(KafkaUnavailable, match="away"):
        box(log).page("events.dead", None, 150)


def test_letters_that_are_deleted_meanwhile_are_told_as_something_that_passes():
    log = DeadLog([10] * 5)
    log.spans = lambda topics: {"events.dead": (0, 5)}
    log.first = 3
    with pytest.raises(KafkaUnavailable, match="events.dead: letters were deleted meanwhile"):
        box(log).page("events.dead", None, 5)
    assert box(log).letter("events.dead", 1) is None


def test_one_letter_is_whole_and_where_there_is_none_there_is_none():
    log = DeadLog([10, None, 10], first=0)
    assert box(log).letter("events.dead", 2).value == b"value 2"
    assert [box(log).letter("events.dead", at) for at in (-1, 1, 3, 2**63)] == [None] * 4


def test_a_missing_topic_is_told_with_the_command_that_creates_it():
    says = "there is no topic other.dead: create it: python -m common.topics"
    for ask in (
        lambda: box(DeadLog([])).page("other.dead", None, 5),
        lambda: box(DeadLog([])).letter("other.dead", 0),
    ):
        with pytest.raises(KafkaRefused, match=says):
            ask()
