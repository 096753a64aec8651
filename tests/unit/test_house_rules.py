"""The house rules that no linter knows (CONTRIBUTING.md): where, how long, with which unit."""

import ast
import dataclasses
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import common.errors
from common.settings.config import PARTS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("common", "producer", "consumer", "api", "infra")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
ALL_RULES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]

LONGEST_MODULE_LINES = 300
LONGEST_FUNCTION_LINES = 40
LONGEST_MODULE_DOCSTRING_LINES = 5
LONG_FUNCTIONS = {
    "common/kafka_io/format/decode.py:values"
}  # one flat loop: a call a varint would make it three times slower
LONG_DOCSTRINGS = {  # the error tree, the failure table, the states, an example
    "common/errors.py",
    "common/model/derive.py",
    "consumer/sink/__init__.py",
    "consumer/transform/__init__.py",
    "consumer/sink/insertion.py",
}

# Time comes in as an argument; only edges look at a clock: `__main__.py`, what runs programs, and this command.
CLOCKS = {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep"}
MAY_LOOK_AT_CLOCKS = ("infra/", "common/topics.py")

UNITS = ("_s", "_ms", "_bytes", "_rows")
COUNTS = {
    "port",
    "http_port",
    "partitions",
    "replication_factor",
    "min_insync_replicas",
    "dead_letter_limit",
    "epoch",
    "transaction_messages",
}


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def found(check):
    """What `check` yields for each module, as module:line: words."""
    return [
        f"{name_of(path)}:{line}: {words}" for path in MODULES for line, words in check(path, tree_of(path))
    ]


def test_there_is_something_to_check():
    assert ROOT / "common" / "errors.py" in MODULES


def uses_of(tree, module, names):
    """Lines that use `module.name` or import a name from `module`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == module and node.attr in names:
                yield node.lineno, f"{module}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == module:
            for alias in node.names:
                if alias.name in names:
                    yield node.lineno, f"from {module} import {alias.name}"


def test_only_config_reads_the_environment():
    def check(path, tree):
        if name_of(path) != "common/settings/config.py":
            yield from uses_of(tree, "os", {"environ", "environb", "getenv", "getenvb"})

    assert found(check) == []


def test_only_edges_look_at_a_clock():
    def check(path, tree):
        if path.name != "__main__.py" and not name_of(path).startswith(MAY_LOOK_AT_CLOCKS):
            yield from uses_of(tree, "time", CLOCKS)
            yield from uses_of(tree, "datetime", {"now", "utcnow", "today"})

    assert found(check) == []


def test_no_import_hides_behind_type_checking():
    def check(path, tree):
        yield from uses_of(tree, "typing", {"TYPE_CHECKING"})

    assert found(check) == []


def test_functions_are_short():
    def check(path, tree):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = node.end_lineno - node.lineno + 1
                if lines > LONGEST_FUNCTION_LINES and f"{name_of(path)}:{node.name}" not in LONG_FUNCTIONS:
                    yield node.lineno, f"{node.name} has {lines} lines"

    assert found(check) == []


def test_modules_are_short():
    def check(path, tree):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST_MODULE_LINES:
            yield lines, f"{lines} lines"

    assert found(check) == []


def test_module_docstrings_are_short():
    def check(path, tree):
        lines = len((ast.get_docstring(tree) or "").splitlines())
        is_stream = path.parent.name == "streams"  # opens with a sample of its JSON
        if lines > LONGEST_MODULE_DOCSTRING_LINES and name_of(path) not in LONG_DOCSTRINGS and not is_stream:
            yield 1, f"{lines} lines of docstring"

    assert found(check) == []


def errors_below(cls):
    for child in cls.__subclasses__():
        yield child
        yield from errors_below(child)


def test_every_error_stands_in_errors_py_with_a_docstring_and_in_its_tree():
    every = {common.errors.PenstockError, *errors_below(common.errors.PenstockError)}
    elsewhere = {cls.__qualname__ for cls in every if cls.__module__ != "common.errors"}
    undocumented = {cls.__name__ for cls in every if not cls.__doc__}
    undrawn = {
        cls.__name__ for cls in every if cls.__name__ not in common.errors.__doc__.replace("─", " ").split()
    }
    assert (elsewhere, undocumented, undrawn) == (set(), set(), set())


def drawn_tree():
    """(depth, class name, is drawn as retriable) of each line of the tree in errors.py."""
    for line in common.errors.__doc__.splitlines():
        if "──" in line:
            name = line.split("──")[1].split()[0]
            yield line.index("──") // 4 + 1, name, "  retriable  " in line


def test_the_error_tree_is_drawn_as_it_is():
    parents = {0: "PenstockError"}
    for depth, name, is_retriable in drawn_tree():
        cls = getattr(common.errors, name)
        parents[depth] = name
        assert cls.__bases__[0].__name__ == parents[depth - 1], name
        assert cls.retriable is is_retriable, name


@pytest.mark.parametrize("part", PARTS)
def test_settings_that_are_durations_or_sizes_say_their_unit(part):
    kinds = {
        field.name: type(getattr(PARTS[part](), field.name)) for field in dataclasses.fields(PARTS[part])
    }
    numbers = {name for name, kind in kinds.items() if kind in (int, float)}
    assert {name for name in numbers - COUNTS if not name.endswith(UNITS)} == set()


def pure_modules():
    """What the import contract calls the core, as paths of modules that exist."""
    contracts = {contract["name"]: contract for contract in ALL_RULES["importlinter"]["contracts"]}
    for module in contracts["the core is pure"]["source_modules"]:
        path = ROOT / module.replace(".", "/")
        yield from (
            (path.with_suffix(".py"),) if path.with_suffix(".py").exists() else sorted(path.glob("[!_]*.py"))
        )


def modules_with_twins():
    """The core without the streams: `test_every_stream.py` holds each of them to what it owes."""
    return (path for path in pure_modules() if path.parent.name != "streams")


@pytest.mark.parametrize("path", [pytest.param(path, id=name_of(path)) for path in modules_with_twins()])
def test_each_pure_module_has_its_twin_test(path):
    twin = ROOT / "tests" / "unit" / path.relative_to(ROOT).with_name(f"test_{path.name}")
    assert twin.exists(), f"write {name_of(twin)}"


def test_what_calls_itself_pure_is_held_to_it():
    pure = {name_of(path) for path in pure_modules()}

    def check(path, tree):
        claims = re.search(r"\bPure[.;]", ast.get_docstring(tree) or "")
        if claims and name_of(path) not in pure:
            yield 1, "says that it is pure: name it in the contract of pyproject.toml"

    assert found(check) == []


def test_git_holds_no_secret_file_and_no_build():
    try:
        files = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=30
        ).stdout
    except FileNotFoundError:
        pytest.skip("git is not installed")
    unwanted = (".pyc", ".env", ".pem", ".key", ".jar")
    assert [name for name in files.splitlines() if name.endswith(unwanted)] == []
