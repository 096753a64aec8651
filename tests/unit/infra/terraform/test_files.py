"""Terraform's files hold to the provider's schema, and pass on what was decided under the provider's own names."""

import re
import shutil

import hcl2
import pytest

from tests.support.docker_provider.check import NOTES, complaints, is_blocks
from tests.support.docker_provider.extract import stored
from tests.support.terraform import (
    INFRA,
    NO_TERRAFORM,
    ROOT,
    TERRAFORM,
    Refused,
    has_terraform,
    parsed,
    run,
    sources,
    values,
)

SCHEMA = stored()
CONTAINER = TERRAFORM / "container"
FILES = {
    "providers.tf",
    "images.tf",
    "containers.tf",
    "volumes.tf",
    "variables.tf",
    "outputs.tf",
    "network.tf",
}
FROM_OUTSIDE = {"image": "${var.image_id}"}
NOT_PASSED_ON = {"image", "alias", "address"}  # by id, as the name in the network, in a message

RIGHT = """
resource "docker_container" "this" {
  name  = "kafka-1"
  image = docker_image.this["kafka"].image_id
  env   = ["KAFKA_NODE_ID=1"]

  ports {
    internal = 9092
  }

  lifecycle {
    postcondition {
      condition     = self.exit_code == 0
      error_message = "It failed."
    }
  }
}
"""


def test_the_files_that_the_readers_of_the_originals_look_for_are_there():
    assert {path.name for path in TERRAFORM.glob("*.tf")} >= FILES


@pytest.mark.skipif(not has_terraform(), reason=NO_TERRAFORM)
def test_terraform_has_nothing_to_format():
    assert run(TERRAFORM, "fmt", "-check", "-recursive", "-diff") == ""


@pytest.mark.skipif(not has_terraform(), reason=NO_TERRAFORM)
def test_a_file_out_of_shape_is_noticed(tmp_path):
    shutil.copytree(TERRAFORM, tmp_path / "terraform")
    (tmp_path / "terraform" / "container" / "ugly.tf").write_text("locals {\n a=1\n}\n")
    with pytest.raises(Refused, match=r"container/ugly\.tf"):
        run(tmp_path / "terraform", "fmt", "-check", "-recursive")


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(TERRAFORM).as_posix())
def test_the_provider_would_take_every_argument(path):
    assert complaints(parsed(path), SCHEMA) == []


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        pytest.param("env  ", "envs ", "docker_container.this: envs is no argument", id="unknown argument"),
        pytest.param('name  = "kafka-1"', "", "docker_container.this: name is missing", id="missing"),
        pytest.param(
            "internal", "external", "docker_container.this: ports: internal is missing", id="missing inside"
        ),
        pytest.param(
            "internal", "inside ", "docker_container.this: ports: inside is no argument", id="unknown inside"
        ),
        pytest.param("ports {", "port {", "docker_container.this: port is no block", id="unknown block"),
        pytest.param(
            "ports {", "dns {", "docker_container.this: dns is an argument, not a block", id="no block"
        ),
        pytest.param(
            'env   = ["KAFKA_NODE_ID=1"]',
            "healthcheck = []",
            "docker_container.this: healthcheck is a block, not an argument",
            id="no argument",
        ),
        pytest.param('["KAFKA_NODE_ID=1"]', '"KAFKA_NODE_ID=1"', "env is not of type list", id="wrong type"),
        pytest.param("9092", '"all"', "internal is not of type number", id="wrong type inside"),
        pytest.param(
            "lifecycle {",
            "capabilities {}\ncapabilities {}\nlifecycle {",
            "capabilities may stand once",
            id="twice",
        ),
        pytest.param(
            '"docker_container"', '"docker_compose"', "docker_compose: no such resource", id="resource"
        ),
        pytest.param(".image_id", ".latest", "docker_image: latest cannot be read", id="reference"),
        pytest.param("exit_code", "exit_status", "self.exit_status cannot be read", id="self"),
    ],
)
def test_what_the_provider_would_refuse_is_found(right, wrong, said):
    assert complaints(hcl2.loads(RIGHT), SCHEMA) == []
    assert right in RIGHT
    assert [words for words in complaints(hcl2.loads(RIGHT.replace(right, wrong)), SCHEMA) if said in words]


