"""A stream is one file: no service knows one by name."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from common.streams import FILES, STREAMS

ROOT = Path(__file__).resolve().parents[2]
ASKED = {ROOT / "infra" / "demo" / "asked.py", ROOT / "infra" / "metabase" / "dashboards.py"}
"""What may name streams outside of their files: what the demo asks, and what the originals' dashboards do."""

MOST_LINES = 200


def words_of(stream):
    tables = {table.name for feed in stream.feeds for table in feed.tables}
    return {stream.name, *stream.topics, *tables}


def texts_in(path):
    """The texts of a module that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


def modules():
    for folder in ("producer", "consumer", "api", "infra"):
        yield from (path for path in (ROOT / folder).rglob("*.py") if path not in ASKED)


@pytest.mark.parametrize("name", STREAMS)
def test_no_service_names_a_stream_its_topics_or_its_tables(name):
    words = words_of(STREAMS[name])
    found = [
        f"{path.relative_to(ROOT)}: {text}" for path in modules() for text in texts_in(path) if text in words
    ]
    assert found == []


@pytest.mark.parametrize("name", FILES)
def test_a_stream_file_is_short_but_for_its_ddl(name):
    path = ROOT / "common" / "streams" / f"{name}.py"
    source = path.read_text(encoding="utf-8")
    ddl = sum(text.count("\n") for text in texts_in(path) if "CREATE TABLE" in text)
    assert len(source.splitlines()) - ddl <= MOST_LINES


def test_what_streams_import_of_the_model_is_used_by_more_than_one_of_them():
    users: dict[str, set[str]] = {}
    for name in FILES:
        tree = ast.parse((ROOT / "common" / "streams" / f"{name}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("common."):
                users.setdefault(node.module or "", set()).add(name)
    lonely = {module for module, names in users.items() if len(names) == 1}
    assert lonely <= {"common.model.columns"}, "collatz makes its rows by hand, as others may"


def test_ratings_prints_the_type_of_every_human():
    done = subprocess.run(
        [sys.executable, "-m", "common.streams.ratings"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 1337
    assert [lines[number - 1] for number in (1, 3, 5, 15, 1337)] == [
        "1 Incompatible",
        "3 Sha",
        "5 Dow",
        "15 ShaDow",
        "1337 Incompatible",
    ]
