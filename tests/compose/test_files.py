"""What can be said of Dockerfiles, compose file and settings without an engine."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml  # type: ignore[import-untyped]

from common.settings.config import check, reference
from tests.compose.project import INFRA, METABASE, METABASE_SETUP, ONE_SHOTS, ROOT, SERVICES

HADOLINT = Path(sys.executable).with_name("hadolint")


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


@pytest.mark.parametrize("program", ["v1", "v2"])
def test_an_empty_list_of_plugins_is_empty_for_both(program, request, tmp_path):
    settings = tmp_path / "env"
    settings.write_text("GRAFANA_PLUGINS=\n")
    command = [request.getfixturevalue(program), "--env-file", settings, "config"]
    done = subprocess.run(
        command, cwd=INFRA, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    grafana = yaml.safe_load(done.stdout)["services"]["grafana"]
    assert grafana["environment"]["GF_PLUGINS_PREINSTALL_SYNC"] == ""


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


def test_nothing_that_can_be_scaled_has_a_name_or_a_port_of_its_own():
    assert "container_name" not in compose_file()
    for service in ("producer", "transformer", "consumer"):
        block = re.search(rf"^  {service}:\n((?:    .*\n|\n)+)", compose_file(), re.MULTILINE)
        assert block, service
        assert "ports" not in block[1]


def services():
    return yaml.safe_load(compose_file())["services"]


def test_nothing_outside_of_a_profile_depends_on_what_is_in_it():
    profiles = {name: service.get("profiles", []) for name, service in services().items()}
    assert {name for name, given in profiles.items() if given} == {*METABASE, METABASE_SETUP}
    for name, service in services().items():
        for other in service.get("depends_on", {}):
            assert not profiles[other] or profiles[other] == profiles[name], (name, other)


def limits(*names):
    """MiB that these services may take together."""
    found = [re.fullmatch(r"(\d+)m", services()[name]["mem_limit"]) for name in names]
    return sum(int(limit[1]) for limit in found)


def test_limits_of_memory_are_within_six_gib_and_with_metabase_within_eight():
    once = {*ONE_SHOTS, METABASE_SETUP}
    assert set(services()) == {*SERVICES, *METABASE} | once
    assert limits(*SERVICES) <= 6 * 1024
    assert limits(*SERVICES, *METABASE) <= 8 * 1024
    assert f"limits of {limits(*SERVICES) / 1024:.2g} GiB" in (ROOT / "infra/README.md").read_text()


def test_every_image_is_a_variable():
    images = re.findall(r"^\s+image: (.*)$", compose_file(), re.MULTILINE)
    assert len(images) == 9
    assert [image for image in images if not re.fullmatch(r"\$\{[A-Z_]+_IMAGE:-[^$}]+\}", image)] == []


def test_compose_has_no_nested_defaults():
    """Compose v1 turns ${A:-${B:-1}} silently into the text ${B:-1}."""
    assert not re.search(r"\$\{[^}]*\$\{", compose_file())


def test_the_example_names_every_variable_of_the_compose_file():
    used = set(re.findall(r"\$\{([A-Z0-9_]+)", compose_file()))
    example = (INFRA / ".env.example").read_text()
    named = dict(re.findall(r"^#?([A-Z0-9_]+)=(.*)$", example, re.MULTILINE))
    assert set(named) == used | {"COMPOSE_PROJECT_NAME"}
    defaults = dict(re.findall(r"\$\{([A-Z0-9_]+):?-([^}]*)\}", compose_file()))
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


def test_what_clickhouse_writes_about_itself_is_whole_sections():
    """A file of somebody else (an operator's) may give them an engine; beside a ttl the server does not start then."""
    config = ElementTree.parse(INFRA / "clickhouse/config.d/penstock.xml").getroot()
    logs = [each for each in config if each.tag.endswith("_log") and each.get("remove") is None]
    assert {each.tag for each in logs} == {"query_log", "part_log", "error_log"}
    for each in logs:
        assert each.get("replace") == "1", each.tag
        assert [each.findtext(name) for name in ("database", "table")] == ["system", each.tag]
        assert "INTERVAL 3 DAY" in (each.findtext("ttl") or "")
