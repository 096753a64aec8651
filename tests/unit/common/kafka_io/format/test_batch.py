"""What records carry beside their values is the same whichever decoder gives it, and costs one walk."""

import itertools
import random

import pytest

from common.kafka_io.format import batch as module
from common.kafka_io.format.batch import Batch, CompiledBatch, WholeRecords
from common.model.record import MOST_HEADERS
from tests.unit.common.kafka_io.fetches import CODECS, batch, random_records, wild_batch, wild_records

LIMIT_BYTES = 64 << 20
NAMES_OF_BYTES = [(0, 0, b"k", b"v", [(b"fine", b"1")]), (1, 5, None, b"v", [(b"\xff", None)])]

both_decoders = pytest.mark.parametrize(
    "compiled",
    [
        None,
        pytest.param(CompiledBatch, marks=pytest.mark.skipif(CompiledBatch is None, reason="no aiokafka")),
    ],
    ids=["pure", "compiled"],
)


def whole(raw):
    return WholeRecords(Batch(memoryview(raw)), LIMIT_BYTES)


def as_they_are(details):
    headers = [list(map(tuple, each)) for each in details.headers]
    return list(zip(details.timestamps, details.keys, headers, strict=True))


def one_by_one(raw):
    records, count = whole(raw), Batch(memoryview(raw)).count
    found = [records[index] for index in range(count)]
    return [(record.timestamp_ms, record.key, list(record.headers)) for record in found]


def in_runs(records, count, rng):
    found, at = [], 0
    while at < count:
        to = min(count, at + rng.randint(1, 9))
        found += as_they_are(records.details(range(at, to)))
        at = to
    return found


@both_decoders
def test_details_are_those_of_the_records_in_runs_or_at_once(monkeypatch, compiled):
    monkeypatch.setattr(module, "CompiledBatch", compiled)
    for seed in range(150):
        rng = random.Random(seed)
        codec, log_append_ms = rng.choice(list(CODECS.values())), rng.choice([None, 1_800_000_000_000])
        raw = (
            wild_batch(7, list(wild_records(rng)), codec=codec, last_delta=200)
            if seed % 2
            else batch(7, random_records(rng, True), codec=codec, log_append_ms=log_append_ms, last_delta=200)
        )
        expected, count = one_by_one(raw), Batch(memoryview(raw)).count
        assert as_they_are(whole(raw).details(range(count))) == expected
        records = whole(raw)
        assert in_runs(records, count, rng) == expected
        again = range(count // 2, count)  # going back starts over
        assert as_they_are(records.details(again)) == expected[again.start :]


@both_decoders
@pytest.mark.parametrize("of_headers", [None, lambda headers: list(map(tuple, headers))])
def test_times_and_what_headers_say_are_those_of_the_records_in_runs(monkeypatch, compiled, of_headers):
    monkeypatch.setattr(module, "CompiledBatch", compiled)
    for seed in range(50):
        rng = random.Random(seed)
        raw = wild_batch(7, list(wild_records(rng)), last_delta=200)
        records, times, made = whole(raw), [], []
        expected = one_by_one(raw)
        cuts = sorted({0, len(expected), *(rng.randint(0, len(expected)) for _ in range(4))})
        for at, to in itertools.pairwise(cuts):
            some, of_some = records.times_and(range(at, to), of_headers)
            times, made = times + some, made + of_some
        assert times == [time_ms for time_ms, _, _ in expected]
        assert made == ([list(map(tuple, headers)) for _, _, headers in expected] if of_headers else [])


@both_decoders
def test_log_append_time_is_that_of_all_records(monkeypatch, compiled):
    monkeypatch.setattr(module, "CompiledBatch", compiled)
    records = [(delta, 1_000 + delta, None, b"v", ()) for delta in range(3)]
    assert whole(batch(0, records, log_append_ms=9_999)).details(range(3)).timestamps == [9_999] * 3


@both_decoders
def test_of_many_headers_there_is_one_more_than_the_most(monkeypatch, compiled):
    monkeypatch.setattr(module, "CompiledBatch", compiled)
    raw = batch(0, [(0, 1, None, b"v", [("h", b"1")] * (MOST_HEADERS + 5))])
    assert len(whole(raw).details(range(1)).headers[0]) == MOST_HEADERS + 1


@both_decoders
@pytest.mark.parametrize("last", [(2, 9, None, b"v", []), (2, 9, None, b"v", [(b"\xfe", b"")])])
def test_runs_in_order_unpack_a_batch_once(monkeypatch, compiled, last):
    monkeypatch.setattr(module, "CompiledBatch", compiled)
    times = []
    unpack = Batch.plain
    monkeypatch.setattr(Batch, "plain", lambda self, limit: times.append(1) or unpack(self, limit))
    records = whole(wild_batch(0, [*NAMES_OF_BYTES, last], codec=1))
    for index in range(3):
        records.details(range(index, index + 1))
    assert len(times) == (1 if compiled is None else 2)  # names of bytes are left to the pure decoder, once
