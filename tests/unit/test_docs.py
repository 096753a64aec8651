"""What the documents say is what the code does."""

import re
import tomllib
from pathlib import Path

import pytest

from common.commands.settings import markdown
from common.settings.config import reference
from common.streams import STREAMS
from consumer.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def project():
    return tomllib.loads(text_of("pyproject.toml"))["project"]


def rows_of(section, page="README.md"):
    """First cells of the table below a heading of a page."""
    text = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", text_of(page), re.DOTALL | re.MULTILINE)[1]
    return [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")][1:]


def test_the_table_of_settings_is_the_settings():
    table = re.search(r"<!-- settings -->\n(.*?)<!-- /settings -->", text_of("docs/settings.md"), re.DOTALL)
    assert table, "docs/settings.md needs the markers <!-- settings --> and <!-- /settings -->"
    assert table[1].strip() == markdown(reference()).strip(), "paste: python -m common.config --markdown"


def test_the_changelog_opens_with_the_version_of_the_package():
    versions = re.findall(r"^## \[?v?(\d+\.\d+\.\d+)", text_of("CHANGELOG.md"), re.MULTILINE)
    assert versions[:1] == [project()["version"]]


def test_the_images_say_the_version_of_the_package_when_they_are_told_none():
    dockerfiles = [f"{service}/Dockerfile" for service in ("consumer", "producer", "api")]
    told = {re.search(r"^ARG VERSION=(\S+)$", text_of(name), re.MULTILINE)[1] for name in dockerfiles}
    assert told == {project()["version"]}


def test_every_dependency_has_its_line():
    wanted = project()["dependencies"] + sum(project()["optional-dependencies"].values(), [])
    names = {re.match(r"[\w-]+", requirement)[0] for requirement in wanted}
    told = {
        name
        for cell in rows_of("Dependencies", "CONTRIBUTING.md")
        for name in re.sub(r"\(.*?\)", "", cell).split(",")
    }
    assert {name.strip() for name in told} == names


def test_every_stream_that_the_readme_tells_of_is_there():
    assert set(rows_of("Streams")) <= set(STREAMS)


def test_every_command_of_the_consumer_is_told_of():
    told = text_of("README.md") + text_of("docs/operations.md")
    assert [name for name in COMMANDS if f"consumer {name}" not in told] == []


def test_the_table_of_make_help_names_every_target():
    makefile = text_of("Makefile")
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())
    assert set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE)) == targets


PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    ROOT / "infra/README.md",
    ROOT / "consumer/PROTOCOL.md",
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_is_short_and_leads_to_every_page():
    readme = text_of("README.md")
    assert len(readme.splitlines()) <= 190
    led_to = {(ROOT / link).resolve() for link in re.findall(r"\]\(([^)#:\s]+)\)", readme)}
    assert [str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md") if page not in led_to] == []
