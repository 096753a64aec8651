"""Record batches made by hand and handed to kafka-python's sender: any bytes as header names, any codec, one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kafka import KafkaProducer, TopicPartition, codec
from kafka.producer.producer_batch import ProducerBatch

from common.kafka_io.batches import HEADER
from common.kafka_io.sealed import LENGTH_FROM, NO_PRODUCER, SealedRecords
from tests.chaos.messages import Headers, Message

MAGIC = 2
NO_EPOCH = -1
NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
PACKERS: dict[int, Callable[[bytes], bytes]] = {
    NONE: bytes,
    GZIP: codec.gzip_encode,
    SNAPPY: codec.snappy_encode,
    LZ4: codec.lz4_encode,
    ZSTD: codec.zstd_encode,
}
"""By the number that stands in a batch's attributes."""

Answered = Callable[[int, Exception | None], None]


class Whole(ProducerBatch):
    """A batch that is sent as it is: one message, as far as splitting goes."""

    record_count = 1


def batch(messages: Sequence[Message], timestamp_ms: int, packed: int = NONE) -> SealedRecords:
    """All these messages in one record batch, packed with that codec."""
    records = b"".join(
        record(index, message.key, message.value, message.headers) for index, message in enumerate(messages)
    )
    payload = PACKERS[packed](records)
    length = HEADER.size + len(payload) - LENGTH_FROM
    times = (timestamp_ms, timestamp_ms)
    about = (packed, len(messages) - 1, *times, *NO_PRODUCER, len(messages))
    return SealedRecords(
        bytearray(HEADER.pack(0, length, NO_EPOCH, MAGIC, 0, *about) + payload), len(messages)
    )


def record(index: int, key: bytes | None, value: bytes | None, headers: Headers) -> bytes:
    """A record of format v2, `index` behind the first of its batch, at the same time."""
    fields = [b"\0", varint(0), varint(index), sized(key), sized(value), varint(len(headers))]
    for name, text in headers:
        fields += [sized(name), sized(text)]
    body = b"".join(fields)
    return varint(len(body)) + body


def sized(data: bytes | None) -> bytes:
    """Bytes behind their length; -1 stands for none."""
    return varint(-1) if data is None else varint(len(data)) + data


def varint(number: int) -> bytes:
    """A number in as few groups of seven bits as it takes, its sign in the lowest bit."""
    left = (number << 1) ^ (number >> 63)
    groups = bytearray()
    while left > 0x7F:
        groups.append(left & 0x7F | 0x80)
        left >>= 7
    groups.append(left)
    return bytes(groups)


def send(producer: KafkaProducer, at: TopicPartition, sealed: SealedRecords, answered: Answered) -> None:
    """Have it sent, and sent again where that helps. `answered` is told the first offset, or what went wrong."""

    def tell(answer: tuple[int, int, Any]) -> None:
        offset, _, error_of = answer
        answered(offset, error_of(0) if error_of is not None else None)

    whole = Whole(at, sealed)
    whole.produce_future.add_callback(tell)
    accumulator = producer._accumulator
    with accumulator._tp_lock(at):
        accumulator._incomplete.add(whole)
        accumulator._batches[at].append(whole)
    producer._sender.wakeup()
