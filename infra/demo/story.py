"""What happens on the way: some messages are bad, two processes are killed while they work, and come back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from common.errors import KafkaUnavailable
from common.kafka_io.writer import BulkWriter
from common.model.stream import Stream
from infra.demo.services import Services

KILL_AT_S = {"transformer-1": 9.0, "consumer-1": 15.0}
BACK_AFTER_S = 12.0
ACKNOWLEDGED_S = 30.0
BAD = (b'{"sent": "by the demo, cut off', b"{}")


def send_bad(writer: BulkWriter, streams: Iterable[Stream], *, unix_ms: int) -> int:
    """Send two messages that no row can be made of to every topic that a producer writes; how many in all."""
    topics = [topic for stream in streams for topic in _sources(stream)]
    for topic in topics:
        writer.send(topic, 0, BAD, timestamp_ms=unix_ms)
    if not writer.flush(ACKNOWLEDGED_S):
        raise KafkaUnavailable(f"the bad messages are not acknowledged after {ACKNOWLEDGED_S:g} s")
    return len(topics) * len(BAD)


def _sources(stream: Stream) -> list[str]:
    made = {transform.target for transform in stream.transforms}
    return [topic for topic in stream.topics if topic not in made]


class Kills:
    """Kills each process once, as soon as its time has come and it has partitions, and starts it again later."""

    def __init__(self, services: Services, words: Mapping[str, tuple[str, ...]], tell: Callable[[str], None]):
        self._services, self._words, self.tell = services, words, tell
        self._waiting = dict(KILL_AT_S)
        self._gone: dict[str, float] = {}

    def look(self, now_s: float, partitions: Mapping[str, int]) -> None:
        """`now_s`: since the start; `partitions`: member → how many it has."""
        for name in [each for each, at_s in self._waiting.items() if now_s >= at_s and partitions.get(each)]:
            del self._waiting[name]
            self._gone[name] = now_s
            self._services.kill(name)
            self.tell(
                f"{now_s:.0f} s: kill -9 {self._services.pid(name)}: {name} is gone without a word, with "
                f"{partitions[name]} partitions. {name[:-1]}2 takes over when its session has expired."
            )
        for name in [each for each, at_s in self._gone.items() if now_s >= at_s + BACK_AFTER_S]:
            del self._gone[name]
            self._services.start(name, *self._words[name])
            self.tell(f"{now_s:.0f} s: {name} is started again, and takes its share.")


class Patience:
    """How long to wait for something that gets less: `wait_s` since it last did."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._least: int | None = None
        self._since_s: float | None = None

    def is_left(self, amount: int | None, now_s: float) -> bool:
        """Whether to go on; `amount` is None where it is not known."""
        if self._since_s is None or (amount is not None and (self._least is None or amount < self._least)):
            self._least, self._since_s = amount, now_s
        return now_s - self._since_s < self._wait_s
