"""The shipped streams under names of a test's own: every topic and table with a prefix."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from unittest import mock

from common.model.stream import Emission, Stream
from common.process.run import run
from common.streams import load
from consumer.__main__ import main

PREFIX = "TEST_PREFIX"


def prefixed(stream: Stream, prefix: str) -> Stream:
    """The stream with `prefix` before each of its topics and tables; its generator sends there, too."""
    feeds = tuple(
        replace(
            feed,
            topic=prefix + feed.topic,
            tables=tuple(replace(table, name=prefix.replace("-", "_") + table.name) for table in feed.tables),
        )
        for feed in stream.feeds
    )
    transforms = tuple(
        replace(transform, source=prefix + transform.source, target=prefix + transform.target)
        for transform in stream.transforms
    )
    generate = stream.generate

    def emit(rng, options, now_s):
        assert generate is not None
        for emission in generate(rng, options, now_s):
            yield Emission(prefix + emission.topic, emission.key, emission.event)

    return replace(stream, feeds=feeds, transforms=transforms, generate=generate and emit)


def load_prefixed(environ: Mapping[str, str]) -> dict[str, Stream]:
    """All of them, with the windows that the environment gives."""
    return {name: prefixed(stream, environ[PREFIX]) for name, stream in load(environ).items()}


if __name__ == "__main__":  # the real command, over the prefixed streams
    with mock.patch("consumer.__main__.load", load_prefixed):
        sys.exit(run(lambda: main(sys.argv[1:])))
