"""Both encoders, read back by kafka-python's own decoder."""

import random

import numpy as np
import pytest
from kafka.record import MemoryRecords

from common.kafka_io.format.encode import COMPILED_BUILDER, Encoder

LIMIT_BYTES = 100_000
encoders = pytest.mark.parametrize(
    "compiled",
    [
        pytest.param(False, id="pure"),
        pytest.param(
            True,
            id="compiled",
            marks=pytest.mark.skipif(not COMPILED_BUILDER, reason="no aiokafka"),
        ),
    ],
)


def sealed(values, keys=None, headers=None, *, compiled, compress=True, limit_bytes=LIMIT_BYTES):
    encoder = Encoder(compress=compress, compiled=compiled)
    return list(encoder.seal(values, keys, headers, timestamp_ms=1_795_000_000_000, limit_bytes=limit_bytes))


def read(batch):
    """Its whole records, after the checks that a broker makes."""
    batch.close()
    found = MemoryRecords(batch.buffer()).next_batch()
    assert found.validate_crc()
    return [(r.offset, r.timestamp, r.key, r.value, r.headers) for r in found]


@encoders
@pytest.mark.parametrize("compress", [False, True], ids=["plain", "zstd"])
def test_values_keys_headers_and_time_come_back(compiled, compress):
    rng = random.Random(5)
    values = [rng.choice([None, b"", b"x" * 300, rng.randbytes(99)]) for _ in range(200)]
    keys = [rng.choice([None, b"", b"key"]) for _ in values]
    headers = [rng.choice([[], [("a", b"1")], [("a", None), ("ä", b"2")]]) for _ in values]
    (batch,) = sealed(values, keys, headers, compiled=compiled, compress=compress)
    assert batch.next_offset() == 200
    assert read(batch) == [(i, 1_795_000_000_000, keys[i], values[i], headers[i]) for i in range(len(values))]


@encoders
def test_batches_stay_under_the_limit_and_lose_nothing(compiled):
    values = [b"%05d" % number * 100 for number in range(1000)]
    batches = sealed(values, compiled=compiled, compress=False)
    assert all(batch.size_in_bytes() <= LIMIT_BYTES for batch in batches)
    assert [value for batch in batches for _, _, _, value, _ in read(batch)] == values


@encoders
def test_a_message_above_the_limit_has_a_batch_of_its_own(compiled):
    large = b"y" * (2 * LIMIT_BYTES)
    batches = sealed([b"a", large, b"b"], compiled=compiled, compress=False)
    assert [[value for _, _, _, value, _ in read(batch)] for batch in batches] == [[b"a"], [large], [b"b"]]


@encoders
def test_what_does_not_shrink_is_sent_as_it_is(compiled):
    noise = random.Random(1).randbytes(1000)
    (batch,) = sealed([noise], compiled=compiled)
    plain_size = sealed([noise], compiled=compiled, compress=False)[0].size_in_bytes()
    assert batch.size_in_bytes() == plain_size


@encoders
def test_the_sender_numbers_it_before_it_is_closed(compiled):
    (batch,) = sealed([b"a"], compiled=compiled)
    batch.set_producer_state(4711, 3, 99, True)
    batch.close()
    found = MemoryRecords(batch.buffer()).next_batch()
    assert (found.producer_id, found.producer_epoch, found.base_sequence) == (4711, 3, 99)
    assert found.is_transactional and found.validate_crc()
    assert (batch.producer_id, batch.producer_epoch, batch.base_sequence) == (4711, 3, 99)


def first_and_latest(batch):
    found = MemoryRecords(batch.buffer()).next_batch()
    return found.first_timestamp, found.max_timestamp


@encoders
def test_each_message_may_have_a_time_of_its_own(compiled):
    for seed in range(300):
        rng = random.Random(seed)
        lowest = rng.choice([-1, -1, 0, -5, 1_795_000_000_000])
        kinds = [lowest, lowest + 7, 1_795_000_000_000, 2**62]
        times = [rng.choice(kinds) + rng.choice([0, 0, 3]) for _ in range(rng.randint(1, 9))]
        given = rng.choice([list, tuple, np.array])(times)
        encoder = Encoder(compress=seed % 2 == 0, compiled=compiled)
        batches = list(
            encoder.seal([b"v" * 20] * len(times), None, None, timestamp_ms=given, limit_bytes=200)
        )
        found = [[time for _, time, *_ in read(batch)] for batch in batches]
        assert [time for batch in found for time in batch] == times, f"seed {seed}"
        assert [first_and_latest(batch) for batch in batches] == [(times[0], max(times)) for times in found]


@encoders
@pytest.mark.parametrize("odd", [None, 1.5, True, "1", 2**64])
def test_a_time_that_is_no_integer_is_refused(compiled, odd):
    encoder = Encoder(compiled=compiled)
    with pytest.raises(TypeError):
        list(encoder.seal([b"v"], None, None, timestamp_ms=[odd], limit_bytes=200))


@encoders
def test_times_and_messages_of_unlike_number_are_refused(compiled):
    encoder = Encoder(compiled=compiled)
    with pytest.raises(ValueError, match="zip"):
        list(encoder.seal([b"v"], None, None, timestamp_ms=[1, 2], limit_bytes=200))


def test_nothing_makes_no_batch():
    assert sealed([], compiled=False) == []
    assert list(Encoder().seal([], None, None, timestamp_ms=[], limit_bytes=9)) == []


def test_lists_of_unlike_length_are_refused():
    with pytest.raises(ValueError, match="zip"):
        sealed([b"a", b"b"], [b"k"], compiled=False)
