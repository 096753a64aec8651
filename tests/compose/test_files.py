"""What can be said of Dockerfiles, compose file and settings without an engine."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common.settings.config import check, reference
from tests.compose.project import INFRA, ROOT

HADOLINT = Path(sys.executable).with_name("hadolint")

# api/src/main/java/io/kafbat/ui/config/ClustersProperties.java of kafbat/kafka-ui: class Cluster.
KAFKA_UI_CLUSTER = {"NAME", "BOOTSTRAPSERVERS", "READONLY", "DEFAULTKEYSERDE", "DEFAULTVALUESERDE"}


def assignments(name):
    lines = (INFRA / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def compose_file():
    return (INFRA / "docker-compose.yml").read_text()


@pytest.mark.parametrize("program", ["v1", "v2"])
def test_both_composes_accept_the_file(program, request, tmp_path):
    command = [request.getfixturevalue(program), "--env-file", ".env.example", "config", "-q"]
    done = subprocess.run(
        command, cwd=INFRA, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint has no wheel for this platform")
@pytest.mark.parametrize("path", sorted(ROOT.glob("*/Dockerfile")), ids=lambda path: path.parent.name)
def test_hadolint_has_nothing_to_say(path):
    done = subprocess.run([HADOLINT, "--no-color", path], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", sorted(ROOT.glob("*/Dockerfile")), ids=lambda path: path.parent.name)
def test_dockerfiles_keep_to_what_every_builder_can(path):
    text = path.read_text()
    assert not re.search(r"^# *syntax=|--mount|--chmod|<<", text, re.MULTILINE)
    assert not re.search(r"https?://", text)


@pytest.mark.parametrize("name", [".env_kafka", ".env_app"])
def test_every_name_in_the_settings_files_is_one_of_ours(name):
    known = {row.variable for row in reference()} | {"CLICKHOUSE_PASSWORD_FILE"}
    assert set(assignments(name)) - known == set()


@pytest.mark.parametrize("name", [".env_kafka", ".env_app"])
def test_the_settings_files_are_allowed(name):
    given = {name: value for name, value in assignments(name).items() if not name.endswith("_FILE")}
    check(given)


def test_no_broker_gets_our_settings():
    brokers = compose_file().split("x-app:")[0]
    assert "env_file" not in brokers


def test_kafka_ui_is_told_what_it_documents():
    given = set(re.findall(r"KAFKA_CLUSTERS_0_(\w+)", compose_file()))
    assert given == KAFKA_UI_CLUSTER
    assert 'KAFKA_CLUSTERS_0_READONLY: "true"' in compose_file()


def test_nothing_that_can_be_scaled_has_a_name_or_a_port_of_its_own():
    assert "container_name" not in compose_file()
    for service in ("producer", "transformer", "consumer"):
        block = re.search(rf"^  {service}:\n((?:    .*\n|\n)+)", compose_file(), re.MULTILINE)
        assert block, service
        assert "ports" not in block[1]


def test_ports_of_later_services_are_free():
    assert not re.search(r":(8000|3000|3001)\b", compose_file())


def test_every_image_is_a_variable():
    images = re.findall(r"^\s+image: (.*)$", compose_file(), re.MULTILINE)
    assert len(images) == 5
    assert [image for image in images if not re.fullmatch(r"\$\{[A-Z_]+_IMAGE:-[^$}]+\}", image)] == []


def test_compose_has_no_nested_defaults():
    """Compose v1 turns ${A:-${B:-1}} silently into the text ${B:-1}."""
    assert not re.search(r"\$\{[^}]*\$\{", compose_file())


def test_the_example_names_every_variable_of_the_compose_file():
    used = set(re.findall(r"\$\{([A-Z0-9_]+)", compose_file())) - {"KAFKA_CLUSTER_ID"}
    example = (INFRA / ".env.example").read_text()
    named = dict(re.findall(r"^#?([A-Z0-9_]+)=(.*)$", example, re.MULTILINE))
    assert set(named) == used | {"COMPOSE_PROJECT_NAME"}
    defaults = dict(re.findall(r"\$\{([A-Z0-9_]+):-([^}]*)\}", compose_file()))
    assert {name: named[name] for name in used} == {name: defaults[name] for name in used}


def test_no_password_is_in_git():
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    listed = subprocess.run(
        ["git", "ls-files", "infra/secrets", "infra/.env"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert listed.stdout == ""
