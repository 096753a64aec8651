"""Record sets as a broker would send them: hand-made batches, and seeded random logs with everything in them."""

import struct
from collections import namedtuple
from collections.abc import Sequence

from crc32c import crc32c
from kafka import codec as stock
from kafka.record.default_records import DefaultRecordBatchBuilder

from tests.support.raw_record import written

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
PACKERS = {1: stock.gzip_encode, 2: stock.snappy_encode, 3: stock.lz4_encode, 4: stock.zstd_encode}
ABORT, COMMIT = 0, 1
Aborted = namedtuple("Aborted", "producer_id first_offset")


def batch(
    base, records, *, codec=0, pid=-1, transactional=False, control=False, log_append_ms=None, last_delta=None
):
    """A record batch; `records` are (offset delta, timestamp, key, value, headers)."""
    builder = DefaultRecordBatchBuilder(2, codec, transactional, pid, 0 if pid >= 0 else -1, 0, 1 << 30)
    for delta, timestamp, key, value, headers in records:
        builder.append(delta, timestamp, key, value, headers)
    raw = bytearray(builder.build())
    attributes = (
        struct.unpack_from(">h", raw, 21)[0] | (0x20 if control else 0) | (0x08 if log_append_ms else 0)
    )
    struct.pack_into(">q", raw, 0, base)
    struct.pack_into(">i", raw, 12, 7)
    struct.pack_into(">h", raw, 21, attributes)
    if last_delta is not None:
        struct.pack_into(">i", raw, 23, last_delta)
    if log_append_ms:
        struct.pack_into(">q", raw, 35, log_append_ms)
    return sealed(raw)


def sealed(raw):
    """With the CRC that its bytes should have."""
    struct.pack_into(">I", raw, 17, crc32c(memoryview(raw)[21:]))
    return bytes(raw)


def raw_batch(base, payload, count, *, codec=0, last_delta=None, attributes=0, times_ms=(1000, 1000)):
    """A record batch around a payload that is packed already, or damaged, or no payload at all."""
    last_delta = count - 1 if last_delta is None else last_delta
    tail = struct.pack(">hiqqqhii", codec | attributes, last_delta, *times_ms, -1, -1, -1, count) + payload
    return sealed(bytearray(struct.pack(">qiibI", base, len(tail) + 9, 7, 2, 0) + tail))


def wild_batch(base, records, *, codec=0, **options):
    """A record batch of records as `written` takes them."""
    payload = b"".join(written(*record) for record in records)
    packed = PACKERS[codec](payload) if codec else payload
    return raw_batch(base, packed, len(records), codec=codec, **options)


def wild_name(rng):
    """The name of a header: any bytes will do."""
    names = [b"", b"trace", "größe".encode(), b"trace-\xff", b"\xed\xa0\x80", b"\xc3", b"n" * 10_240]
    return rng.choice([*names, rng.randbytes(rng.randint(1, 70))])


def wild_headers(rng):
    """Names of any bytes, some of them twice; values that are null, empty and binary."""
    size = rng.choice([0, 1, 63, 64, 300])
    headers = [
        (wild_name(rng), rng.choice([None, b"", rng.randbytes(size)]))
        for _ in range(rng.choice([0, 1, 2, 9]))
    ]
    return headers + headers[: rng.choice([0, 0, 1])]


def wild_records(rng):
    """Records that a client in any language may have written."""
    deltas: Sequence[int] = range(rng.choice([1, 2, 7, 40]))
    if rng.random() < 0.3:
        deltas = sorted(rng.sample(deltas, rng.randint(1, len(deltas))))
    for delta in deltas:
        key = rng.choice([None, b"", rng.randbytes(rng.choice([1, 63, 64, 200]))])
        value = rng.choice([None, b"", b'{"number":1}', rng.randbytes(rng.choice([63, 64, 9000]))])
        yield delta, rng.randint(-(10**6), 10**13), key, value, wild_headers(rng)


def marker(base, pid, kind):
    """The end of a transaction."""
    return batch(
        base, [(0, 5, struct.pack(">hh", 0, kind), b"\0" * 6, [])], pid=pid, transactional=True, control=True
    )


def random_records(rng, compacted):
    deltas: Sequence[int] = range(rng.choice([1, 2, 5, 20, 130]))
    if compacted:
        deltas = sorted(rng.sample(deltas, rng.randint(1, len(deltas))))
    for delta in deltas:
        key = rng.choice([None, b"", b"key-%d" % rng.randint(0, 9), rng.randbytes(70)])
        size = 20_000 if rng.random() < 0.01 else rng.choice([0, 63, 64])
        value = rng.choice([None, b'{"number": %d}' % rng.randint(0, 10**12), rng.randbytes(size)])
        headers = [("trace", rng.choice([None, b"", b"abc"]))] * rng.choice([0, 0, 0, 1, 3])
        yield delta, 1_700_000_000_000 + rng.randint(-5000, 100_000), key, value, headers


def random_log(rng):
    """Batches of plain, idempotent and transactional producers, and the transactions that were aborted."""
    offset, batches, aborted = rng.choice([0, 77, 2**40]), [], []
    open_since: dict[int, int] = {}
    for _ in range(rng.randint(1, 10)):
        pid = rng.choice([-1, -1, 9, 21, 22, 23])
        if pid > 20 and pid in open_since and rng.random() < 0.5:
            kind = rng.choice([ABORT, COMMIT])
            first = open_since.pop(pid)
            if kind == ABORT:
                aborted.append(Aborted(pid, first))
            batches.append((offset, marker(offset, pid, kind)))
            offset += 1
            continue
        if pid > 20:
            open_since.setdefault(pid, offset)
        compacted = rng.random() < 0.3
        records = list(random_records(rng, compacted))
        last_delta = records[-1][0] + (rng.randint(0, 4) if compacted else 0)
        options = {
            "codec": rng.choice(list(CODECS.values())),
            "pid": pid,
            "transactional": pid > 20 and rng.random() < 0.95,
        }
        log_append_ms = rng.choice([None, None, 1_800_000_000_000])
        raw = batch(offset, records, log_append_ms=log_append_ms, last_delta=last_delta, **options)
        batches.append((offset, raw))
        offset += last_delta + 1 + (rng.randint(0, 9) if compacted else 0)
    return batches, aborted


def damaged(rng, data, spans):
    """Sometimes cut off at the end, sometimes a bit flipped (not in base offset and magic, which no CRC covers)."""
    if rng.random() < 0.3:
        data = data[: rng.randrange(len(data))]
    elif rng.random() < 0.3:
        start, end = rng.choice(spans)
        data = bytearray(data)
        at = rng.choice([rng.randrange(start + 8, start + 16), rng.randrange(start + 17, end)])
        data[at] ^= 1 << rng.randrange(8)
    return bytes(data)


def random_fetch(rng):
    """(fetch offset, record set, aborted transactions), starting anywhere in the log."""
    batches, aborted = random_log(rng)
    batches = batches[rng.randrange(len(batches)) :]
    spans, at = [], 0
    for _, raw in batches:
        spans.append((at, at + len(raw)))
        at += len(raw)
    fetch_offset = batches[0][0] + rng.choice([0, 0, rng.randint(0, 5)])
    return fetch_offset, damaged(rng, b"".join(raw for _, raw in batches), spans), aborted
