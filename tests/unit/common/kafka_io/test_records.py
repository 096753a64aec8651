"""Both decoders against kafka-python's own PartitionRecords, over seeded random fetches and hand-made ones."""

import random
import struct
from functools import partial

import pytest
import zstandard
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError, UnsupportedCodecError, UnsupportedVersionError
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords, MemoryRecordsBuilder

from common.kafka_io.format.batch import CompiledBatch, decode_compiled, decode_pure
from common.kafka_io.records import PartitionRecords
from tests.support.raw_record import varint, written
from tests.unit.common.kafka_io.fetches import (
    ABORT,
    CODECS,
    COMMIT,
    Aborted,
    batch,
    marker,
    random_fetch,
    raw_batch,
    sealed,
    wild_batch,
    wild_records,
)

TP = TopicPartition("events", 3)
RECORD = (0, 1, None, b"x", ())

decoders = pytest.mark.parametrize(
    "decoder",
    [
        decode_pure,
        pytest.param(decode_compiled, marks=pytest.mark.skipif(CompiledBatch is None, reason="no aiokafka")),
    ],
)


def read_all(make, fetch_offset, data, aborted=(), n=None, isolation=IsolationLevel.READ_COMMITTED):
    """What take() gives until the end, the error that ended it if any, and the object itself."""
    part = make(
        fetch_offset, TP, MemoryRecords(data), isolation_level=isolation, aborted_transactions=aborted
    )
    taken: list = []
    try:
        while part:
            taken.extend(list.__iter__(part.take(n)))
    except Exception as error:
        return taken, error, part
    return taken, None, part


def ours(decoder):
    return partial(PartitionRecords, decoder=decoder)


def whole(records):
    return [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in records]


def kind_of(error):
    """kafka-python lets a struct.error through where a batch is shorter than its header."""
    return CorruptRecordError if isinstance(error, struct.error) else type(error)


@decoders
def test_hands_out_what_kafka_python_hands_out(decoder):
    for seed in range(600):
        rng = random.Random(seed)
        fetch_offset, data, aborted = random_fetch(rng)
        isolation = rng.choice(list(IsolationLevel))
        n = rng.choice([None, 1, 3])
        expected, stock_error, _ = read_all(
            Fetcher.PartitionRecords, fetch_offset, data, aborted, None, isolation
        )
        slabs, error, part = read_all(ours(decoder), fetch_offset, data, aborted, n, isolation)
        addressed = [pair for slab in slabs for pair in zip(slab.offsets, slab.values, strict=True)]
        assert addressed == [(r.offset, r.value) for r in expected], f"seed {seed}"
        assert kind_of(error) == kind_of(stock_error), f"seed {seed}"
        if seed % 5 == 0:
            records = [r._asdict() for slab in slabs for r in slab.records()]
            assert [tuple(r.values()) for r in records] == whole(expected), f"seed {seed}"


@decoders
def test_keys_values_and_headers_of_any_bytes_are_handed_out_as_they_were_written(decoder):
    for seed in range(400):
        rng = random.Random(seed)
        base = rng.choice([0, 77, 2**40])
        records = list(wild_records(rng))
        append_ms = rng.choice([None, 1_900_000_000_000])
        data = wild_batch(
            base,
            records,
            codec=rng.choice(list(CODECS.values())),
            last_delta=records[-1][0],
            attributes=0x08 if append_ms else 0,
            times_ms=(1000, append_ms or 99_000),
        )
        (slab,), error, _ = read_all(ours(decoder), base, data)
        assert error is None, f"seed {seed}"
        assert list(slab.offsets) == [base + delta for delta, *_ in records], f"seed {seed}"
        assert slab.values == [record[3] for record in records], f"seed {seed}"
        expected = [
            (base + delta, append_ms or 1000 + delta_ms, key, value, headers)
            for delta, delta_ms, key, value, headers in records
        ]
        assert [as_written(record) for record in slab.records()] == expected, f"seed {seed}"


def as_written(record):
    headers = [(name.encode("utf-8", "surrogateescape"), value) for name, value in record.headers]
    return (*record[:4], headers)


