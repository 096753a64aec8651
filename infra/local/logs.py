"""Shows the ends of log files, and follows them. Called by `python -m infra.local logs`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

POLL_S = 0.2
LINES = 20


def ends_of(files: Sequence[Path], lines: int = LINES) -> Iterator[str]:
    """The last lines of each file, with its name before each when there are several."""
    return chain.from_iterable(_named(file, _end_of(file, lines), len(files) > 1) for file in files)


def following(files: Sequence[Path]) -> Iterator[str]:
    """The lines that are added from now on, for ever; files may come later and start anew."""
    offsets = {file: file.stat().st_size if file.exists() else 0 for file in files}
    while True:
        for file in files:
            size_bytes = file.stat().st_size if file.exists() else 0
            offsets[file] = min(offsets[file], size_bytes)
            if size_bytes > offsets[file]:
                added = _complete_lines(file, offsets[file])
                offsets[file] += len(added)
                yield from _named(file, added.decode(errors="replace").splitlines(), len(files) > 1)
        time.sleep(POLL_S)


def _complete_lines(file: Path, offset: int) -> bytes:
    with file.open("rb") as log:
        log.seek(offset)
        added = log.read(1 << 20)
    return added[: added.rfind(b"\n") + 1] or added[: 1 << 20 if len(added) == 1 << 20 else 0]


def _end_of(file: Path, lines: int) -> list[str]:
    return file.read_text(errors="replace").splitlines()[-lines:] if file.exists() else []


def _named(file: Path, lines: Sequence[str], with_name: bool) -> Iterator[str]:
    for line in lines:
        yield f"{file.stem}: {line}" if with_name else line
