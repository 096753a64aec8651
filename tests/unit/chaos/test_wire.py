from __future__ import annotations

import pytest
from kafka.record.default_records import DefaultRecordBatch

from common.kafka_io.format.batch import Batch, decode_pure
from tests.chaos import wire
from tests.chaos.messages import Message
from tests.chaos.wire import NONE, PACKERS, batch
from tests.support.raw_record import varint, written

NOW_MS = 1_795_000_000_000
SOME = (Message(b"one", 1, 5), Message(None, 0, 6, ((b"name", b"text"), (b"null", None))), Message(b"", 0, 7))


def sealed(messages, packed=NONE):
    made = batch(messages, NOW_MS, packed)
    made.close()
    return bytes(made.buffer())


@pytest.mark.parametrize(
    ("number", "data"),
    [(0, b"\0"), (-1, b"\1"), (1, b"\2"), (63, b"\x7e"), (64, b"\x80\1"), (1 << 20, b"\x80\x80\x80\1")],
)
def test_a_number_takes_seven_bits_a_byte(number, data):
    assert varint(number) == data


@pytest.mark.parametrize("packed", PACKERS)
def test_a_stock_client_reads_what_was_packed(packed):
    read = DefaultRecordBatch(sealed(SOME, packed))
    assert read.validate_crc()
    found = [(each.offset, each.timestamp, each.key, each.value, list(each.headers)) for each in read]
    assert found == [
        (0, NOW_MS, b"5", b"one", []),
        (1, NOW_MS, b"6", None, [("name", b"text"), ("null", None)]),
        (2, NOW_MS, b"7", b"", []),
    ]


@pytest.mark.parametrize("packed", PACKERS)
def test_a_reader_that_skips_headers_sees_the_values(packed):
    odd = ((b"trace-\xff", b"\0"), (b"", None), (b"n" * 10_240, b""))
    read = Batch(memoryview(sealed([each._replace(headers=odd) for each in SOME], packed)))
    assert read.is_intact
    assert decode_pure(read, read.plain(1 << 20)) == (range(3), [b"one", None, b""])


def test_a_name_of_any_bytes_stands_in_the_record_as_it_is():
    assert b"\x0etrace-\xff\x02x" in written(0, 0, None, b"", ((b"trace-\xff", b"x"),))


def test_a_batch_says_how_many_messages_it_holds_and_takes_no_more():
    made = batch(SOME, NOW_MS)
    assert (made.next_offset(), made.is_full()) == (3, True)
    assert wire.Whole.record_count == 1
