"""Kafka as the cache folder holds it: the jars, the JVM beside them, and what Kafka's own tool makes once.

Called by `stack.Stack` before brokers start, and by `kafka.Broker`.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from infra.local.broker_files import broker_properties, id_from
from infra.local.errors import StackFailed
from infra.local.jars import LOCK, fetch, parse_lock
from infra.local.java import Java, find_java
from infra.local.service import ENVIRONMENT
from infra.local.settings import Ports


class Distribution:
    """Apache Kafka in `cache`, complete after `prepare`."""

    def __init__(self, cache: Path) -> None:
        """Nothing is read or written yet."""
        self._cache = cache
        self._jars = cache / "jars"

    @cached_property
    def java(self) -> Java:
        """The JVM with Kafka on its class path."""
        jars = parse_lock(LOCK.read_text())
        return Java(find_java(), [self._jars / jar.file_name for jar in jars], self._cache)

    @cached_property
    def first_records(self) -> Path:
        """What every formatted data folder holds: the cluster's first records (its feature levels)."""
        version = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
        return self._cache / f"kafka-{version}.checkpoint"

    def prepare(self, progress: Callable[[str], None]) -> None:
        """Download what is missing; DownloadFailed or StackFailed when that does not work."""
        fetch(parse_lock(LOCK.read_text()), self._jars, progress)
        if not self.first_records.exists():
            progress("preparing Kafka (once)")
            with tempfile.TemporaryDirectory(dir=self._cache, prefix="format-") as scratch:
                self._make_first_records(Path(scratch))

    def _make_first_records(self, scratch: Path) -> None:
        """Let the real tool format a scratch folder, and keep what does not depend on the node."""
        data, properties = scratch / "data", scratch / "server.properties"
        properties.write_text(broker_properties(1, Ports(), data))
        arguments = ("format", "--cluster-id", id_from(str(scratch)), "-c", str(properties))
        command = self.java.command("kafka.tools.StorageTool", *arguments, temporary=scratch)
        result = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
        if result.returncode != 0:
            said = " ".join((result.stdout + result.stderr).split())
            raise StackFailed(f"Kafka's format tool failed: {said[-400:]}")
        os.replace(data / "bootstrap.checkpoint", self.first_records)
