from types import SimpleNamespace

import pytest

from consumer.sink.cutting import MAX_TABLE_PARTITIONS, Cut, Lead, Limits, due, full

LIMITS = Limits(rows=100, payload_bytes=2_000, age_s=1.0)


def gathered(rows=1, size_bytes=10, table_partitions=1, start=0, position=2, born_s=10.0):
    return SimpleNamespace(
        rows=rows,
        size_bytes=size_bytes,
        table_partitions=table_partitions,
        start=start,
        position=position,
        born_s=born_s,
    )


NOTHING = gathered(rows=0, size_bytes=0, table_partitions=0, position=0, born_s=None)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"rows": 99}, None),
        ({"rows": 100}, Cut.ROWS),
        ({"size_bytes": 1_999}, None),
        ({"size_bytes": 2_000}, Cut.BYTES),
        ({"table_partitions": MAX_TABLE_PARTITIONS - 1}, None),
        ({"table_partitions": MAX_TABLE_PARTITIONS}, Cut.TABLE_PARTITIONS),
    ],
    ids=str,
)
def test_a_batch_is_cut_at_the_limits_of_its_size_whatever_its_age(what, why):
    assert full(gathered(**what), LIMITS) is why
    assert due(gathered(**what), LIMITS, 10.0, log_end=0) is why
    assert due(gathered(**what), LIMITS, 10.0, log_end=10**9, is_short_of_memory=False) is why


@pytest.mark.parametrize(("now_s", "why"), [(10.99, None), (11.0, Cut.AGE)])
def test_a_batch_is_cut_when_its_first_message_reaches_the_age(now_s, why):
    assert due(gathered(), LIMITS, now_s, log_end=2) is why


@pytest.mark.parametrize(
    ("log_end", "due_s"),
    [
        pytest.param(0, 11.0, id="nothing is known"),
        pytest.param(2, 11.0, id="all was read"),
        pytest.param(3, 11.0, id="less waits than was gathered"),
        pytest.param(4, 15.0, id="as much again waits"),
    ],
)
def test_a_partition_that_lags_waits_for_a_full_batch_but_not_for_ever(log_end, due_s):
    assert due(gathered(), LIMITS, due_s - 0.01, log_end=log_end) is None
    assert due(gathered(), LIMITS, due_s, log_end=log_end) is Cut.AGE


@pytest.mark.parametrize(
    ("lead_s", "due_s"),
    [
        pytest.param(0.0, 11.0, id="no INSERT was seen yet"),
        pytest.param(0.1, 10.9, id="a quick INSERT"),
        pytest.param(5.0, 10.75, id="a slow INSERT counts for a quarter of the age at most"),
    ],
)
def test_a_batch_is_cut_as_long_before_its_age_as_it_takes_into_the_table(lead_s, due_s):
    assert due(gathered(), LIMITS, due_s - 0.01, log_end=2, lead_s=lead_s) is None
    assert due(gathered(), LIMITS, due_s, log_end=2, lead_s=lead_s) is Cut.AGE


@pytest.mark.parametrize(
    ("log_end", "why"),
    [(0, None), (2, Cut.FIRST), (3, Cut.FIRST), (4, None)],
    ids=["nothing is known", "all was read", "most was read", "as much again waits"],
)
def test_the_first_batch_after_a_rebalance_is_cut_as_soon_as_most_of_what_waited_is_read(log_end, why):
    assert due(gathered(), LIMITS, 10.0, log_end=log_end, is_first=True) is why
    assert due(gathered(), LIMITS, 10.0, log_end=log_end) is None


def test_a_batch_is_cut_early_when_memory_runs_short():
    assert due(gathered(), LIMITS, 10.0, log_end=10**9, is_short_of_memory=True) is Cut.MEMORY


@pytest.mark.parametrize("how", [{}, {"is_short_of_memory": True}, {"is_first": True}])
def test_nothing_is_cut_out_of_nothing(how):
    assert due(NOTHING, LIMITS, 1e9, log_end=1, **how) is None


def test_the_lead_follows_a_slow_insert_at_once_and_forgets_it_slowly():
    lead = Lead()
    assert lead.lead_s == 0.0
    lead.note(0.1)
    lead.note(2.0)
    assert lead.lead_s == 2.0
    lead.note(0.1)
    assert 1.9 < lead.lead_s < 2.0
    for _ in range(1_000):
        lead.note(0.1)
    assert lead.lead_s == pytest.approx(0.1, abs=0.01)
