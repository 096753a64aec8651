"""A feed that cannot go on is parked with its reason, the other feed goes on, and what is mended goes on by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.in_process import InProcessSink
from tests.support.proof import Proof
from tests.support.two_feeds import TwoFeeds

pytestmark = pytest.mark.timeout(120)
LIMIT = 20


@pytest.fixture
def feeds(stack: Stack, request: pytest.FixtureRequest) -> Iterator[TwoFeeds]:
    with Proof(stack, request.node.name[:60]) as proof:
        yield TwoFeeds(proof)


def sink_of(feeds: TwoFeeds) -> InProcessSink:
    return InProcessSink(feeds.proof, [feeds.stream], PARK_RETRY_S="1", DEAD_LETTER_LIMIT=str(LIMIT))


def test_a_flood_of_bad_messages_parks_its_feed_before_any_of_the_batch_is_let_go(feeds):
    feeds.send_numbers(feeds.left, 1, 10)
    with sink_of(feeds) as sink:
        feeds.await_numbers(feeds.left, *range(1, 11))
        feeds.send(feeds.left, *[b"nonsense"] * (LIMIT + 1))
        answer = sink.await_parked("bad messages in a row")
        assert answer["ready"] is False
        assert answer["parked"][0]["feed"] == feeds.left.topic
        assert "DEAD_LETTER_LIMIT" in answer["parked"][0]["reason"]
        feeds.send_numbers(feeds.right, 1, 10)
        feeds.await_numbers(feeds.right, *range(1, 11))
        assert feeds.numbers(feeds.left) == list(range(1, 11))
    with InProcessSink(feeds.proof, [feeds.stream], DEAD_LETTER_LIMIT="1000"):  # what the reason tells to do
        feeds.send_numbers(feeds.left, 11, 12)
        feeds.await_numbers(feeds.left, *range(1, 13))


def test_retention_that_cut_into_what_is_not_stored_parks_the_feed_instead_of_losing_rows(feeds):
    feeds.send_numbers(feeds.left, 1, 10)
    with sink_of(feeds):
        feeds.await_numbers(feeds.left, *range(1, 11))
        feeds.proof.query(f"RENAME TABLE {feeds.left.topic} TO {feeds.left.topic}_away")
        feeds.send_numbers(feeds.left, 11, 30)
    feeds.proof.query(f"RENAME TABLE {feeds.left.topic}_away TO {feeds.left.topic}")
    feeds.cut_log(feeds.left, 20)
    with sink_of(feeds) as sink:
        answer = sink.await_parked("were deleted by retention before they were stored")
        assert "python -m consumer adopt --skip-expired" in answer["parked"][0]["reason"]
        feeds.send_numbers(feeds.right, 1, 10)
        feeds.await_numbers(feeds.right, *range(1, 11))
        assert feeds.numbers(feeds.left) == list(range(1, 11))


def test_R7_a_log_that_is_cut_while_the_feed_stands_still_is_not_jumped_over(feeds):
    with sink_of(feeds) as sink:
        feeds.send_numbers(feeds.left, 1, 10)
        feeds.await_numbers(feeds.left, *range(1, 11))
        feeds.proof.query(f"RENAME TABLE {feeds.left.topic} TO {feeds.left.topic}_away")
        feeds.send_numbers(feeds.left, 11, 30)
        sink.await_parked("refuses for good")
        feeds.cut_log(feeds.left, 20)
        feeds.proof.query(f"RENAME TABLE {feeds.left.topic}_away TO {feeds.left.topic}")
        sink.await_parked("were deleted by retention before they were stored")
        feeds.send_numbers(feeds.right, 1, 10)
        feeds.await_numbers(feeds.right, *range(1, 11))
        assert feeds.numbers(feeds.left) == list(range(1, 11))


def test_a_table_that_cannot_be_read_parks_its_feed_through_retries_and_rebalances_and_no_other(feeds):
    with sink_of(feeds) as first:
        feeds.send_numbers(feeds.left, 1, 10)
        feeds.await_numbers(feeds.left, *range(1, 11))
        feeds.proof.query(f"RENAME TABLE {feeds.left.topic} TO {feeds.left.topic}_away")
        feeds.send_numbers(feeds.left, 11, 20)
        first.await_parked("refuses for good")
        first.await_parked("past what is committed")  # a retry has looked in vain
        with sink_of(feeds) as second:  # and so does a rebalance
            assert wait_until(
                lambda: any(sink.health.readiness()[1]["parked"] for sink in (first, second)), 30
            )
            feeds.send_numbers(feeds.right, 1, 10)
            feeds.await_numbers(feeds.right, *range(1, 11))
            feeds.proof.query(f"RENAME TABLE {feeds.left.topic}_away TO {feeds.left.topic}")
            feeds.await_numbers(feeds.left, *range(1, 21))
            second.raise_error()
        first.raise_error()


@pytest.mark.parametrize(
    ("damage", "mending"),
    [
        ("ALTER TABLE {t} DROP COLUMN note", "ALTER TABLE `{t}` ADD COLUMN `note` UInt8"),
        ("RENAME TABLE {t} TO {t}_away", "RENAME TABLE {t}_away TO {t}"),
    ],
    ids=["column", "table"],
)
def test_a_refusal_for_good_parks_the_feed_until_it_is_mended(feeds, damage, mending):
    with sink_of(feeds) as sink:
        feeds.send_numbers(feeds.left, 1, 10)
        feeds.await_numbers(feeds.left, *range(1, 11))
        feeds.proof.query(damage.format(t=feeds.left.topic))
        feeds.send_numbers(feeds.left, 11, 20)
        sink.await_parked("refuses for good")
        feeds.send_numbers(feeds.right, 1, 10)
        feeds.await_numbers(feeds.right, *range(1, 11))
        feeds.proof.query(mending.format(t=feeds.left.topic))
        feeds.await_numbers(feeds.left, *range(1, 21))
        assert wait_until(lambda: sink.health.readiness()[0], 10)
        feeds.send_numbers(feeds.left, 21, 25)
        feeds.await_numbers(feeds.left, *range(1, 26))
