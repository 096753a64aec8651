"""What build-all.sh writes, asks of the engine and says. The images themselves: tests/compose/test_images.py."""

import re
import subprocess

import pytest

from tests.support.build_all import SERVICES, checkout, note_taker, notes


@pytest.fixture
def folder(tmp_path):
    return checkout(tmp_path / "checkout")


@pytest.fixture
def engine(tmp_path):
    return note_taker(tmp_path)


@pytest.fixture
def build_all(folder, engine):
    """What the script printed, run with these arguments and variables."""

    def run(*arguments, **variables):
        command = [folder / "build-all.sh", *arguments]
        done = subprocess.run(command, env=engine | variables, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    return run


def builds(engine):
    return [call for call in notes(engine) if call.startswith("build ")]


def test_passwords_alone_are_written_without_an_engine(build_all, folder, engine):
    said = build_all("--passwords")
    written = {path.name for path in (folder / "infra" / "secrets").iterdir()}
    assert {"clickhouse_passwords", "clickhouse_ingest_password", "grafana_admin_password"} <= written
    assert (folder / "infra" / ".env").read_text() == (folder / "infra" / ".env.example").read_text()
    assert said.endswith("infra/secrets/ and infra/.env have all that Compose needs\n")
    assert notes(engine) == []


def test_passwords_that_are_there_stay_and_clickhouse_is_told_of_a_changed_one(build_all, folder):
    secrets = folder / "infra" / "secrets"
    build_all("--passwords")
    hashes, kept = (
        (secrets / "clickhouse_passwords").read_text(),
        (secrets / "clickhouse_ingest_password").read_text(),
    )
    (secrets / "clickhouse_reader_password").write_text("another")
    assert "wrote" not in build_all("--passwords")
    assert (secrets / "clickhouse_ingest_password").read_text() == kept
    assert (secrets / "clickhouse_reader_password").read_text() == "another"
    differs = [
        new
        for old, new in zip(
            hashes.splitlines(), (secrets / "clickhouse_passwords").read_text().splitlines(), strict=True
        )
        if old != new
    ]
    assert [re.match(r" *<(\w+)>", line)[1] for line in differs] == ["password_of_reader"]


def test_help_names_every_way_to_call_it(build_all, engine):
    said = build_all("--help")
    assert [
        word for word in ("1.2.0", "--passwords", "BASE_IMAGE", "PIP_INDEX_URL") if word not in said
    ] == []
    assert notes(engine) == []


def test_the_base_image_comes_from_the_file_that_compose_reads(build_all, folder, engine):
    build_all("--passwords")
    with (folder / "infra" / ".env").open("a") as file:
        file.write("BASE_IMAGE=registry.example/python:3.13\n")
    build_all()
    assert len(builds(engine)) == len(SERVICES)
    assert [call for call in builds(engine) if "BASE_IMAGE=registry.example/python:3.13 " not in call] == []


def test_the_environment_goes_before_that_file(build_all, folder, engine):
    build_all("--passwords")
    with (folder / "infra" / ".env").open("a") as file:
        file.write("BASE_IMAGE=registry.example/python:3.13\n")
    build_all(BASE_IMAGE="registry.example/python:3.14")
    assert [call for call in builds(engine) if "BASE_IMAGE=registry.example/python:3.14 " not in call] == []


def test_nobody_who_names_no_base_image_is_given_one(build_all, engine):
    build_all()
    assert [call for call in builds(engine) if "BASE_IMAGE" in call] == []


def test_images_under_another_tag_come_with_the_lines_that_make_compose_run_them(build_all):
    said = build_all("0.3.0")
    assert re.findall(r"^  (\w+_IMAGE=.*)$", said, re.MULTILINE) == [
        f"{service.upper()}_IMAGE={service}:0.3.0" for service in SERVICES
    ]


def test_images_that_compose_runs_already_come_without(build_all, folder):
    assert "_IMAGE=" not in build_all()
    with (folder / "infra" / ".env").open("a") as file:
        file.writelines(f"{service.upper()}_IMAGE={service}:0.3.0\n" for service in SERVICES)
    assert "_IMAGE=" not in build_all("--tag", "0.3.0")
    assert re.findall(r"^  (API_IMAGE=.*)$", build_all(), re.MULTILINE) == ["API_IMAGE=api:latest"]


def test_addresses_are_those_of_the_file_that_compose_reads(build_all, folder):
    build_all("--passwords")
    with (folder / "infra" / ".env").open("a") as file:
        file.write("API_PORT=8001\n")
    said = build_all()
    assert "http://localhost:8001/docs" in said
    assert "http://localhost:3000/" in said
