"""The example of CONTRIBUTING.md is a stream as it stands there."""

import re
import types
from pathlib import Path

import numpy as np

from common.clickhouse_io.encoding import EncodingCheck
from common.model.codec import Codec
from common.model.stream import ADDRESS_COLUMNS
from consumer.rows import RowMaker

TEXT = (Path(__file__).resolve().parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def example():
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    module = types.ModuleType("example")
    exec(code, vars(module))
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
