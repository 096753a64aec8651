"""`python -m common.topics` on real brokers."""

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from common.commands.topics import main
from common.errors import KafkaRefused, StartRefused
from tests.support.commands import Commands
from tests.support.in_process import CLOCK

SETTINGS = {"KAFKA_TOPIC_NAME": "topics-test", "PARTITIONS": "2", "RETENTION_BYTES": str(2**25)}


@pytest.fixture
def topics(stack, capsys):
    """The command: arguments and settings → what it says of this module's topics, as words."""

    def run(*arguments, **environ):
        assert main(arguments, stack.environment() | SETTINGS | environ, CLOCK) == 0
        return [line.split() for line in capsys.readouterr().out.splitlines() if "topics-test" in line]

    return run


def test_creates_what_is_missing_and_a_second_run_changes_nothing(stack, topics):
    created = Commands(stack, **SETTINGS).run("common.topics")
    assert created.exit_code == 0, created.said
    assert [line.split() for line in created.lines if "topics-test" in line] == [
        ["created", "topics-test", "partitions=2", "replicas=3"],
        ["created", "topics-test.dead", "partitions=1", "replicas=3"],
    ]
    assert [words[0] for words in topics()] == ["present", "present"]


def test_topics_are_configured_for_their_purpose(stack, topics):
    topics()
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
    assert config["topics-test.dead"]["message.timestamp.type"] == "LogAppendTime"
    assert int(config["topics-test.dead"]["max.message.bytes"]) == 65_536 + int(
        config["topics-test"]["max.message.bytes"]
    )


def test_grows_a_topic_and_refuses_to_shrink_it(topics):
    topics()
    assert topics("--grow", "topics-test=3")[0] == ["grown", "topics-test", "partitions=3", "replicas=3"]
    with pytest.raises(StartRefused, match="it has 3 partitions, and Kafka cannot take any away"):
        topics("--grow", "topics-test=2")


def test_other_replicas_are_told_and_left_alone(topics):
    topics()
    assert [words[0] for words in topics(REPLICATION_FACTOR="2")] == ["present", "present"]
    assert topics(REPLICATION_FACTOR="2")[0][2:] == [
        "partitions=3",
        "replicas=3,",
        "REPLICATION_FACTOR",
        "says",
        "2",
    ]


def test_a_topic_of_one_replica_gets_a_companion_like_it(stack, topics):
    name = "topics-test-one"
    admin = KafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    try:
        admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1}})
        admin.wait_for_topics([name], timeout_ms=30_000)
        assert topics(KAFKA_TOPIC_NAME=name) == [
            ["present", name, "partitions=1", "replicas=1,", "REPLICATION_FACTOR", "says", "3"],
            ["created", f"{name}.dead", "partitions=1", "replicas=1"],
        ]
        companion = [ConfigResource(ConfigResourceType.TOPIC, f"{name}.dead")]
        configs = admin.describe_configs(companion, config_filter="all")["topic"][f"{name}.dead"]
        assert configs["min.insync.replicas"]["value"] == "1"
    finally:
        admin.close()


def test_more_replicas_than_brokers_are_refused_by_kafka_in_its_words(topics):
    with pytest.raises(KafkaRefused, match=r"topics-test-five cannot be created: .* 3 broker\(s\)"):
        topics(REPLICATION_FACTOR="5", KAFKA_TOPIC_NAME="topics-test-five")


def test_a_dry_run_creates_nothing(topics):
    for _ in range(2):
        words = topics("--dry-run", KAFKA_TOPIC_NAME="topics-test-dry")[0]
        assert words[:3] == ["would", "create", "topics-test-dry"]
