import pytest

from common.clickhouse_io.schema import objection_to


def test_a_mergetree_is_what_a_sink_fills():
    assert objection_to("MergeTree", "t") == ""


@pytest.mark.parametrize(
    "engine", ["ReplicatedMergeTree", "ReplicatedReplacingMergeTree", "SharedMergeTree", "Distributed"]
)
def test_a_table_of_many_servers_is_not_supported_yet_and_the_sentence_says_why(engine):
    said = objection_to(engine, "t")
    assert said.startswith(f"table t is a {engine}, which is not supported yet: ")
    assert "be there twice when it returns" in said


@pytest.mark.parametrize(
    "engine", ["Null", "ReplacingMergeTree", "SummingMergeTree", "Memory", "Kafka", "View"]
)
def test_a_table_that_loses_or_merges_rows_is_no_table_of_a_feed(engine):
    assert objection_to(engine, "t").startswith(f"table t is a {engine}: a sink counts what it has inserted")
