import msgspec
import pytest

from common.model.reasons import Kind
from common.model.record import TooLarge
from common.model.transform import Each
from consumer.transform.each import ENVELOPE_BYTES, EachWork
from consumer.transform.work import Remembered
from tests.unit.consumer.material import array
from tests.unit.consumer.transform.material import FRESH, Visit, run, visit


class Made(msgspec.Struct):
    name: str
    seen: int


def make(event, timestamp_ms):
    return Made(event.id, timestamp_ms)


def work(start=FRESH, most_bytes=1 << 20, **changes):
    stated = {"name": "copy", "source": "visits", "event": Visit, "target": "copies", "make": make}
    return EachWork(Each(**stated | changes), start, most_bytes)


def key_of(event):
    return event.key.encode()


def made(name, seen=0):
    return msgspec.json.encode(Made(name, seen))


def test_each_event_makes_one_output_in_order():
    found = work().take(run([visit("a", 1), visit("b", 2)]), 0.0)
    assert found.outputs.values == [made("a"), made("b")]
    assert (found.outputs.keys, found.bad, found.late) == (None, {}, 0)


def test_an_output_bears_the_time_of_its_record_and_says_where_it_comes_from():
    events = array(visit("b", 2), visit("c", 3))
    found = work().take(run([visit("a", 1), events], 7, timestamps=[100, 200], offsets=[7, 9]), 0.0)
    assert found.outputs.timestamps == [100, 200, 200]
    assert found.outputs.values == [made("a", 100), made("b", 200), made("c", 200)]
    assert list(zip(found.outputs.offsets, found.outputs.indexes, strict=True)) == [(7, 0), (9, 0), (9, 1)]


def test_outputs_that_are_regrouped_have_keys():
    found = work(key=key_of).take(run([visit("a", 1, "x"), visit("b", 2, "y")]), 0.0)
    assert found.outputs.keys == [b"x", b"y"]
    assert work(key=key_of).tick(0.0, is_at_end=True).keys == []


def test_an_empty_key_is_a_key():
    assert work(key=lambda event: b"").take(run([visit("a", 1)]), 0.0).outputs.keys == [b""]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b'{"id": "a"}', Kind.MISSING_FIELD),
        (b'{"id": 1, "time": 1}', Kind.WRONG_TYPE),
        (b'{"id": "a", "time": 1e400}', Kind.OUT_OF_RANGE),
        (b"", Kind.EMPTY),
        (None, Kind.TOMBSTONE),
        (TooLarge(5), Kind.TOO_LARGE),
        (b"[]", Kind.EMPTY_ARRAY),
        (b"\xff", Kind.NOT_UTF8),
        (b"nonsense", Kind.NOT_JSON),
    ],
)
def test_a_bad_message_makes_no_output_and_the_others_do(value, kind):
    found = work().take(run([visit("a", 1), value, visit("b", 2)]), 0.0)
    assert {index: reason.kind for index, reason in found.bad.items()} == {1: kind}
    assert found.outputs.values == [made("a"), made("b")]


def test_unknown_fields_are_ignored():
    found = work().take(run([b'{"id": "a", "time": 1, "more": {"deep": [1]}}']), 0.0)
    assert (found.outputs.values, found.bad) == ([made("a")], {})


@pytest.mark.parametrize("error", [SystemExit(1), ValueError("no"), StopIteration(), GeneratorExit()])
@pytest.mark.parametrize("part", ["make", "key"])
def test_a_message_that_the_stream_fails_on_is_bad_as_a_whole(part, error):
    def fail(event, *more):
        if event.id == "bad":
            raise error
        return make(event, *more) if part == "make" else b"key"

    values = [visit("a", 1), array(visit("b", 1), visit("bad", 1), visit("c", 1)), visit("d", 1)]
    found = work(**{part: fail}).take(run(values), 0.0)
    assert {index: reason.kind for index, reason in found.bad.items()} == {1: Kind.STREAM_FAILED}
    assert found.outputs.values == [made("a"), made("d")]
    assert found.outputs.offsets == [0, 2]


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_what_is_no_fault_of_a_message_is_raised(error):
    def fail(event, timestamp_ms):
        raise error

    with pytest.raises(error):
        work(make=fail).take(run([visit("a", 1)]), 0.0)


@pytest.mark.parametrize("key", ["text", None, 5])
def test_a_key_that_is_not_bytes_makes_its_message_bad(key):
    found = work(key=lambda event: key).take(run([visit("a", 1)]), 0.0)
    assert str(found.bad[0]) == "stream code failed: a key must be bytes in copy"


def test_what_cannot_be_encoded_makes_its_message_bad():
    found = work(make=lambda event, timestamp_ms: object()).take(run([visit("a", 1)]), 0.0)
    assert found.bad[0].kind is Kind.STREAM_FAILED


def test_a_message_that_makes_more_than_a_topic_takes_is_bad():
    size = len(made("a" * 50)) + len(b"k") + ENVELOPE_BYTES
    exact, less = work(most_bytes=size, key=key_of), work(most_bytes=size - 1, key=key_of)
    assert exact.take(run([visit("a" * 50, 1)]), 0.0).bad == {}
    assert less.take(run([visit("a" * 50, 1)]), 0.0).bad[0].kind is Kind.TOO_LARGE


def test_an_output_that_its_headers_make_too_large_is_bad():
    size = len(made("a" * 50)) + len(b"k") + 300
    assert (
        work(most_bytes=size, key=key_of).take(run([visit("a" * 50, 1)]), 0.0).bad[0].kind is Kind.TOO_LARGE
    )


def test_it_goes_on_after_the_last_message_or_what_lies_behind_it():
    made_of = work(Remembered(5, 5, None))
    assert made_of.remembered == Remembered(5, 5, None)
    made_of.take(run([visit("a", 1)], 5, next_offset=9), 0.0)
    assert made_of.remembered == Remembered(9, 9, None)
    made_of.take(run([], 9, next_offset=11), 0.0)
    assert made_of.remembered == Remembered(11, 11, None)


def test_nothing_is_ever_due():
    made_of = work()
    made_of.take(run([visit("a", 1)]), 0.0)
    assert not made_of.tick(1e9, is_at_end=True).values
    assert not made_of.is_behind
