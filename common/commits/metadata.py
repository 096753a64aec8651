"""The metadata of a committed offset: JSON with a format number, or not ours (R7). Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from common.errors import OffsetRefused

FORMAT = 1

Said = TypeVar("Said")


def encoded(said: Mapping[str, Any]) -> str:
    """The metadata string."""
    return json.dumps({"penstock": FORMAT, **said}, separators=(",", ":"))


def decoded(
    metadata: str, where: str, make: Callable[[dict[str, Any]], Said], *, at_stake: str, todo: str
) -> Said:
    """What `make` makes of the fields. Raises OffsetRefused when they are not ours, or of a newer version (R7).

    `at_stake` is what going on could repeat or lose, `todo` the way out when another tool has set the offset.
    """
    try:
        said = json.loads(metadata)
        written = said.pop("penstock")
        if type(written) is int and written > FORMAT:
            raise OffsetRefused(
                f"{where}: the committed offset was written by a newer Penstock (metadata format {written}; "
                f"this version reads up to {FORMAT}). Going on could repeat or lose {at_stake}: start that version "
                "again"
            )
        if written != FORMAT:
            raise ValueError("other format")
        return make(said)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise OffsetRefused(
            f"{where}: the committed offset carries {'no' if not metadata else 'foreign'} metadata, so another tool "
            f"set it. Going on could repeat or lose {at_stake}. {todo}"
        ) from None
