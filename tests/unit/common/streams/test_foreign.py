"""A stream whose events others send is a short file: what it says of itself, besides what it imports."""

import ast
from pathlib import Path

import pytest

from tests.support.foreign import events, orders, readings

MOST_LINES = 20


@pytest.mark.parametrize("module", [readings, orders, events], ids=lambda module: module.__name__)
def test_a_foreign_topic_takes_twenty_lines_at_most(module):
    text = Path(module.__file__).read_text(encoding="utf-8")
    statements = [
        each for each in ast.parse(text).body[1:] if not isinstance(each, ast.Import | ast.ImportFrom)
    ]
    lines = text.splitlines()[statements[0].lineno - 1 :]
    assert len([line for line in lines if line.strip()]) <= MOST_LINES