def test_a_wrong_block_is_found_where_it_is_dynamic():
    wrong = RIGHT.replace("ports {", 'dynamic "ports" {\nfor_each = [1]\ncontent {').replace(
        "9092\n  }", "9092\n}\n}"
    )
    assert complaints(hcl2.loads(wrong), SCHEMA) == []
    assert complaints(hcl2.loads(wrong.replace('"ports"', '"port"')), SCHEMA) == [
        "docker_container.this: port is no block"
    ]
    assert complaints(hcl2.loads(wrong.replace("internal", "inside")), SCHEMA)


def test_a_wrong_argument_of_the_provider_is_found():
    wrong = hcl2.loads('provider "docker" {\n  address = "unix:///var/run/docker.sock"\n}\n')
    assert complaints(wrong, SCHEMA) == ["provider docker: address is no argument"]


def test_both_modules_want_the_provider_whose_schema_is_checked():
    name, version = SCHEMA["about"]["provider"].split()
    for path in (TERRAFORM / "providers.tf", CONTAINER / "main.tf"):
        [wanted] = parsed(path)["terraform"][0]["required_providers"]
        assert wanted["docker"]["source"] == f'"{name}"', path
        assert wanted["docker"]["version"] == f'"~> {version.rpartition(".")[0]}"', path


def container():
    [[resource]] = (
        [*labelled['"docker_container"'].values()] for labelled in parsed(CONTAINER / "main.tf")["resource"]
    )
    return resource


def test_the_module_passes_every_argument_on_under_its_own_name():
    arguments = {
        name: value for name, value in container().items() if name not in NOTES and not is_blocks(value)
    }
    del arguments["dynamic"]
    assert arguments == {name: f"${{var.container.{name}}}" for name in arguments} | FROM_OUTSIDE


def dynamic_blocks():
    found = {}
    for labelled in container()["dynamic"]:
        for label, body in labelled.items():
            found[label.strip('"')] = body
    return found


def test_the_module_passes_every_block_on_under_its_own_name():
    for name, body in dynamic_blocks().items():
        [content] = body["content"]
        del content["__is_block__"]
        assert body["for_each"] == f"${{var.container.{name}}}"
        assert content == {key: f"${{{name}.value.{key}}}" for key in content}


@pytest.mark.skipif(not has_terraform(), reason=NO_TERRAFORM)
def test_the_module_forgets_nothing_that_it_is_given(tmp_path):
    passed_on = {name for name in container() if not name.startswith("__")} | set(dynamic_blocks())
    for service, given in values(tmp_path)["containers"].items():
        assert set(given) - NOT_PASSED_ON - passed_on == set(), service
        for name, body in dynamic_blocks().items():
            for block in given[name]:
                assert set(block) == set(body["content"][0]) - {"__is_block__"}, (service, name)


def test_a_container_joins_the_network_under_the_name_of_its_service():
    [joined] = container()["networks_advanced"]
    assert joined["name"] == "${var.network}"
    assert joined["aliases"] == ["${var.container.alias}"]


def test_a_one_shot_that_fails_stops_the_waves_after_it():
    [lifecycle] = container()["lifecycle"]
    [condition] = lifecycle["postcondition"]
    assert condition["condition"] == "${!var.container.attach || self.exit_code == 0}"


@pytest.mark.parametrize("name", [".env_kafka", ".env_app"])
def test_settings_files_hold_what_every_reader_of_them_reads_alike(name):
    """Of quotes, $ and comments behind a value Compose 1, Compose 2 and Terraform make different things."""
    lines = (INFRA / name).read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"(#.*|[A-Z0-9_]+=[^\s\"'#$]*)?", line)] == []


def test_git_keeps_no_state_and_no_variables_of_ours():
    ignored = (ROOT / ".gitignore").read_text().split()
    assert {".terraform/", "*.tfstate", "*.tfstate.*", "*.tfvars"} <= set(ignored)
