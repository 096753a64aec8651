"""What an answer of the brokers means, to a commit and to a poll."""

import pytest
from kafka.errors import (
    CommitFailedError,
    CoordinatorNotAvailableError,
    CorruptRecordError,
    KafkaTimeoutError,
    NotCoordinatorError,
    RebalanceInProgressError,
    TopicAuthorizationFailedError,
)

from common.errors import CommitAmbiguous, CommitRefused, KafkaDenied, KafkaUnavailable, UnreadableBatch
from common.kafka_io.outcome import failure, is_applied, poll_error
from common.model.record import Partition


def test_a_commit_without_an_error_is_applied():
    assert is_applied(None, None) is True


def test_a_commit_that_never_left_this_process_is_not_applied():
    assert is_applied(CoordinatorNotAvailableError(), None) is False


@pytest.mark.parametrize("error", [RebalanceInProgressError(), CommitFailedError()], ids=repr)
def test_a_commit_that_the_group_refused_never_will_be_applied(error):
    with pytest.raises(CommitRefused):
        is_applied(error, None)


@pytest.mark.parametrize(
    ("error", "value"),
    [
        pytest.param(
            CoordinatorNotAvailableError("by the broker"), None, id="the coordinator says so itself"
        ),
        pytest.param(NotCoordinatorError(), None, id="another broker answered"),
        pytest.param(KafkaTimeoutError(), None, id="no answer in time"),
        pytest.param(ConnectionResetError(), None, id="the connection broke"),
        pytest.param(None, {"an": "answer"}, id="an answer that nobody knows"),
    ],
)
def test_anything_else_may_be_applied_now_or_later(error, value):
    with pytest.raises(CommitAmbiguous):
        is_applied(error, value)


def test_a_poll_without_a_right_names_the_right():
    error = poll_error(TopicAuthorizationFailedError({"visits"}))
    assert isinstance(error, KafkaDenied)
    assert "reading (visits)" in str(error)


def test_a_poll_that_found_a_batch_unreadable_names_its_topic():
    damaged = CorruptRecordError("checksum of offset 7")
    damaged.unreadable = Partition("visits", 2)
    error = poll_error(damaged)
    assert isinstance(error, UnreadableBatch)
    assert (error.topic, str(error)) == ("visits", "checksum of offset 7")


def test_any_other_failed_poll_is_tried_again():
    error = poll_error(KafkaTimeoutError("no broker"))
    assert isinstance(error, KafkaUnavailable)
    assert error.retriable


def test_a_failure_is_a_missing_right_or_a_broker_that_does_not_answer():
    assert isinstance(failure(TopicAuthorizationFailedError(), "listing topics"), KafkaDenied)
    assert str(failure(KafkaTimeoutError(), "listing topics")).startswith(
        "listing topics failed: KafkaTimeout"
    )
