"""A wrong value stops `up` before anything runs."""

import shutil

import pytest

from tests.compose.project import INFRA, ONE_SHOTS, SERVICES, Project

FILES = ("docker-compose.yml", ".env.example", ".env_kafka", ".env_app", "clickhouse", "grafana", "secrets")


@pytest.mark.parametrize("program", ["v1", "v2"])
@pytest.mark.parametrize(
    ("right", "wrong", "line"),
    [
        ("PARTITIONS=4", "PARTITIONS=many", "PARTITIONS=many is not allowed: give "),
        (
            "PRODUCER_RATE=50",
            "PRODUCER_RATE=fast",
            "PRODUCER_RATE=fast is not allowed: give a number, above 0",
        ),
    ],
    ids=["setting", "option"],
)
def test_the_check_says_why_and_nothing_else_starts(
    program, right, wrong, line, request, engine, images, project_name, tmp_path
):
    for name in FILES:
        copy = shutil.copytree if (INFRA / name).is_dir() else shutil.copy
        copy(INFRA / name, tmp_path / name)
    settings = tmp_path / ".env_kafka"
    settings.write_text(settings.read_text().replace(right, wrong))
    project = Project(engine, request.getfixturevalue(program), f"{project_name}-wrong", images, tmp_path)
    project.down()
    try:
        done = project.run("up", "-d")
        assert done.returncode != 0
        check = project.container("check")
        check.reload()
        assert (check.attrs["State"]["ExitCode"], check.attrs["RestartCount"]) == (2, 0)
        said = check.logs().decode().splitlines()
        assert len(said) == 1
        assert said[0].startswith(line)
        for service in {*SERVICES, *ONE_SHOTS} - {"check"}:
            assert project.containers(service) == []
    finally:
        project.down()
    assert project.left() == []
