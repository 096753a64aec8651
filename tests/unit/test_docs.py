"""What the documents say is what the code does."""

import re
import tomllib
from pathlib import Path

import pytest

from common.config import markdown, reference

ROOT = Path(__file__).resolve().parents[2]


def text_of(name):
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"{name} is not written yet")
    return path.read_text(encoding="utf-8")


def test_the_settings_table_of_the_readme_is_the_settings():
    table = re.search(r"<!-- settings -->\n(.*?)<!-- /settings -->", text_of("README.md"), re.DOTALL)
    assert table, "README.md needs the markers <!-- settings --> and <!-- /settings -->"
    assert table[1].strip() == markdown(reference()).strip(), "paste: python -m common.config --markdown"


def test_the_changelog_opens_with_the_version_of_the_package():
    versions = re.findall(r"^## \[?v?(\d+\.\d+\.\d+)", text_of("CHANGELOG.md"), re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert versions[:1] == [project["version"]]


def test_the_table_of_make_help_names_every_target():
    makefile = text_of("Makefile")
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())
    assert set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE)) == targets
