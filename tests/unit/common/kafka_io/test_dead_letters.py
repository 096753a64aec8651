from types import SimpleNamespace

from common.kafka_io.dead_letters import DeadLetters
from common.slab import Partition, Record, TooLarge


class Writer:
    def __init__(self):
        self.sent = []

    def send(self, topic, partition, values, *, timestamp_ms, keys, headers):
        self.sent.append((topic, partition, values, headers))
        return SimpleNamespace(acknowledged=len(values), failed=0, error=None)


def test_a_message_that_was_not_unpacked_is_a_letter_without_a_value():
    writer = Writer()
    letters = DeadLetters(lambda: writer)
    record = Record(5, 1_000, b"key", TooLarge(10), (("name", b"text"),))
    last = [
        letters.send(one, Partition("events", 3), "00ff", "too large", "events.dead")
        for one in (record, record._replace(value=b"whole"))
    ][-1]
    assert last.is_acknowledged
    ((topic, partition, values, headers),) = writer.sent
    assert (topic, partition, values) == ("events.dead", 0, [None, b"whole"])
    assert ("penstock-offset", b"5") in headers[0]
    assert ("penstock-reason", b"too large") in headers[0]
