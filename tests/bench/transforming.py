"""One transform, measured in a process of its own; one JSON object on standard output.

python -m tests.bench.transforming NAME --messages N --turn K: the whole of a transform as assembled for the service,
in a group and into a topic of its own, until N messages are committed; joining the group is part of its time.
python -m tests.bench.transforming NAME --messages N --decode: only fetches and decodes the same messages.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import replace

from kafka import TopicPartition

from common.kafka_io.clients import Clients
from common.model.codec import Codec
from common.model.stream import Stream
from common.model.transform import Transform
from common.process.health import Health
from common.settings.config import Settings, environment
from common.streams import ratings, visits
from consumer.metrics import TransformMetrics
from consumer.transform.assembly import assembled
from tests.bench.reading import CLOCK
from tests.bench.worker import measured

PREFIX = "bench.transform."
BY_NAME: dict[str, tuple[Stream, int]] = {
    "ratings, classify": (ratings.STREAM, 0),
    "visits, regroup": (visits.STREAM, 0),
    "visits, count": (visits.STREAM, 1),
}


def transform_of(name: str, turn: int = 0) -> Transform:
    """It, with a target for each turn: a new group may not begin where a target holds outputs."""
    stream, index = BY_NAME[name]
    found = stream.transforms[index]
    return replace(found, source=f"{PREFIX}{found.source}", target=f"{PREFIX}{found.target}.{turn}")


def decode(settings: Settings, transform: Transform, messages: int) -> Callable[[], None]:
    """Read committed slabs of the source from its beginning, and make events of them."""
    consumer, codec = Clients(settings.kafka, CLOCK.now_s, CLOCK.sleep).consumer(None), Codec(transform.event)
    topic = transform.source
    consumer.assign([TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic) or ())])
    consumer.seek_to_beginning()

    def work() -> None:
        seen = 0
        while seen < messages:
            for slabs in consumer.poll(1000).values():
                for slab in slabs:
                    seen += len(codec.decode(slab.values).events)

    return work


def run(settings: Settings, transform: Transform, stream: Stream, messages: int) -> dict[str, float]:
    """The whole transform; what it took, and how many messages a transaction had and how long it took."""
    group_id = f"bench-{uuid.uuid4().hex}"
    settings = replace(settings, kafka=replace(settings.kafka, group_id=group_id))
    metrics = TransformMetrics()
    stream = replace(stream, transforms=(transform,))
    with assembled(settings, [stream], Health(0.0), metrics, "bench", CLOCK) as made:
        loop = made.loop
        taken = measured(lambda: loop.run(lambda: loop.done >= messages), messages, None)
    value = metrics.registry.get_sample_value
    transactions = value("penstock_transform_transactions_total") or 0.0
    seconds = value("penstock_transform_transaction_seconds_sum") or 0.0
    return taken | {"transactions": transactions, "transaction_s": seconds}


def main(argv: list[str]) -> None:
    """Measure once."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.transforming", description=__doc__)
    parser.add_argument("name", choices=BY_NAME)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--turn", type=int, default=0)
    parser.add_argument("--decode", action="store_true")
    chosen = parser.parse_args(argv)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    settings, transform = Settings.from_env(environment()), transform_of(chosen.name, chosen.turn)
    if chosen.decode:
        taken = measured(decode(settings, transform, chosen.messages), chosen.messages, None)
    else:
        taken = run(settings, transform, BY_NAME[chosen.name][0], chosen.messages)
    print(json.dumps(taken | {"ended_s": time.time()}))


if __name__ == "__main__":
    main(sys.argv[1:])
