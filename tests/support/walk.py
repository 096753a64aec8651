"""The walk of CONTRIBUTING.md: its code blocks in order, and the shell script that they make together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

TEXT = (Path(__file__).resolve().parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
END_OF_OUTPUT = "\0"


class Block(NamedTuple):
    """A code block: `python` is the content of `file`, `diff` a patch, `sh` commands, `text` what those print."""

    kind: str
    file: str
    code: str


BLOCKS = [Block(*found) for found in BLOCK.findall(TEXT)]


def python(file: str) -> str:
    """The content of a file that the walk writes."""
    (code,) = (block.code for block in BLOCKS if (block.kind, block.file) == ("python", file))
    return code


def script() -> str:
    """The walk for bash; it ends at the first command that fails, and what it has started ends with it.

    After what each `sh` block prints to stdout comes END_OF_OUTPUT.
    """
    steps = ["set -eu", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    for block in BLOCKS:
        if block.kind == "python":
            steps.append(f"cat > {block.file} <<'END_OF_FILE'\n{block.code}END_OF_FILE")
        elif block.kind == "diff":
            steps.append(f"git apply <<'END_OF_PATCH'\n{block.code}END_OF_PATCH")
        elif block.kind == "sh":
            steps.append(f"{block.code}printf '\\0'")
        else:
            assert block.kind == "text", block.kind
    return "\n".join(steps)


def promised() -> list[str | None]:
    """What each `sh` block prints by the `text` block behind it; None where there is none."""
    followers = [*BLOCKS[1:], Block("", "", "")]
    return [
        follower.code if follower.kind == "text" else None
        for block, follower in zip(BLOCKS, followers, strict=True)
        if block.kind == "sh"
    ]