@decoders
def test_whole_records_stand_beside_their_values_wherever_the_reader_begins(decoder):
    data = wild_batch(10, [(delta, 0, None, b"%d" % delta, [(b"\xff", b"")]) for delta in range(5)])
    (slab,), _, _ = read_all(ours(decoder), 13, data)
    assert [(record.offset, record.value) for record in slab.records()] == [(13, b"3"), (14, b"4")]
    assert slab.values == [b"3", b"4"]


@decoders
def test_offsets_are_those_of_the_batch_even_where_its_records_say_otherwise(decoder):
    data = wild_batch(10, [(0, 0, None, b"%d" % number, [(b"\xff", b"")]) for number in range(3)])
    (slab,), _, _ = read_all(ours(decoder), 11, data)
    assert list(slab.offsets) == [11, 12]
    assert [(record.offset, record.value) for record in slab.records()] == [(11, b"1"), (12, b"2")]


@decoders
@pytest.mark.parametrize(
    ("count", "rest", "kept"),
    [
        pytest.param(-1, b"", [], id="less than none"),
        pytest.param(2, b"\x02a\x02b", [("a", b"b")], id="fewer than told"),
        pytest.param(1, b"\x01\x02b", [], id="a name of negative length"),
        pytest.param(1, b"\x02a\x40b", [], id="a value that is cut short"),
        pytest.param(2**31, b"\x02a\x02b" + b"\xff" * 99, [("a", b"b")], id="a length without end"),
    ],
)
def test_headers_that_do_not_fit_are_left_out_and_the_message_is_read(decoder, count, rest, kept):
    body = written(0, 0, b"k", b"v", [])[1:-1] + varint(count) + rest
    (slab,), error, _ = read_all(ours(decoder), 0, raw_batch(0, varint(len(body)) + body, 1))
    assert error is None
    assert slab.values == [b"v"]
    assert [tuple(record) for record in slab.records()] == [(0, 1000, b"k", b"v", kept)]


@decoders
def test_a_length_without_end_is_corrupt_at_once(decoder):
    _, error, _ = read_all(ours(decoder), 0, raw_batch(0, b"\xff" * 2_000_000, 1))
    assert type(error) is CorruptRecordError


@decoders
def test_slabs_cover_every_offset_from_the_fetch_offset_on(decoder):
    for seed in range(600, 900):
        fetch_offset, data, aborted = random_fetch(random.Random(seed))
        slabs, _, part = read_all(ours(decoder), fetch_offset, data, aborted, 2)
        position = fetch_offset
        for slab in slabs:
            assert slab.start == position < slab.next_offset
            assert all(slab.start <= offset < slab.next_offset for offset in slab.offsets)
            assert len(slab.offsets) == len(slab.values)
            position = slab.next_offset
        assert part.next_fetch_offset == position


@decoders
def test_any_order_of_asking_for_whole_records_gives_the_same(decoder):
    for seed in range(200):
        rng = random.Random(seed)
        records = list(wild_records(rng))
        data = wild_batch(40, records, codec=rng.choice(list(CODECS.values())), last_delta=records[-1][0])
        (slab,), _, _ = read_all(ours(decoder), 40 + rng.choice(records)[0], data)
        every = list(slab.records())
        assert [record.offset for record in every] == list(slab.offsets)
        for index in rng.choices(range(len(slab)), k=20):
            assert slab.record(index) == every[index], f"seed {seed}"
        for part in slab.split(slab.start + 1) if slab.next_offset > slab.start + 1 else ():
            assert list(part.records()) == [one for one in every if one.offset in part.offsets]


@decoders
def test_an_aborted_batch_and_its_marker_are_empty_slabs(decoder):
    data = batch(10, [RECORD], pid=21, transactional=True) + batch(11, [RECORD]) + marker(12, 21, ABORT)
    slabs, _, _ = read_all(ours(decoder), 10, data, [Aborted(21, 10)])
    assert [(s.start, s.next_offset, s.values) for s in slabs] == [
        (10, 11, []),
        (11, 12, [b"x"]),
        (12, 13, []),
    ]
    assert list(slabs[0].records()) == []


@decoders
def test_a_marker_whose_record_was_compacted_away_is_passed(decoder):
    raw = bytearray(marker(10, 21, COMMIT)[:61])
    struct.pack_into(">i", raw, 8, 61 - 12)
    struct.pack_into(">i", raw, 57, 0)
    slabs, error, _ = read_all(ours(decoder), 10, sealed(raw))
    assert error is None
    assert [(s.start, s.next_offset, s.values) for s in slabs] == [(10, 11, [])]


