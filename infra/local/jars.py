"""The jars of Kafka: fetched once by the coordinates in jars.lock, kept in the cache folder, verified by sha256.

Called by `kafka.py` before a broker starts.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from infra.local.errors import DownloadFailed, StackFailed

LOCK = Path(__file__).with_name("jars.lock")
DOWNLOADS_AT_ONCE = 8
DOWNLOAD_TIMEOUT_S = 30.0
ATTEMPTS = 3
PAUSE_S = 1.0


@dataclass(frozen=True)
class Jar:
    """One line of the lock."""

    coordinates: str
    sha256: str

    @property
    def file_name(self) -> str:
        """kafka-clients-4.3.1.jar for org.apache.kafka:kafka-clients:4.3.1."""
        _, name, version = self.coordinates.split(":")
        return f"{name}-{version}.jar"


def parse_lock(text: str) -> tuple[Jar, ...]:
    """The jars of a lock, in its order: `group:artifact:version sha256` a line, `#` begins a comment."""
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for words in lines:
        if len(words) != 2 or words[0].count(":") != 2 or len(words[1]) != 64:
            raise StackFailed(
                f"{LOCK.name}: expected `group:artifact:version sha256`, found {' '.join(words)!r}"
            )
    return tuple(Jar(coordinates, sha256) for coordinates, sha256 in lines)


def fetch(
    jars: Sequence[Jar],
    folder: Path,
    progress: Callable[[str], None],
    download: Callable[[Jar, Path], None] | None = None,
) -> tuple[Path, ...]:
    """The files of `jars`, in the same order; those that `folder` lacks are downloaded first, several at once."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = tuple(folder / jar.file_name for jar in jars)
    missing = [jar for jar, path in zip(jars, paths, strict=True) if not has_hash(path, jar.sha256)]
    pool = ThreadPoolExecutor(DOWNLOADS_AT_ONCE)
    try:
        with redirect_stdout(io.StringIO()):  # maven-artifact prints each address
            work = [pool.submit(_fetch_one, jar, folder, download or _download_patiently) for jar in missing]
            _await_all(work, progress)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return paths


def has_hash(path: Path, sha256: str) -> bool:
    """Whether `path` exists with that content."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except FileNotFoundError:
        return False


def _await_all(work: Sequence[Future[None]], progress: Callable[[str], None]) -> None:
    for done, future in enumerate(as_completed(work), start=1):
        future.result()
        progress(f"downloading Kafka: {done} of {len(work)} jars")


def _fetch_one(jar: Jar, folder: Path, download: Callable[[Jar, Path], None]) -> None:
    part = folder / f"{jar.file_name}.{os.getpid()}.part"
    try:
        download(jar, part)
        if not has_hash(part, jar.sha256):
            raise DownloadFailed(
                f"{jar.coordinates}: what was downloaded is not the jar that {LOCK.name} names"
            )
        part.replace(folder / jar.file_name)
    finally:
        part.unlink(missing_ok=True)


def _download_patiently(jar: Jar, path: Path) -> None:
    for pause_s in (PAUSE_S,) * (ATTEMPTS - 1):
        try:
            return _download(jar, path)
        except DownloadFailed:
            time.sleep(pause_s)
    _download(jar, path)


def _download(jar: Jar, path: Path) -> None:
    try:
        from maven_artifact import Artifact, Downloader, Requestor
    except ImportError as error:
        raise StackFailed("maven-artifact is not installed: pip install 'penstock[local]'") from error

    class PatientRequestor(Requestor):
        def request(self, *args: object, **options: object) -> object:
            return super().request(*args, timeout=DOWNLOAD_TIMEOUT_S, **options)

    downloader = Downloader()
    downloader.requestor = PatientRequestor()
    try:
        downloader.download(Artifact.parse(jar.coordinates), filename=str(path))
    except Exception as error:
        reason = " ".join(str(getattr(error, "msg", error)).split())[:300]
        raise DownloadFailed(f"{jar.coordinates}: {reason}; run the command again to go on") from error
