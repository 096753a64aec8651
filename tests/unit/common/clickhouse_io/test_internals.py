import ast
from pathlib import Path

import pytest
from clickhouse_driver.columns.base import Column
from clickhouse_driver.connection import Connection

from common.clickhouse_io import internals

HOME = Path(internals.__file__)
PROMISED = {"clickhouse_driver"}
"""What clickhouse-driver's documentation describes: the package with its Client, and its errors."""


def test_this_clickhouse_driver_has_everything():
    assert internals.missing() == []


@pytest.mark.parametrize(("owner", "name"), [(Connection, "receive_packet"), (Column, "write_state_prefix")])
def test_a_name_that_is_gone_is_named_with_what_to_install(monkeypatch, owner, name):
    monkeypatch.delattr(owner, name)
    monkeypatch.setattr(internals, "_assigned", lambda _: set())
    with pytest.raises(
        ImportError, match=rf"{owner.__name__}\.{name}.*install clickhouse-driver>=0"
    ) as raised:
        internals.check()
    assert "clickhouse-driver 0.2" in str(raised.value)


def imported(path):
    """The modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_no_other_module_of_the_package_imports_what_is_not_promised():
    others = [path for path in HOME.parent.glob("*.py") if path != HOME]
    reached = {
        (path.name, module)
        for path in others
        for module in imported(path)
        if module.startswith("clickhouse_driver") and module not in PROMISED
    }
    assert reached == set()
