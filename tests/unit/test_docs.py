"""What the documents say is what the code does."""

import re
import tomllib
from pathlib import Path

from common.commands.settings import markdown
from common.settings.config import reference
from common.streams import STREAMS
from consumer.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def project():
    return tomllib.loads(text_of("pyproject.toml"))["project"]


def rows_of(section):
    """First cells of the table below a heading of the README."""
    text = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", text_of("README.md"), re.DOTALL | re.MULTILINE)[1]
    return [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")][1:]


def test_the_settings_table_of_the_readme_is_the_settings():
    table = re.search(r"<!-- settings -->\n(.*?)<!-- /settings -->", text_of("README.md"), re.DOTALL)
    assert table, "README.md needs the markers <!-- settings --> and <!-- /settings -->"
    assert table[1].strip() == markdown(reference()).strip(), "paste: python -m common.config --markdown"


def test_the_changelog_opens_with_the_version_of_the_package():
    versions = re.findall(r"^## \[?v?(\d+\.\d+\.\d+)", text_of("CHANGELOG.md"), re.MULTILINE)
    assert versions[:1] == [project()["version"]]


def test_the_images_say_the_version_of_the_package_when_they_are_told_none():
    dockerfiles = [f"{service}/Dockerfile" for service in ("consumer", "producer")]
    told = {re.search(r"^ARG VERSION=(\S+)$", text_of(name), re.MULTILINE)[1] for name in dockerfiles}
    assert told == {project()["version"]}


def test_every_dependency_has_its_line_in_the_readme():
    wanted = project()["dependencies"] + sum(project()["optional-dependencies"].values(), [])
    names = {re.match(r"[\w-]+", requirement)[0] for requirement in wanted}
    told = {name for cell in rows_of("Dependencies") for name in re.sub(r"\(.*?\)", "", cell).split(",")}
    assert {name.strip() for name in told} == names


def test_every_stream_that_the_readme_tells_of_is_there():
    assert set(rows_of("Streams")) <= set(STREAMS)


def test_every_command_of_the_consumer_is_in_the_readme():
    told = text_of("README.md")
    assert [name for name in COMMANDS if f"consumer {name}" not in told] == []


def test_the_table_of_make_help_names_every_target():
    makefile = text_of("Makefile")
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())
    assert set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE)) == targets
