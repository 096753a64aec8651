"""docs/verified.md forgets no image, no file of configuration and no command, and names none that is not there."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "verified.md"
WAYS = {"run here", "stand-in", "schema-checked", "never run"}
DEFAULT = re.compile(r"\$\{\w+:?-([^}]*)\}")

# Made by build-all.sh and by running, and in no checkout; programs, which are code, and what people read.
NO_CONFIGURATION = ("infra/secrets/*", "infra/.env", "*/__pycache__/*", "*.py", "*.md")


def rows(section):
    """The cells of each row in the table below a heading."""
    text = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE)[1]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


def first_cells(section):
    return {name for row in rows(section) for name in names(row[0])}


def images_of_compose():
    services = yaml.safe_load((ROOT / "infra" / "docker-compose.yml").read_text())["services"].values()
    told = [service["image"] for service in services] + [
        argument for service in services for argument in service.get("build", {}).get("args", {}).values()
    ]
    return {DEFAULT.sub(r"\1", image) for image in told}


def images_of_dockerfiles():
    """What they start from, of arguments the default."""
    for path in sorted(ROOT.glob("*/Dockerfile")):
        text = path.read_text()
        arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE))
        for image in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
            yield re.sub(r"\$\{(\w+)\}", lambda found, known=arguments: known[found[1]], image)


def configuration():
    every = [path for folder in ("infra", ".github") for path in (ROOT / folder).rglob("*") if path.is_file()]
    files = [path.relative_to(ROOT).as_posix() for path in every + sorted(ROOT.glob("*/Dockerfile"))]
    return sorted(name for name in files if not any(fnmatch(name, pattern) for pattern in NO_CONFIGURATION))


def images_elsewhere():
    """(file, image) of each `image: x:y` and each "x:y" of a line about images, in what is no compose file."""
    for name in configuration():
        for line in (ROOT / name).read_text(errors="replace").splitlines():
            told = re.search(r"""image['"]?\s*[:=]\s*['"]?([\w./-]+:[\w.-]+)['"]?\s*$""", line, re.IGNORECASE)
            if told and not name.endswith("docker-compose.yml"):
                yield name, told[1]


def tags():
    """Name → tags, of the images in the page."""
    found = {}
    for image in first_cells("Images"):
        name, tag = image.rsplit(":", 1)
        found.setdefault(name, set()).add(tag)
    return found


def test_there_is_something_to_hold_it_to():
    assert "infra/docker-compose.yml" in configuration()
    assert "apache/kafka:4.3.1" in images_of_compose()
    assert set(images_of_dockerfiles()) == {"python:3.13-slim-trixie"}


def test_every_image_has_its_row():
    used = images_of_compose() | set(images_of_dockerfiles())
    assert used - first_cells("Images") == set()
    assert [(name, image) for name, image in images_elsewhere() if image not in first_cells("Images")] == []


@pytest.mark.parametrize("name", [*configuration(), "README.md", "build-all.sh"])
def test_an_image_has_the_same_tag_wherever_it_is_named(name):
    text = (ROOT / name).read_text(errors="replace")
    for image, known in tags().items():
        told = re.findall(rf"(?<![\w./-]){re.escape(image)}:([\w][\w.-]*\w)", text)
        assert "/" not in image or set(told) <= known, image


def test_every_image_has_a_source():
    assert [row for row in rows("Images") if len(row) != 4 or not row[3]] == []


def test_every_file_of_configuration_has_its_row():
    named = {path.relative_to(ROOT).as_posix() for name in first_cells("Files") for path in ROOT.glob(name)}
    assert [name for name in configuration() if name not in named] == []


def test_every_file_that_it_names_is_there():
    assert [name for name in first_cells("Files") if not any(ROOT.glob(name))] == []


@pytest.mark.parametrize("section", ["Files", "Commands"])
def test_every_test_that_it_names_is_there(section):
    told = {name for row in rows(section) for name in names(row[3])}
    assert told
    assert [name for name in told if not name.startswith("tests/") or not any(ROOT.glob(name))] == []


def test_what_was_run_here_or_checked_says_by_which_test():
    assert [row[0] for row in rows("Files") if row[1] != "never run" and not names(row[3])] == []


@pytest.mark.parametrize("section", ["Images", "Files", "Commands"])
def test_each_row_says_how_in_one_of_four_ways(section):
    assert rows(section)
    assert {row[1] for row in rows(section)} <= WAYS
    assert {len(row) for row in rows(section)} == {4}


def test_every_target_of_make_has_its_row():
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    assert {f"make {target}" for target in targets} - first_cells("Commands") == set()
