"""The stack once through Compose v1: up, scale, audit, down."""

import pytest

from tests.compose.conftest import Timed
from tests.compose.project import METABASE, METABASE_SETUP, ONE_SHOTS, PROFILE, SERVICES, Project, entered


@pytest.fixture
def stack(engine, v1, images, project_name):
    project = Project(engine, v1, f"{project_name}-v1", images)
    project.down()
    yield project
    project.down()


def test_v1_reads_the_services_of_the_profile_too(stack):
    services = stack.do("--profile", PROFILE, "config", "--services").split()
    assert set(services) == {*ONE_SHOTS, *SERVICES, *METABASE, METABASE_SETUP}


def test_v1_brings_it_up_scales_it_and_takes_it_down(stack):
    with Timed("v1 up to healthy"):
        stack.up(consumer=3)
        stack.await_healthy(consumer=3)
    stack.await_shares([1, 1, 2])
    stack.await_more_rows()
    stack.up(consumer=1)
    stack.await_shares([4])
    stack.do("stop", "producer")
    report = stack.audit("--wait", "120")
    assert (report["missing"], report["repeated"], report["exit_code"]) == (0, 0, 0), report
    sent, acknowledged, failed = stack.produced()
    assert acknowledged <= entered(report) <= sent
    assert failed or entered(report) == acknowledged
    stack.down()
    assert stack.left() == []
