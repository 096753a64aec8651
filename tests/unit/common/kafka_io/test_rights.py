import pytest
from kafka.errors import GroupAuthorizationFailedError, KafkaTimeoutError, TopicAuthorizationFailedError

from common.errors import KafkaDenied, KafkaUnavailable
from common.kafka_io.outcome import failure
from common.kafka_io.rights import denied


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (TopicAuthorizationFailedError({"b", "a"}), "deny reading (a, b): grant a right on the topic"),
        (GroupAuthorizationFailedError("group"), "deny reading (group): grant a right on the consumer group"),
        (GroupAuthorizationFailedError(), "deny reading: grant a right on the consumer group"),
    ],
)
def test_a_missing_right_says_on_what(error, says):
    assert says in str(denied(error, "reading"))


def test_other_errors_are_no_denial():
    assert denied(KafkaTimeoutError("slow"), "reading") is None
    assert denied(None, "reading") is None


def test_a_failure_is_a_denial_or_no_answer():
    assert type(failure(GroupAuthorizationFailedError(), "reading")) is KafkaDenied
    assert type(failure(KafkaTimeoutError("slow"), "reading")) is KafkaUnavailable
