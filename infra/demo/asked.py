"""What the demo asks the streams at the end: every question, with parameters that have an answer."""

from __future__ import annotations

from typing import NamedTuple

FIRST = "the first value of the answer before"


class Asked(NamedTuple):
    """A question of a stream, and its parameters; FIRST stands for what the question before has found."""

    stream: str
    question: str
    parameters: dict[str, object]


ASKED = (
    Asked("collatz", "part", {"x": 1024}),
    Asked("collatz", "records", {}),
    Asked("collatz", "highest_value", {}),
    Asked("collatz", "longest_step_chain", {}),
    Asked("collatz", "steps", {"n": FIRST}),
    Asked("ratings", "count_by_type", {}),
    Asked("sensors", "last", {"kind": "temperature", "count": 3}),
    Asked("sensors", "histogram", {"kind": "temperature"}),
    Asked("sensors", "histograms", {}),
    Asked("visits", "counts", {"rows": 12}),
    Asked("visits", "final", {"account_id": "1", "store_id": "us"}),
    Asked("quotes", "mid_price", {"seconds": 3600, "threshold": 9.9}),
    Asked("quotes", "share_above", {"seconds": 3600, "threshold": 9.9}),
    Asked("quotes", "share_above", {"seconds": 3600, "threshold": 9.0}),
)
