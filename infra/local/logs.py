"""Shows the ends of log files, and follows them."""

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
    """The lines that are added from now on, for ever; files may come later, or start anew."""
    return _follow(files, {file: _size_bytes(file) for file in files})


def _follow(files: Sequence[Path], offsets: dict[Path, int]) -> Iterator[str]:
    while True:
        for file in files:
            if _size_bytes(file) < offsets[file]:
                offsets[file] = 0
            added = _complete_lines(file, offsets[file])
            offsets[file] += len(added)
            yield from _named(file, added.decode(errors="replace").splitlines(), len(files) > 1)
        time.sleep(POLL_S)


def _size_bytes(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _complete_lines(file: Path, offset: int) -> bytes:
    if _size_bytes(file) <= offset:
        return b""
    with file.open("rb") as log:
        log.seek(offset)
        added = log.read()
    return added[: added.rfind(b"\n") + 1]


def _end_of(file: Path, lines: int) -> list[str]:
    return file.read_text(errors="replace").splitlines()[-lines:] if file.exists() else []


def _named(file: Path, lines: Sequence[str], with_name: bool) -> Iterator[str]:
    for line in lines:
        yield f"{file.stem}: {line}" if with_name else line
