"""Every private name of kafka-python's transactions that we use, each behind a function; `internals` checks them.

Written for the same versions as `internals`. `sent_again` tries the hook on every kind of request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaConnectionError, KafkaError
from kafka.producer import transaction_manager as stock
from kafka.producer.transaction_manager import TransactionManager
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

SENT_ONCE = (
    stock.AddPartitionsToTxnHandler,
    stock.AddOffsetsToTxnHandler,
    stock.TxnOffsetCommitHandler,
    stock.EndTxnHandler,
)
Offsets = Mapping[TopicPartition, OffsetAndMetadata]


class Unanswered(KafkaError):
    """A transactional request went out and its connection was lost: it may be applied, now or later."""


def send_once(producer: KafkaProducer) -> None:
    """T8: let no transactional request of this producer be sent a second time; one that gets no answer is fatal."""
    _send_once(producer._transaction_manager)


def _send_once(manager: TransactionManager) -> None:
    enqueue = manager._enqueue_request

    def enqueue_once(handler: stock.TxnRequestHandler) -> None:
        if isinstance(handler, SENT_ONCE) and "on_complete" not in vars(handler):
            vars(handler)["on_complete"] = _fatal_without_answer(handler)
        enqueue(handler)

    vars(manager)["_enqueue_request"] = enqueue_once


def _fatal_without_answer(handler: stock.TxnRequestHandler) -> Callable[[int, Any], None]:
    complete = handler.on_complete

    def on_complete(correlation_id: int, answer: Any) -> None:
        is_lost = isinstance(answer, KafkaConnectionError)
        complete(correlation_id, Unanswered(type(handler).__name__, answer) if is_lost else answer)

    return on_complete


def sent_again() -> list[str]:
    """The transactional requests that this kafka-python would send again in spite of `send_once`."""
    log, before = stock.log, stock.log.disabled
    log.disabled = True  # each probe ends in an error, as it should
    try:
        return [name for name, make in _probes().items() if _is_sent_again(make)]
    finally:
        log.disabled = before


def _probes() -> dict[str, Callable[[TransactionManager], stock.TxnRequestHandler]]:
    offsets = {TopicPartition("t", 0): OffsetAndMetadata(0, "", -1)}
    member = ConsumerGroupMetadata(group_id="g", generation_id=1, member_id="m", group_instance_id=None)
    return {
        "AddPartitionsToTxn": lambda manager: stock.AddPartitionsToTxnHandler(manager, set(offsets)),
        "AddOffsetsToTxn": lambda manager: stock.AddOffsetsToTxnHandler(manager, member, offsets),
        "TxnOffsetCommit": lambda manager: stock.TxnOffsetCommitHandler(manager, member, offsets, None),
        "EndTxn": lambda manager: stock.EndTxnHandler(manager, True),
    }


def _is_sent_again(make: Callable[[TransactionManager], stock.TxnRequestHandler]) -> bool:
    manager = TransactionManager("probe", api_version=(3, 0))
    _send_once(manager)
    handler = make(manager)
    manager._enqueue_request(handler)
    manager._pending_requests.clear()
    handler.on_complete(manager.next_in_flight_request_correlation_id(), KafkaConnectionError())
    return not manager.has_fatal_error() or bool(manager._pending_requests)


def send_offsets(
    producer: KafkaProducer, offsets: Offsets, member: ConsumerGroupMetadata
) -> stock.TransactionalRequestResult:
    """X5: add offsets to the transaction; kafka-python's own call waits without a bound."""
    result = producer._transaction_manager.send_offsets_to_transaction(dict(offsets), member)
    producer._sender.wakeup()
    return result


def end_transaction(producer: KafkaProducer) -> stock.TransactionalRequestResult:
    """X5: commit the transaction; kafka-python's own call waits without a bound."""
    result = producer._transaction_manager.begin_commit()
    producer._sender.wakeup()
    return result


def has_incomplete(producer: KafkaProducer) -> bool:
    """Whether batches wait to be sent or acknowledged."""
    is_waiting: bool = producer._accumulator.has_incomplete
    return is_waiting


def discard(producer: KafkaProducer, wait_s: float) -> None:
    """Stop a producer's thread without sending anything more."""
    producer._sender.force_close()
    producer._sender.join(wait_s)
