import random
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from common.errors import BadData
from common.model.codec import Codec, encode
from common.model.record import TooLarge

GOOD = b'{"n": 7, "name": "seven"}'


class Event(msgspec.Struct):
    n: Annotated[int, Meta(ge=0)]
    name: str

    def __post_init__(self):
        if self.n >= 2**128:
            raise ValueError("n is above 128 bits")


SEVEN = Event(7, "seven")
codec = Codec(Event)


def with_n(text):
    return b'{"n": %b, "name": "seven"}' % text


def with_field(text):
    return b'{"n": 7, "name": "seven", "unknown": %b}' % text


BAD = {
    "a message that was not unpacked": (
        TooLarge(1_000_000),
        "too large: unpacks to more than 1,000,000 bytes (MAX_UNPACKED_BYTES)",
    ),
    "a tombstone": (None, "tombstone: the message has no value"),
    "an empty body": (b"", "empty: the message has no body"),
    "white space": (b" \n", "not JSON: input data was truncated"),
    "not JSON": (b"seven, 7", "not JSON: invalid character (byte 0)"),
    "half a message": (GOOD[:12], "not JSON: input data was truncated"),
    "trailing garbage": (GOOD + b"x", "not JSON: trailing characters"),
    "two events in a row": (GOOD + GOOD, "not JSON: trailing characters"),
    "a trailing comma": (b'{"n": 7, "name": "seven",}', "not JSON: trailing comma"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "not UTF-8: invalid byte at 0"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, "not JSON: invalid character (byte 0)"),
    "not UTF-8": (b'{"n": 7, "name": "\xff"}', "not UTF-8: invalid byte at 18"),
    "invalid UTF-8 in an unknown field": (with_field(b'"\xc3\x28"'), "not UTF-8: invalid byte at 38"),
    "invalid UTF-8 in an unknown name": (b'{"n": 7, "name": "x", "\xff": 1}', "not UTF-8"),
    "invalid UTF-8 far behind": (with_field(b'"' + b"x" * 100_000 + b'\x80"'), "not UTF-8"),
    "a number": (b"7", "wrong type: expected `object | array`, got `int`"),
    "a string": (b'"seven"', "wrong type: expected `object | array`, got `str`"),
    "null": (b"null", "wrong type: expected `object | array`, got `null`"),
    "an empty array": (b"[]", "empty array: a message holds at least one event"),
    "an array of arrays": (b"[[" + GOOD + b"]]", "wrong type: expected `object`, got `array`"),
    "an array with one bad event": (b"[" + GOOD + b', {"n": 7}]', "missing field: `name`"),
    "a missing field": (b'{"n": 7}', "missing field: `name`"),
    "no field at all": (b"{}", "missing field: `n`"),
    "a wrong type": (with_n(b'"7"'), "wrong type: expected `int`, got `str` - at `$.n`"),
    "a null": (with_n(b"null"), "wrong type: expected `int`, got `null`"),
    "a bool for a number": (with_n(b"true"), "wrong type: expected `int`, got `bool`"),
    "a fraction": (with_n(b"7.5"), "wrong type: expected `int`, got `float`"),
    "NaN": (with_n(b"NaN"), "not JSON: invalid character"),
    "infinity": (with_n(b"Infinity"), "not JSON: invalid character"),
    "NaN in an unknown field": (with_field(b"NaN"), "not JSON: invalid character"),
    "1e400": (with_n(b"1e400"), "out of range: number out of range"),
    "negative": (with_n(b"-1"), "out of range: expected `int` >= 0"),
    "negative beyond 64 bits": (with_n(b"-" + b"9" * 30), "out of range: expected `int` >= 0"),
    "above 128 bits": (with_n(b"%d" % 2**128), "refused by the event type: n is above 128 bits (ValueError)"),
    "5,000 digits": (with_n(b"9" * 5_000), "out of range: integer value out of range"),
    "1 MB of open arrays": (b"[" * 2**20, "wrong type: expected `object`, got `array`"),
    "1 MB of open objects": (b'{"a":' * (2**20 // 5), "nested too deeply"),
    "1 MB of nesting in an unknown field": (
        with_field(b"[" * 2**19 + b"]" * 2**19),
        "nested too deeply",
    ),
    "a bad escape in an unknown field": (with_field(b'"\\q"'), "not JSON: invalid escaped"),
    "a raw newline in an unknown field": (with_field(b'"\n"'), "not JSON: invalid character"),
}

ACCEPTED = {
    "as our producer sends it": (encode(SEVEN), [SEVEN]),
    "with white space around it": (b" \t\r\n" + GOOD + b"\n", [SEVEN]),
    "with an unknown field": (with_field(b'{"deep": [1, "\xc3\xa9", 1e400]}'), [SEVEN]),
    "fields in another order": (b'{"name": "seven", "n": 7}', [SEVEN]),
    "beyond ASCII": ('{"n": 7, "name": "sjö ∑ 🌊"}'.encode(), [Event(7, "sjö ∑ 🌊")]),
    "escaped": (b'{"n": 7, "name": "sj\\u00f6"}', [Event(7, "sjö")]),
    "the largest integer of 128 bits": (with_n(b"%d" % (2**128 - 1)), [Event(2**128 - 1, "seven")]),
    "an array of one event": (b"[" + GOOD + b"]", [SEVEN]),
    "an array of three events": (b"[" + b", ".join([GOOD] * 3) + b"]", [SEVEN] * 3),
}

bad_messages = pytest.mark.parametrize(
    ("value", "reason"), [pytest.param(*case, id=name) for name, case in BAD.items()]
)
accepted_messages = pytest.mark.parametrize(
    ("value", "events"), [pytest.param(*case, id=name) for name, case in ACCEPTED.items()]
)


@bad_messages
def test_a_bad_message_is_reported_and_its_neighbours_are_decoded(value, reason):
    decoded = codec.decode([GOOD, value, GOOD])
    assert decoded.events == [SEVEN, SEVEN]
    assert decoded.counts.tolist() == [1, 0, 1]
    assert decoded.bad.keys() == {1}
    assert str(decoded.bad[1]).startswith(reason)


@bad_messages
def test_a_bad_message_alone_is_reported_too(value, reason):
    decoded = codec.decode([value])
    assert (decoded.events, decoded.counts.tolist(), decoded.bad.keys()) == ([], [0], {0})


@bad_messages
def test_a_bad_message_asked_for_by_itself_is_raised(value, reason):
    with pytest.raises(BadData) as caught:
        codec.decode_message(value)
    assert str(caught.value).startswith(reason)


@bad_messages
def test_a_reason_is_short_and_holds_nothing_of_the_message(value, reason):
    (told,) = codec.decode([value]).bad.values()
    assert len(str(told)) < 120
    assert "seven" not in str(told)


@accepted_messages
def test_a_good_message_is_decoded(value, events):
    decoded = codec.decode([value])
    assert decoded.events == events
    assert decoded.bad == {}
    assert codec.decode_message(value) == events


@accepted_messages
def test_a_good_message_is_decoded_beside_a_bad_one(value, events):
    decoded = codec.decode([None, value])
    assert decoded.events == events
    assert decoded.counts.tolist() == [0, len(events)]


class Moody(msgspec.Struct):
    n: int

    def __post_init__(self):
        if self.n == 0:
            1 // self.n
        if self.n == 1:
            {}["n"]
        if self.n == 2:
            raise AssertionError
        if self.n == 3:
            raise MemoryError
        if self.n == 4:
            raise StopIteration


@pytest.mark.parametrize(
    ("n", "reason"),
    [(0, "ZeroDivisionError"), (1, "n (KeyError)"), (2, "AssertionError"), (4, "StopIteration")],
)
def test_whatever_the_event_type_raises_is_the_fault_of_that_message(n, reason):
    values = [b'{"n": 7}', b'{"n": %d}' % n, b'{"n": 8}']
    decoded = Codec(Moody).decode(values)
    assert decoded.events == [Moody(7), Moody(8)]
    assert str(decoded.bad[1]) == f"stream code failed: {reason}"


def test_memory_that_runs_out_is_no_fault_of_a_message():
    with pytest.raises(MemoryError):
        Codec(Moody).decode([b'{"n": 3}'])


def test_one_event_a_message_needs_no_counts():
    assert codec.decode([GOOD] * 3).counts is None


@pytest.mark.parametrize("neighbour", [None, b"\xff", "größe".encode()])
def test_a_message_that_was_not_unpacked_is_bad_data_beside_any_other(neighbour):
    for values in ([neighbour, TooLarge(9)], [TooLarge(9), neighbour]):
        bad = codec.decode([GOOD, *values]).bad
        assert (
            str(bad[values.index(TooLarge(9)) + 1])
            == "too large: unpacks to more than 9 bytes (MAX_UNPACKED_BYTES)"
        )


def test_no_message_makes_no_event():
    decoded = codec.decode([])
    assert (decoded.events, decoded.bad) == ([], {})


def test_an_array_with_one_bad_event_is_bad_as_a_whole_and_its_neighbours_are_not():
    array = b"[" + GOOD + b', {"n": -1, "name": "x"}, ' + GOOD + b"]"
    decoded = codec.decode([GOOD, array, b"[" + GOOD + b", " + GOOD + b"]"])
    assert decoded.events == [SEVEN] * 3
    assert decoded.counts.tolist() == [1, 0, 2]
    assert decoded.bad.keys() == {1}


def test_a_slab_in_which_all_is_bad_gives_no_event():
    values = [value for value, _ in BAD.values()]
    decoded = codec.decode(values)
    assert decoded.events == []
    assert sorted(decoded.bad) == list(range(len(values)))


@pytest.mark.parametrize("seed", range(20))
def test_a_mixed_slab_is_decoded_like_its_messages_one_by_one(seed):
    rng = random.Random(seed)
    small = [value for value, _ in [*BAD.values(), *ACCEPTED.values()] if len(value or b"") < 1000]
    values = rng.choices([*small, GOOD, GOOD], k=50)
    decoded = codec.decode(values)
    alone = [codec.decode([value]) for value in values]
    assert decoded.events == [event for one in alone for event in one.events]
    assert decoded.counts.tolist() == [len(one.events) for one in alone]
    assert decoded.bad == {index: one.bad[0] for index, one in enumerate(alone) if one.bad}


@pytest.mark.parametrize("seed", range(5))
def test_what_is_encoded_is_decoded_again_exactly(seed):
    rng = random.Random(seed)
    events = [
        Event(rng.getrandbits(rng.randint(1, 128)), "".join(rng.choices('aé∑🌊"\\\n\x00', k=8)))
        for _ in range(100)
    ]
    assert codec.decode(list(map(encode, events))).events == events
