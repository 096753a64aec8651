"""How long an Overview goes on asking."""

import pytest
from kafka.errors import GroupAuthorizationFailedError, InvalidTopicError, RequestTimedOutError
from kafka.structs import OffsetAndMetadata

from common.errors import KafkaDenied, KafkaRefused, KafkaUnavailable
from common.kafka_io.overview import PAUSE_S, Overview
from common.model.ranges import Committed
from common.model.record import Partition

PATIENCE_S = 1.0


class Client:
    """An admin client whose answers fail with these errors first."""

    def __init__(self, *errors):
        self.errors = list(errors)

    def list_group_offsets(self, group):
        if self.errors:
            raise self.errors.pop(0)
        return {group: {("orders", 0): OffsetAndMetadata(7, "ours", -1)}}


def ask(client):
    """What is committed, and the time that passed until it was known."""
    times_s = [100.0]
    overview = Overview(
        client,
        patience_s=PATIENCE_S,
        now_s=lambda: times_s[-1],
        sleep=lambda seconds: times_s.append(times_s[-1] + seconds),
    )
    try:
        return overview.committed("team-sink")
    finally:
        client.took_s = times_s[-1] - times_s[0]


def test_brokers_that_do_not_answer_are_asked_again():
    client = Client(RequestTimedOutError(), RequestTimedOutError())
    assert ask(client) == {Partition("orders", 0): Committed(7, "ours")}
    assert client.took_s == 2 * PAUSE_S


def test_patience_ends_with_one_line_that_says_what_was_asked():
    client = Client(*[RequestTimedOutError()] * 100)
    with pytest.raises(KafkaUnavailable, match="what group team-sink has committed failed for 1 s"):
        ask(client)
    assert client.took_s == PATIENCE_S


@pytest.mark.parametrize(
    ("error", "raised"), [(GroupAuthorizationFailedError, KafkaDenied), (InvalidTopicError, KafkaRefused)]
)
def test_what_will_not_change_is_asked_once(error, raised):
    client = Client(error())
    with pytest.raises(raised):
        ask(client)
    assert client.took_s == 0
