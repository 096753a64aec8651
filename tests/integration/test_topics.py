"""`python -m common.topics` on real brokers."""

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from tests.integration.commands import Commands


@pytest.fixture(scope="module")
def topics(stack):
    """The command, with collatz's topic renamed for this module."""
    return Commands(stack, KAFKA_TOPIC_NAME="topics-test", PARTITIONS="2", RETENTION_BYTES=str(2**25))


@pytest.fixture(scope="module")
def created(topics):
    """Its first run."""
    return topics.run("common.topics")


def ours(ended):
    """The report's lines about this module's topics, as words."""
    return [line.split() for line in ended.lines if "topics-test" in line]


def test_creates_what_is_missing_and_a_second_run_changes_nothing(topics, created):
    assert created.exit_code == 0, created.said
    assert ours(created) == [
        ["created", "topics-test", "partitions=2", "replicas=3"],
        ["created", "topics-test.dead", "partitions=1", "replicas=3"],
    ]
    again = topics.run("common.topics")
    assert (again.exit_code, [words[0] for words in ours(again)]) == (0, ["present", "present"])


def test_topics_are_configured_for_their_purpose(stack, created):
    admin = KafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    try:
        resources = [
            ConfigResource(ConfigResourceType.TOPIC, name) for name in ("topics-test", "topics-test.dead")
        ]
        found = admin.describe_configs(resources, config_filter="all")["topic"]
    finally:
        admin.close()
    config = {name: {key: entry["value"] for key, entry in found[name].items()} for name in found}
    assert config["topics-test"]["retention.bytes"] == str(2**25)
    assert config["topics-test"]["segment.bytes"] == str(2**22)
    assert config["topics-test"]["min.insync.replicas"] == "2"
    assert config["topics-test.dead"]["retention.ms"] == "-1"
    assert int(config["topics-test.dead"]["max.message.bytes"]) == 65_536 + int(
        config["topics-test"]["max.message.bytes"]
    )


def test_grows_a_topic_and_refuses_to_shrink_it(topics, created):
    grown = topics.run("common.topics", "--grow", "topics-test=3")
    assert (grown.exit_code, ours(grown)[0]) == (0, ["grown", "topics-test", "partitions=3", "replicas=3"])
    shrunk = topics.run("common.topics", "--grow", "topics-test=2")
    assert shrunk.exit_code == 1
    assert "it has 3 partitions, and Kafka cannot take any away" in shrunk.said
    assert "Traceback" not in shrunk.said


def test_other_replication_is_refused_with_the_reason(topics, created):
    ended = topics.run("common.topics", REPLICATION_FACTOR="2")
    assert ended.exit_code == 1
    assert "topics-test has 3 replicas, REPLICATION_FACTOR says 2" in ended.said


def test_more_replicas_than_brokers_are_refused_by_kafka_in_its_words(topics):
    ended = topics.run("common.topics", REPLICATION_FACTOR="5", KAFKA_TOPIC_NAME="topics-test-five")
    assert ended.exit_code == 1
    assert "topics-test-five cannot be created" in ended.said
    assert "3 broker(s)" in ended.said


def test_a_dry_run_creates_nothing(topics):
    for _ in range(2):
        ended = topics.run("common.topics", "--dry-run", KAFKA_TOPIC_NAME="topics-test-dry")
        assert (ended.exit_code, ours(ended)[0][:3]) == (0, ["would", "create", "topics-test-dry"])
