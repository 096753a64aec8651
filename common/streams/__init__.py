"""The list of streams, by hand: a new stream is one file here and one line below."""

from __future__ import annotations

from collections.abc import Mapping

from common.model.stream import Stream
from common.streams import collatz

STREAMS: dict[str, Stream] = {stream.name: stream for stream in (collatz.STREAM,)}
"""Name → stream, with the names of topics and tables as the files state them."""


def load(environ: Mapping[str, str]) -> dict[str, Stream]:
    """Name → stream, with topics and tables renamed as the environment says."""
    return {name: stream.renamed(environ) for name, stream in STREAMS.items()}
