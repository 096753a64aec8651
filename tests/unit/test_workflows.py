"""The workflows, as far as they can be tried without GitHub: their schema, their promises, and what their steps run."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.build_all import ROOT, SERVICES, checkout, note_taker, notes

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
TIMEOUT_S = 60


def workflow(name):
    """What a file says. YAML 1.1, as PyYAML reads it, makes the key `on` a truth."""
    read = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())
    return {"on" if key is True else key: value for key, value in read.items()}


def steps():
    """Every step of every job that has steps."""
    return [
        pytest.param(step, id=f"{path.stem}-{job}-{number}")
        for path in WORKFLOWS
        for job, does in workflow(path.stem)["jobs"].items()
        for number, step in enumerate(does.get("steps", ()), start=1)
    ]


def runs():
    return [param for param in steps() if "run" in param.values[0]]


def step_called(name):
    (found,) = [param.values[0] for param in steps() if param.values[0].get("name") == name]
    return found


def bash(script, *options, cwd=ROOT, **environment):
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", *options, "-c", script],
        cwd=cwd,
        env={"PATH": os.environ["PATH"]} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


@pytest.fixture
def engine(tmp_path):
    """The environment of a step that calls docker."""
    return note_taker(tmp_path)


def test_there_are_workflows():
    assert [path.stem for path in WORKFLOWS] == ["ci", "release"]


def test_each_is_what_github_expects():
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [checker, "--builtin-schema", "vendor.github-workflows", *WORKFLOWS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", [path.stem for path in WORKFLOWS])
def test_each_may_only_read_unless_a_job_says_more(name):
    assert workflow(name)["permissions"] == {"contents": "read"}
    assert "group" in workflow(name)["concurrency"]


def test_only_images_and_releases_are_written():
    given = {
        (job, scope)
        for path in WORKFLOWS
        for job, does in workflow(path.stem)["jobs"].items()
        for scope, right in does.get("permissions", {}).items()
        if right == "write"
    }
    assert given == {("images", "packages"), ("release", "contents")}


@pytest.mark.parametrize("name", [path.stem for path in WORKFLOWS])
def test_no_job_runs_for_ever(name):
    jobs = workflow(name)["jobs"].items()
    assert [job for job, does in jobs if "uses" not in does and "timeout-minutes" not in does] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_the_only_secret_is_the_token_that_every_run_has(path):
    assert set(re.findall(r"secrets\.(\w+)", path.read_text())) <= {"GITHUB_TOKEN"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_named_by_commit_with_their_version(path):
    used = re.findall(r"uses: (.*)", path.read_text())
    others = [action for action in used if not action.startswith("./")]
    assert others
    assert [
        action for action in others if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", action)
    ] == []
    assert [action for action in used if action.startswith("./") and not (ROOT / action).is_file()] == []


@pytest.mark.parametrize("step", runs())
def test_what_a_step_runs_is_bash(step):
    done = bash(step["run"], "-n")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("step", runs())
def test_values_reach_a_script_through_its_environment(step):
    assert "${{" not in step["run"]


@pytest.mark.parametrize("step", runs())
def test_what_a_step_calls_exists(step):
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    assert set(re.findall(r"\bmake ([a-z]+)", step["run"])) <= set(targets)
    scripts = re.findall(r"(?:^|\s)(\.[\w.-]*/[\w./-]+)", step["run"])
    assert [script for script in scripts if not os.access(ROOT / script, os.X_OK)] == []


def test_every_push_is_held_to_what_green_means():
    ci = workflow("ci")
    assert {"push", "pull_request", "workflow_call"} <= set(ci["on"])
    assert ".ci/run" in [step.get("run") for step in ci["jobs"]["green"]["steps"]]


def test_nothing_is_published_before_the_version_is_right_and_all_is_green():
    release = workflow("release")
    assert release["on"] == {"push": {"tags": ["v*"]}}
    jobs = release["jobs"]
    assert jobs["green"]["uses"] == "./.github/workflows/ci.yml"
    assert set(jobs["images"]["needs"]) == {"package", "green"}
    assert "images" in jobs["release"]["needs"]


def test_the_tag_of_a_release_is_the_version(tmp_path):
    output = tmp_path / "output"
    script = step_called("the tag is the version of the package")["run"]
    done = bash(script, GITHUB_REF_NAME=f"v{VERSION}", GITHUB_OUTPUT=str(output))
    assert (done.returncode, done.stderr, output.read_text()) == (0, "", f"version={VERSION}\n")


@pytest.mark.parametrize("tag", ["v0.0.1", VERSION, f"v{VERSION}-rc1", "v"])
def test_another_tag_stops_the_release(tag, tmp_path):
    output = tmp_path / "output"
    script = step_called("the tag is the version of the package")["run"]
    done = bash(script, GITHUB_REF_NAME=tag, GITHUB_OUTPUT=str(output))
    assert done.returncode == 1
    assert (tag in done.stderr, VERSION in done.stderr, output.exists()) == (True, True, False)


def test_images_of_a_release_say_where_they_come_from(engine, tmp_path):
    told = {
        "VERSION": VERSION,
        "GITHUB_SERVER_URL": "https://forge.example",
        "GITHUB_REPOSITORY": "Some/Penstock",
        "GITHUB_SHA": "c0ffee",
    }
    done = bash(step_called("build")["run"], cwd=checkout(tmp_path / "checkout"), **engine | told)
    assert done.returncode == 0, done.stdout + done.stderr
    calls = [line for line in notes(engine) if line.startswith("build ")]
    assert sorted(re.search(r"-t (\S+)", call)[1] for call in calls) == [f"{s}:{VERSION}" for s in SERVICES]
    for call in calls:
        assert "--label org.opencontainers.image.source=https://forge.example/Some/Penstock " in call
        assert "--label org.opencontainers.image.revision=c0ffee " in call
        assert f"--build-arg VERSION={VERSION} " in call


def test_the_text_of_a_release_is_its_section_of_the_changelog(tmp_path):
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## 1.10.0 (today)\n\n- New.\n\n## 1.1.0 (before)\n\n- Old.\n"
    )
    done = bash(step_called("notes")["run"], cwd=tmp_path, VERSION="1.10.0")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "notes.md").read_text().split("\n") == ["", "- New.", "", ""]
    assert "--notes-file notes.md" in step_called("release")["run"]


def test_a_version_that_the_changelog_does_not_have_is_not_released(tmp_path):
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.1.0 (before)\n\n- Old.\n")
    done = bash(step_called("notes")["run"], cwd=tmp_path, VERSION="1.1")
    assert (done.returncode, done.stderr) == (1, "CHANGELOG.md has no section 1.1\n")


def test_every_service_is_pushed_to_the_registry_of_the_repository(engine):
    told = {
        "VERSION": VERSION,
        "GITHUB_REPOSITORY": "Some/Penstock",
        "GITHUB_ACTOR": "somebody",
        "TOKEN": "s3cret",
    }
    done = bash(step_called("push")["run"], **engine | told)
    assert done.returncode == 0, done.stdout + done.stderr
    calls = notes(engine)
    assert calls[:2] == ["login ghcr.io --username somebody --password-stdin", "on stdin: s3cret"]
    pushed = sorted(call.removeprefix("push ") for call in calls if call.startswith("push "))
    assert pushed == [f"ghcr.io/some/penstock/{service}:{VERSION}" for service in SERVICES]
    for image in pushed:
        assert f"tag {image.rsplit('/', 1)[1]} {image}" in calls
