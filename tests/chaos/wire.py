"""Record batches made by hand and handed to kafka-python's sender: any bytes as header names, any codec, one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from kafka import KafkaProducer, TopicPartition, codec
from kafka.producer.producer_batch import ProducerBatch

from common.kafka_io.format.batch import HEADER
from common.kafka_io.format.encode import LENGTH_FROM, NO_PRODUCER, SealedRecords
from tests.chaos.messages import Headers
from tests.support.raw_record import written

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


class Holding(Protocol):
    """What a record is made of."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class Whole(ProducerBatch):
    """A batch that is sent as it is: one message, as far as splitting goes."""

    record_count = 1


def batch(messages: Sequence[Holding], timestamp_ms: int, packed: int = NONE) -> SealedRecords:
    """All these messages in one record batch, packed with that codec."""
    records = b"".join(
        written(index, 0, message.key, message.value, message.headers)
        for index, message in enumerate(messages)
    )
    payload = PACKERS[packed](records)
    length = HEADER.size + len(payload) - LENGTH_FROM
    times = (timestamp_ms, timestamp_ms)
    about = (packed, len(messages) - 1, *times, *NO_PRODUCER, len(messages))
    return SealedRecords(
        bytearray(HEADER.pack(0, length, NO_EPOCH, MAGIC, 0, *about) + payload), len(messages)
    )


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
