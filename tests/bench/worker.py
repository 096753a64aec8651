"""One measurement in a process of its own; settings from the environment, one JSON object on standard output.

{"rows": 2000000, "wall_s": 2.1, "cpu_s": 2.3, "clickhouse_cpu_s": 1.1, "rss_mib": 240.0}
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import sys
import time
from collections.abc import Callable
from functools import partial

from clickhouse_driver import Client

from common.model.stream import Table
from common.settings.config import Settings, environment
from tests.bench import peers, reading, sinks, writing
from tests.bench.processes import cpu_s
from tests.bench.streams import PAYLOADS, Payload

READS: dict[str, Callable[[Settings, Payload, int], Callable[[], None]]] = {
    "fetch": reading.fetch,
    "fetch, pure reader": partial(reading.fetch, pure=True),
    "fetch + decode": reading.decode,
    "fetch + decode, pure reader": partial(reading.decode, pure=True),
    "kafka-python's poll()": reading.stock_poll,
}
WRITES: dict[str, Callable[[Settings, Payload, int, int], Callable[[], None]]] = {
    "write": partial(writing.bulk, compiled=True),
    "write, pure": partial(writing.bulk, compiled=False),
    "write with send()": writing.send,
}
BY_HAND = "by hand"
MODES = (*READS, *sinks.VARIANTS, BY_HAND, *WRITES)


def measured(work: Callable[[], None], rows: int, clickhouse_pid: int | None) -> dict[str, float]:
    """Do it once, and say what it took."""
    clickhouse_s = cpu_s(clickhouse_pid) if clickhouse_pid else 0.0
    usage, started_s = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    work()
    wall_s, after = time.perf_counter() - started_s, resource.getrusage(resource.RUSAGE_SELF)
    return {
        "rows": rows,
        "wall_s": wall_s,
        "cpu_s": after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime,
        "clickhouse_cpu_s": cpu_s(clickhouse_pid) - clickhouse_s if clickhouse_pid else 0.0,
        "rss_mib": after.ru_maxrss / 1024,
    }


def prepare(
    settings: Settings, payload: Payload, mode: str, messages: int, rows: int, partitions: int
) -> Callable[[], None]:
    """Everything before the clock starts: connections, and an empty table."""
    if mode in READS:
        return READS[mode](settings, payload, messages)
    if mode in WRITES:
        return WRITES[mode](settings, payload, messages, partitions)
    if mode == BY_HAND:
        _fresh(settings, sinks.plain_table(payload.table))
        return peers.by_hand(settings, payload, messages)
    _fresh(settings, sinks.table_of(mode, payload.table))
    return sinks.sink(settings, payload, rows, mode)


def _fresh(settings: Settings, table: Table) -> None:
    client = Client(settings.clickhouse.host, port=settings.clickhouse.port)
    client.execute(f"DROP TABLE IF EXISTS {table.name} SYNC")
    client.execute(table.create_statement())
    client.disconnect()


def main(argv: list[str]) -> None:
    """Measure once. The table goes at the end, so that its merges are not the next measurement's."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.worker", description=__doc__)
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("payload", choices=PAYLOADS)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--rows", type=int, required=True, help="that the messages make")
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--clickhouse-pid", type=int)
    chosen = parser.parse_args(argv)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    settings, payload = Settings.from_env(environment()), PAYLOADS[chosen.payload].on(chosen.partitions)
    work = prepare(settings, payload, chosen.mode, chosen.messages, chosen.rows, chosen.partitions)
    print(json.dumps(measured(work, chosen.rows, chosen.clickhouse_pid)))
    client = Client(settings.clickhouse.host, port=settings.clickhouse.port)
    client.execute(f"DROP TABLE IF EXISTS {payload.table.name} SYNC")


if __name__ == "__main__":
    main(sys.argv[1:])
