"""`make bench`: the sink beside fetch alone, fetch + decode, and a hand-written loop: same topic, same run.

Brings up a stack of its own in a temporary folder and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient
from rich.console import Console
from rich.table import Table

from common.config import Settings
from common.kafka_io.connection import connect, producer_options
from common.kafka_io.writer import BulkWriter
from infra.local.stack import Stack
from tests.bench.stream import TOPIC, message

SLICE = 4_000
WORKER_DEADLINE_S = 300
BY_HAND_SHARE = 10
"""The hand-written loop gets a tenth of the messages: its speed does not depend on how many there are."""


def fill(settings: Settings, messages: int, partitions: int) -> None:
    """A topic with `messages` messages of 67 bytes, evenly spread."""
    admin = KafkaAdminClient(bootstrap_servers=list(settings.kafka.bootstrap_servers))
    for topic in (TOPIC, f"{TOPIC}.dead"):
        admin.create_topics({topic: {"num_partitions": partitions, "replication_factor": 3}})
        admin.wait_for_topics([topic], timeout_ms=10_000)
    admin.close()
    options = producer_options(settings.kafka)
    producer = connect(KafkaProducer, options, timeout_s=30, now_s=time.monotonic, sleep=time.sleep)
    writer = BulkWriter(producer, max_message_bytes=1_000_000)
    for first in range(0, messages, SLICE):
        values = [message(index) for index in range(first, min(messages, first + SLICE))]
        writer.send(TOPIC, first // SLICE % partitions, values, timestamp_ms=round(time.time() * 1000))
    writer.close(60)
    if writer.acknowledged != messages:
        raise SystemExit(
            f"only {writer.acknowledged} of {messages} messages were acknowledged: {writer.last_error!r}"
        )


def measure(mode: str, messages: int, environment: dict[str, str]) -> dict[str, float]:
    """One run of one mode in a process of its own."""
    count = messages // BY_HAND_SHARE if mode == "by hand" else messages
    command = [sys.executable, "-m", "tests.bench.worker", mode, str(count)]
    done = subprocess.run(
        command, env=os.environ | environment, stdout=subprocess.PIPE, timeout=WORKER_DEADLINE_S, check=True
    )
    return json.loads(done.stdout)


def table(results: dict[str, list[dict[str, float]]]) -> Table:
    """Medians, the spread beside them."""
    shown = Table(title="67-byte JSON messages, one row each: M rows/s")
    for heading in ("", "wall", "spread", "per CPU-second", "RSS MiB", "of fetch + decode"):
        shown.add_column(heading, justify="right" if heading else "left")
    decode = statistics.median(run["rows"] / run["wall_s"] for run in results["decode"])
    for mode, runs in results.items():
        wall = [run["rows"] / run["wall_s"] / 1e6 for run in runs]
        cpu = statistics.median(run["rows"] / run["cpu_s"] / 1e6 for run in runs)
        share = statistics.median(wall) * 1e6 / decode
        rss = max(run["rss_mib"] for run in runs)
        spread = f"{min(wall):.3f}-{max(wall):.3f}"
        shown.add_row(
            mode, f"{statistics.median(wall):.3f}", spread, f"{cpu:.3f}", f"{rss:.0f}", f"{share:.0%}"
        )
    return shown


def main(arguments: list[str]) -> int:
    """Measure every mode, interleaved, and print the table; 0 if the sink reaches ten times the hand-written loop."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000_000, help="in the topic (default: 2,000,000)")
    parser.add_argument("--partitions", type=int, default=4, help="of the topic (default: 4)")
    parser.add_argument("--runs", type=int, default=3, help="of each mode, interleaved (default: 3)")
    chosen = parser.parse_args(arguments)
    console = Console()
    modes = ("fetch", "decode", "sink", "by hand")
    results: dict[str, list[dict[str, float]]] = {mode: [] for mode in modes}
    with (
        tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder,
        Stack.on_free_ports(Path(folder)) as stack,
    ):
        environment = stack.environment()
        console.print(f"{os.cpu_count()} cores, {platform.python_version()}; filling a topic")
        fill(Settings.from_env(environment), chosen.messages, chosen.partitions)
        for run in range(1, chosen.runs + 1):
            for mode in modes:
                results[mode].append(measure(mode, chosen.messages, environment))
                rate = results[mode][-1]["rows"] / results[mode][-1]["wall_s"] / 1e6
                console.print(f"run {run} of {chosen.runs}: {mode:8} {rate:.3f} M rows/s")
    console.print(table(results))
    medians = {
        mode: statistics.median(r["rows"] / r["wall_s"] for r in runs) for mode, runs in results.items()
    }
    ratio = medians["sink"] / medians["by hand"]
    console.print(
        f"the sink stores {ratio:.1f} times as fast as the hand-written loop (bar: 10). Again: make bench"
    )
    return 0 if ratio >= 10 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
