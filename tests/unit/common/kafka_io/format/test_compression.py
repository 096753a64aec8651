"""Every codec unpacks what producers write, believes no size that it is told, and stops at its limit."""

import random
import struct
import time
import zlib

import lz4.frame
import pytest
import snappy
import zstandard
from kafka import codec as stock
from kafka.errors import CorruptRecordError, UnsupportedCodecError

from common.kafka_io.format.compression import TooLargeToUnpack, decompress

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
LIMIT_BYTES = 1 << 20


def gzip_frame(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def zstd_stream(data):
    """A frame that does not tell its size."""
    packer = zstandard.ZstdCompressor().compressobj()
    return packer.compress(data) + packer.flush()


def xerial(data):
    return stock.snappy_encode(data)


FORMS = {
    "gzip": (GZIP, gzip_frame),
    "gzip, several members": (
        GZIP,
        lambda data: gzip_frame(data[:9]) + gzip_frame(b"") + gzip_frame(data[9:]),
    ),
    "snappy": (SNAPPY, snappy.compress),
    "snappy, xerial": (SNAPPY, xerial),
    "lz4": (LZ4, lz4.frame.compress),
    "lz4, size not told": (LZ4, lambda data: lz4.frame.compress(data, store_size=False)),
    "lz4, several frames": (LZ4, lambda data: b"".join(map(lz4.frame.compress, (data[:9], b"", data[9:])))),
    "zstd": (ZSTD, zstandard.compress),
    "zstd, size not told": (ZSTD, zstd_stream),
    "zstd, several frames": (ZSTD, lambda data: zstandard.compress(data[:9]) + zstd_stream(data[9:])),
    "zstd, first frame empty": (ZSTD, lambda data: zstandard.compress(b"") + zstandard.compress(data)),
}
forms = pytest.mark.parametrize(("codec", "pack"), FORMS.values(), ids=FORMS)


@forms
@pytest.mark.parametrize("size_bytes", [0, 1, 10, 100_000, LIMIT_BYTES - 1, LIMIT_BYTES])
def test_unpacks_up_to_its_limit(codec, pack, size_bytes):
    data = random.Random(1).randbytes(size_bytes // 2) + bytes(size_bytes - size_bytes // 2)
    assert decompress(codec, pack(data), LIMIT_BYTES) == data


@forms
@pytest.mark.parametrize("size_bytes", [LIMIT_BYTES + 1, 20 * LIMIT_BYTES])
def test_one_byte_more_is_too_large_and_says_the_limit(codec, pack, size_bytes):
    with pytest.raises(TooLargeToUnpack, match="more than 1,048,576 bytes"):
        decompress(codec, pack(bytes(size_bytes)), LIMIT_BYTES)


@forms
def test_what_ends_too_early_is_corrupt_or_shorter(codec, pack):
    data = random.Random(2).randbytes(50_000)
    packed = pack(data)
    for cut in (1, 20, len(packed) // 2, len(packed) - 3):
        try:
            assert len(decompress(codec, packed[:-cut], LIMIT_BYTES)) < len(data)
        except CorruptRecordError:
            pass


@forms
def test_damage_raises_nothing_but_errors_of_this_module(codec, pack):
    packed = pack(b"some words, " * 500)
    rng = random.Random(3)
    for _ in range(300):
        damaged = bytearray(packed)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            decompress(codec, bytes(damaged), LIMIT_BYTES)
        except (CorruptRecordError, TooLargeToUnpack):
            pass


@pytest.mark.parametrize("told_bytes", [LIMIT_BYTES + 1, 2**30, 2**32 - 1])
def test_a_snappy_block_that_claims_more_than_the_limit_is_not_begun(told_bytes):
    block = preamble(told_bytes) + b"\xfe\x01\x00" * 1000
    with pytest.raises(TooLargeToUnpack):
        decompress(SNAPPY, block, LIMIT_BYTES)
    with pytest.raises(TooLargeToUnpack):
        decompress(SNAPPY, xerial(b"")[:16] + struct.pack(">i", len(block)) + block, LIMIT_BYTES)


def preamble(told_bytes):
    groups = []
    while told_bytes > 127:
        groups.append(told_bytes & 127 | 128)
        told_bytes >>= 7
    return bytes([*groups, told_bytes])


@pytest.mark.parametrize("size_bytes", [-4, -1, 3, 2**31 - 1])
def test_an_xerial_block_of_a_wrong_size_is_corrupt(size_bytes):
    with pytest.raises(CorruptRecordError, match="snappy"):
        decompress(SNAPPY, xerial(b"")[:16] + struct.pack(">i", size_bytes), LIMIT_BYTES)


def test_a_zstd_frame_that_asks_for_a_window_of_two_gigabytes_is_corrupt():
    parameters = zstandard.ZstdCompressionParameters(window_log=31, enable_ldm=False)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(b"small") + packer.flush()
    with pytest.raises(CorruptRecordError, match="zstd"):
        decompress(ZSTD, packed, LIMIT_BYTES)


@pytest.mark.parametrize(
    ("codec", "frame"),
    [(GZIP, gzip_frame(b"")), (LZ4, lz4.frame.compress(b"")), (ZSTD, zstandard.compress(b""))],
    ids=["gzip", "lz4", "zstd"],
)
def test_many_frames_cost_time_in_proportion(codec, frame):
    def cost_s(frames):
        began_s = time.process_time()
        assert decompress(codec, frame * frames, LIMIT_BYTES) == b""
        return time.process_time() - began_s

    cost_s(100)
    assert cost_s(80_000) < 10 * max(cost_s(20_000), 0.05)


def test_many_xerial_blocks_cost_time_in_proportion():
    block = struct.pack(">i", 1) + b"\0"

    def cost_s(blocks):
        began_s = time.process_time()
        assert decompress(SNAPPY, xerial(b"")[:16] + block * blocks, LIMIT_BYTES) == b""
        return time.process_time() - began_s

    assert cost_s(200_000) < 10 * max(cost_s(50_000), 0.05)


@pytest.mark.parametrize("codec", [0, 5, 6, 7])
def test_another_number_is_no_codec(codec):
    with pytest.raises(UnsupportedCodecError, match=f"number {codec}"):
        decompress(codec, b"", LIMIT_BYTES)
