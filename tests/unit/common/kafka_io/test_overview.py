"""How long an Overview goes on asking."""

import pytest
from kafka.errors import GroupAuthorizationFailedError, InvalidTopicError, RequestTimedOutError
from kafka.protocol.consumer import IsolationLevel
from kafka.structs import OffsetAndMetadata, OffsetAndTimestamp

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


class Logs:
    """An admin client: one partition of 9 records, its last stable offset each time that it is asked."""

    def __init__(self, *stable):
        self.stable = list(stable)

    def list_partition_offsets(self, wanted, level):
        if level is IsolationLevel.READ_UNCOMMITTED:
            return dict.fromkeys(wanted, OffsetAndTimestamp(9, -1, -1))
        here = self.stable.pop(0) if len(self.stable) > 1 else self.stable[0]
        return dict.fromkeys(wanted, OffsetAndTimestamp(here, -1, -1))


def settled(client):
    """Where the log ends once transactions have ended, and the time that passed until then."""
    times_s = [100.0]
    overview = Overview(
        client,
        patience_s=PATIENCE_S,
        now_s=lambda: times_s[-1],
        sleep=lambda seconds: times_s.append(times_s[-1] + seconds),
    )
    return overview.settled_ends([Partition("orders", 0)])[Partition("orders", 0)], times_s[-1] - times_s[0]


def test_ends_are_settled_once_the_transactions_that_were_open_have_ended():
    assert settled(Logs(9)) == (9, 0.0)
    assert settled(Logs(4, 7, 12)) == (12, 2 * PAUSE_S)


def test_a_transaction_that_does_not_end_is_no_end():
    with pytest.raises(KafkaUnavailable, match="orders/0: a transaction has been open for 1 s"):
        settled(Logs(4))
