"""Terraform starts what docker-compose.yml starts: the same services, settings, limits and order."""

import re

import pytest

from tests.support import compose_settings, terraform_settings
from tests.support.docker_provider.check import fits
from tests.support.docker_provider.extract import stored
from tests.support.terraform import (
    INFRA,
    NO_TERRAFORM,
    ROOT,
    TERRAFORM,
    Refused,
    has_terraform,
    parsed,
    values,
)

pytestmark = pytest.mark.skipif(not has_terraform(), reason=NO_TERRAFORM)

COMPOSE = compose_settings.default_stack()
WAVES = ("first", "second", "third", "fourth")


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    return values(tmp_path_factory.mktemp("stack"))


def test_it_has_the_services_of_the_default_stack(stack):
    assert set(stack["containers"]) == set(COMPOSE)


@pytest.mark.parametrize("service", COMPOSE)
def test_a_service_is_what_it_is_under_compose(stack, service):
    assert terraform_settings.of_stack(stack)[service] == COMPOSE[service]


def test_it_has_the_volumes_that_the_default_stack_uses(stack):
    assert set(stack["volumes"]) == {name for service in COMPOSE.values() for name in service["volumes"]}


def test_services_call_each_other_by_the_same_names(stack):
    assert {name: container["alias"] for name, container in stack["containers"].items()} == {
        name: name for name in COMPOSE
    }


def test_secrets_are_those_files_that_compose_mounts():
    declared = compose_settings.document()["secrets"]
    assert {name: secret["file"] for name, secret in declared.items()} == {
        name: f"./secrets/{name}" for name in declared
    }


def test_whoever_is_waited_for_stands_in_an_earlier_wave(stack):
    waves = {name: number for number, wave in enumerate(WAVES) for name in stack[wave]}
    assert set(waves) == set(COMPOSE)
    late = [
        (name, other)
        for name, service in COMPOSE.items()
        for other in service["after"]
        if waves[other] >= waves[name]
    ]
    assert late == []


def test_a_wave_waits_for_the_one_before_it():
    modules = {
        label.strip('"'): body
        for found in parsed(TERRAFORM / "containers.tf")["module"]
        for label, body in found.items()
    }
    assert tuple(modules) == WAVES
    before = dict(zip(WAVES[1:], WAVES[:-1], strict=True))
    for name, body in modules.items():
        awaited = {"${docker_volume.this}"} | ({f"${{module.{before[name]}}}"} if name in before else set())
        assert set(body["depends_on"]) == awaited
        assert body["for_each"] == f"${{{{for name in local.{name} : name => local.containers[name]}}}}"


def test_what_compose_wants_completed_is_waited_for_until_its_end_and_what_it_wants_healthy_until_then(stack):
    wanted = {(other, state) for service in COMPOSE.values() for other, state in service["after"].items()}
    containers = stack["containers"]
    assert {name for name, it in containers.items() if it["attach"]} == {
        name for name, how in wanted if how == "completed"
    }
    assert {name for name, it in containers.items() if it["wait"]} == {
        name for name, how in wanted if how == "healthy"
    }


def test_nobody_waits_for_the_health_of_a_service_that_has_no_check(stack):
    assert [name for name, it in stack["containers"].items() if it["wait"] and not it["healthcheck"]] == []


def test_a_one_shot_may_end_and_a_service_may_not(stack):
    for name, container in stack["containers"].items():
        assert container["must_run"] == (COMPOSE[name]["restart"] == "unless-stopped"), name


def test_terraform_gives_a_container_as_long_to_stop_as_docker_does(stack):
    graces = {name: it["destroy_grace_seconds"] for name, it in stack["containers"].items()}
    assert graces == {name: service["stop_s"] for name, service in COMPOSE.items()}


def test_durations_are_written_as_go_writes_them(stack):
    """Otherwise the provider reads back another text than it was given, and every plan replaces the container."""
    written = [
        check[name]
        for container in stack["containers"].values()
        for check in container["healthcheck"]
        for name in ("interval", "timeout", "start_period")
        if check[name]
    ]
    assert "2m0s" in written
    assert [text for text in written if not re.fullmatch(r"([1-9]\d*m)?[1-5]?\ds", text)] == []


def test_another_service_is_one_entry(tmp_path):
    late = 'late = merge(local.app, { image = "late:1", memory = 64, after = { topics = "completed" } })'
    stack = values(tmp_path, service=late)
    added = terraform_settings.of_stack(stack)["late"]
    assert (added["image"], added["after"], added["read_only"]) == ("late:1", {"topics": "completed"}, True)
    assert "late" in stack["fourth"]


def test_the_service_that_the_page_adds_is_added(tmp_path):
    page = (ROOT / "docs" / "terraform.md").read_text()
    stack = values(
        tmp_path, service=re.search(r"^    second-consumer = .*?^    }\)$", page, re.DOTALL | re.MULTILINE)[0]
    )
    assert terraform_settings.of_stack(stack)["second-consumer"] == COMPOSE["consumer"]


def test_a_service_that_needs_a_fifth_wave_is_refused_in_words(tmp_path):
    with pytest.raises(Refused, match="Four waves are not enough for late: add a fifth"):
        values(tmp_path, service='late = merge(local.app, { image = "late:1", after = { api = "started" } })')


def test_what_a_service_says_is_of_the_types_that_the_provider_wants(stack):
    resource = stored()["resources"]["docker_container"]
    for service, container in stack["containers"].items():
        for name, value in container.items():
            if name in resource["attributes"]:
                assert fits(value, resource["attributes"][name]["type"]), (service, name, value)
            for block in value if name in resource["blocks"] else []:
                kinds = resource["blocks"][name]["attributes"]
                assert all(fits(inner, kinds[key]["type"]) for key, inner in block.items()), (
                    service,
                    name,
                    block,
                )


def test_outputs_tell_where_each_port_leads(stack):
    told = str(stack["outputs"])
    ports = {outside for service in COMPOSE.values() for _, outside, _ in service["ports"]}
    assert [port for port in ports if f"localhost:{port}" not in told] == []


def test_files_and_settings_that_are_mounted_or_read_exist():
    mounted = {below for service in COMPOSE.values() for below, _, _ in service["files"]}
    assert [below for below in mounted if not (INFRA / below).exists()] == []
