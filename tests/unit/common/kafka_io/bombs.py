"""Small batches that unpack to a gigabyte, read by a process that may take half a gigabyte of memory.

Prints a line for each: its name, its size, what came of it as one message and as several.
"""

import resource
import struct
import zlib

import lz4.frame
import snappy
import zstandard
from kafka import TopicPartition
from kafka.record import MemoryRecords

from common.kafka_io.format.compression import TooLargeToUnpack
from common.kafka_io.records import PartitionRecords
from common.model.record import MissingRecord, TooLarge
from tests.support.raw_record import groups, varint
from tests.unit.common.kafka_io.fetches import CODECS, raw_batch

MEMORY_BYTES = 512 << 20
VALUE_BYTES = 1 << 30
PIECE = bytes(16 << 20)
PIECES = VALUE_BYTES // len(PIECE)
TP = TopicPartition("events", 3)

BEFORE = b"\0" + varint(0) + varint(0) + varint(-1) + varint(VALUE_BYTES)
BEFORE = varint(len(BEFORE) + VALUE_BYTES + 1) + BEFORE
AFTER = varint(0)
PACKED_BYTES = len(BEFORE) + VALUE_BYTES + len(AFTER)


def frames(pack):
    """A frame for each piece."""
    return pack(BEFORE) + pack(PIECE) * PIECES + pack(AFTER)


def stream(packer):
    """One frame."""
    packed = [
        packer.compress(BEFORE),
        *(packer.compress(PIECE) for _ in range(PIECES)),
        packer.compress(AFTER),
    ]
    return b"".join(packed) + packer.flush()


def gzip_member(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def xerial(blocks):
    framed = b"".join(struct.pack(">i", len(block)) + block for block in blocks)
    return b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1) + framed


def bombs():
    """Codec, name, payload."""
    zstd = zstandard.ZstdCompressor()
    yield "zstd", "its size is told", stream(zstd.compressobj(size=PACKED_BYTES))
    yield "zstd", "its size is not told", stream(zstd.compressobj())
    yield "zstd", "many frames", frames(zstd.compress)
    widest = zstandard.ZstdCompressionParameters.from_level(1, window_log=27)
    yield (
        "zstd",
        "the widest window",
        stream(zstandard.ZstdCompressor(compression_params=widest).compressobj()),
    )
    yield "gzip", "many members", frames(gzip_member)
    yield "lz4", "many frames", frames(lz4.frame.compress)
    block = snappy.compress(bytes(1 << 20))
    yield "snappy", "one block that claims it", groups(PACKED_BYTES) + block * 20
    yield "snappy", "blocks that claim it", xerial([groups(60 << 20) + bytes(9)] + [block] * 20)
    yield "snappy", "blocks that are it", xerial([snappy.compress(BEFORE)] + [block] * 1024)


def outcome(data):
    """What a reader makes of one fetch."""
    part = PartitionRecords(0, TP, MemoryRecords(data))
    try:
        slabs = part.take()
        records = [record for slab in slabs for record in slab.records()]
    except TooLargeToUnpack:
        return "refused"
    except Exception as error:
        return type(error).__name__
    values = [value for slab in slabs for value in slab.values]
    is_told = [type(value) for value in values] == [TooLarge] and [type(r) for r in records] == [
        MissingRecord
    ]
    return "too large" if is_told else f"{len(values)} values"


def main():
    """Read them all, as one message and as several."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    for codec, name, payload in bombs():
        one, several = (outcome(raw_batch(0, payload, count, codec=CODECS[codec])) for count in (1, 2))
        print(f"{codec}, {name}|{len(payload)}|{one}|{several}", flush=True)


if __name__ == "__main__":
    main()
