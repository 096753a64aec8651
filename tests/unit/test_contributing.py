"""The stream that CONTRIBUTING.md adds is a stream as it stands there."""

import types

import numpy as np

from common.clickhouse_io.encoding import EncodingCheck
from common.model.codec import Codec
from common.model.stream import ADDRESS_COLUMNS
from consumer.rows import RowMaker
from tests.support import walk

FILE = "common/streams/readings.py"


def example():
    module = types.ModuleType("example")
    exec(walk.python(FILE), vars(module))
    return module


def test_the_example_stores_the_sample_of_its_own_docstring():
    module = example()
    (feed,) = module.STREAM.feeds
    sample = module.__doc__.strip().splitlines()[-1].encode()
    assert Codec(feed.event).decode([sample]).bad == {}
    made = RowMaker(feed, 1, check=EncodingCheck(feed.tables)).make([sample], np.array([5], np.uint64))
    (block,) = made.blocks.values()
    assert made.bad == {}
    assert block["device"].tolist() == ["d-1"]
    assert block.keys() - ADDRESS_COLUMNS.keys() == {"device", "t", "temp", "tags", "hum"}


def test_the_example_is_one_file_of_forty_lines_and_one_line():
    assert len(walk.python(FILE).splitlines()) <= 40
    (patch,) = (block.code for block in walk.BLOCKS if block.kind == "diff")
    changed = [line for line in patch.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == ['+    "readings",']


def test_every_file_of_the_walk_is_named_in_the_text_before_it():
    for block in walk.BLOCKS:
        if block.file:
            before = walk.TEXT[: walk.TEXT.index(f"```{block.kind} {block.file}")]
            assert f"`{block.file}`" in before.rstrip().rpartition("\n\n")[2]
