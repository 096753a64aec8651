"""`python -m producer` on real brokers: what it says is in the log, and how it ends."""

import json
import signal

import pytest

from common.kafka_io.partitioner import partition_of
from infra.local.waiting import wait_until
from tests.support.commands import Commands, ended
from tests.support.topic import Topic

PARTITIONS = 3


@pytest.fixture
def topic(stack, request):
    """A topic named after the test."""
    with Topic(stack, request.node.name.replace("_", "-"), PARTITIONS) as topic:
        yield topic


def producer(stack, topic):
    """The command, sending to that topic."""
    return Commands(stack, KAFKA_TOPIC_NAME=topic.name)


def numbers_in(topic):
    return sorted(json.loads(value)["number"] for value in topic.values())


def test_sends_each_event_once_to_the_partition_of_its_key(stack, topic):
    done = producer(stack, topic).run("producer", "collatz", "--from", "1", "--to", "3000")
    assert done.exit_code == 0, done.said
    assert done.lines[-1].startswith("sent 3,000, acknowledged 3,000, failed 0 in ")
    assert numbers_in(topic) == list(range(1, 3001))
    for partition in topic.partitions:
        records = [record for slab in topic.slabs(partition) for record in slab.records()]
        assert {partition_of(record.key, PARTITIONS) for record in records} == {partition}
        assert dict(records[0].headers) == {
            "content-type": b"application/json",
            "stream": b"collatz",
            "version": b"1",
        }


def test_keeps_its_rate_and_its_time(stack, topic):
    done = producer(stack, topic).run("producer", "collatz", "--rate", "200", "--seconds", "1.5")
    assert done.exit_code == 0, done.said
    assert len(numbers_in(topic)) == pytest.approx(300, abs=40)


def test_sigterm_flushes_what_was_sent_and_ends_well(stack, topic):
    with producer(stack, topic).start("producer", "collatz", "--rate", "300") as process:
        assert wait_until(lambda: sum(map(topic.end, topic.partitions)) > 100, 30)
        process.send_signal(signal.SIGTERM)
        done = ended(process)
    assert done.exit_code == 0, done.said
    sent = int(done.lines[-1].split()[1].strip(",").replace(",", ""))
    assert len(numbers_in(topic)) == sent


def test_a_missing_topic_names_the_command_that_makes_it(stack, topic):
    done = producer(stack, topic).run(
        "producer", "collatz", "--events", "5", KAFKA_TOPIC_NAME="producer-absent"
    )
    assert done.exit_code == 1
    assert "python -m common.topics" in done.said
    assert "Traceback" not in done.said


def test_unreachable_brokers_are_one_line_after_a_bounded_wait(stack):
    done = Commands(stack, BOOTSTRAP_SERVERS="127.0.0.1:1", KAFKA_CONNECT_TIMEOUT_S="1").run(
        "producer", "collatz"
    )
    assert done.exit_code == 1
    (line,) = done.said.splitlines()
    assert "127.0.0.1:1 within 1 s" in line
