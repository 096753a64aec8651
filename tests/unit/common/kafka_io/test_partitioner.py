"""Partitions as other clients choose them."""

import pytest

from common.kafka_io.partitioner import RoundRobin, partition_of

# From Kafka's own UtilsTest.testMurmur2, as unsigned numbers.
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize("key", JAVA, ids=lambda key: key.decode()[:12])
@pytest.mark.parametrize("partitions", [1, 4, 12])
def test_a_key_goes_where_java_sends_it(key, partitions):
    assert partition_of(key, partitions) == (JAVA[key] & 0x7FFFFFFF) % partitions


def test_turns_go_round_and_follow_a_growing_topic():
    turns = RoundRobin()
    seen = []
    for partitions in (2, 2, 2, 4, 4):
        seen.append(turns.current(partitions))
        turns.advance()
    assert seen == [0, 1, 0, 3, 0]