@decoders
def test_reads_a_zstd_frame_that_tells_no_size_as_java_writes_it(decoder):
    values = [b'{"number": %d}' % n for n in range(100_000)]
    raw = batch(0, [(i, 1, None, value, []) for i, value in enumerate(values)])
    stream = zstandard.ZstdCompressor().compressobj()
    compressed = bytearray(raw[:61]) + stream.compress(raw[61:]) + stream.flush()
    struct.pack_into(">i", compressed, 8, len(compressed) - 12)
    compressed[22] |= CODECS["zstd"]
    slabs, _, _ = read_all(ours(decoder), 0, sealed(compressed))
    assert slabs[0].values == values


@decoders
def test_a_damaged_batch_behind_a_good_one_raises_on_every_later_take(decoder):
    bad = bytearray(batch(1, [RECORD]))
    bad[-1] ^= 1
    part = ours(decoder)(0, TP, MemoryRecords(batch(0, [RECORD]) + bytes(bad)))
    assert [slab.values for slab in part.take(5)] == [[b"x"]]
    for _ in range(2):
        with pytest.raises(CorruptRecordError, match="events-3 near offset 1"):
            part.take(5)
    assert part.next_fetch_offset == 1


@decoders
@pytest.mark.parametrize(
    ("at", "by"), [(61, 2), (61, -4), (66, 4)], ids=["too long", "too short", "value too long"]
)
def test_records_that_do_not_fill_their_batch_are_corrupt_even_under_a_right_crc(decoder, at, by):
    raw = bytearray(batch(0, [(0, 1, None, b"value", [])]))
    raw[at] += by
    _, error, _ = read_all(ours(decoder), 0, sealed(raw))
    assert type(error) is CorruptRecordError


@decoders
def test_a_payload_that_does_not_decompress_is_corrupt(decoder):
    raw = bytearray(batch(0, [(0, 1, None, b"value" * 100, [])], codec=CODECS["zstd"]))
    raw[70:75] = b"\xff" * 5
    _, error, _ = read_all(ours(decoder), 0, sealed(raw))
    assert type(error) is CorruptRecordError


def test_an_unknown_codec_is_named():
    raw = bytearray(batch(0, [(0, 1, None, b"value", [])]))
    raw[22] |= 7
    _, error, _ = read_all(PartitionRecords, 0, sealed(raw))
    assert type(error) is UnsupportedCodecError
    assert "events-3 near offset 0: no library for the codec number 7" in str(error)


@pytest.mark.parametrize("magic", [0, 1])
def test_old_message_formats_are_refused_with_their_name(magic):
    builder = MemoryRecordsBuilder(magic, 0, 1000)
    builder.append(1, None, b"old")
    builder.close()
    _, error, _ = read_all(PartitionRecords, 0, bytes(builder.buffer()))
    assert type(error) is UnsupportedVersionError
    assert f"v{magic}" in str(error)


def test_a_format_that_does_not_exist_yet_is_refused():
    raw = bytearray(batch(0, [RECORD]))
    raw[16] = 34
    _, error, _ = read_all(PartitionRecords, 0, bytes(raw))
    assert type(error) is UnsupportedVersionError
    assert "v34" in str(error)


def test_a_take_stops_at_its_bytes_and_claims_the_poll():
    half = bytes(PartitionRecords.TAKE_BYTES // 2)
    data = b"".join(batch(offset, [(0, 1, None, half, [])]) for offset in range(5))
    part = PartitionRecords(0, TP, MemoryRecords(data))
    first = part.take(500)
    assert [slab.start for slab in list.__iter__(first)] == [0, 1]
    assert len(first) == 500
    assert [slab.start for slab in list.__iter__(part.take(500))] == [2, 3]
    assert [slab.start for slab in part.take(500)] == [4]
    assert not part


def test_tells_the_fetcher_what_it_read_when_it_is_drained():
    drained: list = []
    data = batch(0, [(i, 1, None, b"x", ()) for i in range(3)])
    part = PartitionRecords(0, TP, MemoryRecords(data), on_drain=drained.append)
    part.take()
    part.drain()
    assert drained == [part]
    assert part.records_read == 3
    assert part.bytes_read == len(data)
