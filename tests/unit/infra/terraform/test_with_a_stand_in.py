"""Terraform itself reads, plans and applies our files, with a provider of the real one's schema that starts nothing.

What it cannot show is what the real provider does with its engine.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import compose_settings
from tests.support.docker_provider import extract
from tests.support.terraform import INFRA, NO_TERRAFORM, Refused, has_terraform, run

SOURCE = Path(extract.__file__).with_name("stand_in")
VERSION = extract.PROVIDER.split()[-1]
BUILD_TIMEOUT_S = 900
COMPOSE = compose_settings.default_stack()
OTHERS = {"docker_image": {it["image"] for it in COMPOSE.values()}, "docker_network": {"penstock"}}

pytestmark = [
    pytest.mark.long,  # compiling takes a minute where nothing is cached
    pytest.mark.timeout(BUILD_TIMEOUT_S + 120),
    pytest.mark.skipif(not has_terraform(), reason=NO_TERRAFORM),
    pytest.mark.skipif(shutil.which("go") is None, reason="go is not installed: it builds the stand-in"),
]


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    """A folder of providers, as Terraform wants it, with one in it."""
    folder = tmp_path_factory.mktemp("mirror")
    shutil.copy(INFRA / "terraform" / "providers.tf", folder)
    shutil.copy(INFRA / "terraform" / "variables.tf", folder)
    address = re.search(r"provider\[(\S+)\]", run(folder, "providers"))[1]
    platform = re.search(r"^on (\w+)$", run(folder, "version"), re.MULTILINE)[1]
    place = folder / address / VERSION / platform
    place.mkdir(parents=True)
    command = ["go", "build", "-o", str(place / f"terraform-provider-docker_v{VERSION}"), "."]
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    return folder


class Stack:
    """A copy of the files, to which Terraform is applied."""

    def __init__(self, folder, mirror):
        self._folder = folder / "infra" / "terraform"
        self._journal = folder / "journal"
        shutil.copytree(
            INFRA, folder / "infra", ignore=shutil.ignore_patterns("secrets", ".terraform*", "*.tfstate*")
        )
        configuration = folder / "cli.tfrc"
        configuration.write_text(
            f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
        )
        self._environment = {
            "TF_CLI_CONFIG_FILE": str(configuration),
            "STAND_IN_SCHEMA": str(extract.SCHEMA),
            "STAND_IN_JOURNAL": str(self._journal),
        }
        self.terraform("init", "-no-color")

    def terraform(self, *arguments, **environment):
        return run(self._folder, *arguments, environment=self._environment | environment)

    def apply(self, *arguments, **environment):
        return self.terraform(
            "apply", "-auto-approve", "-input=false", "-no-color", *arguments, **environment
        )

    def noted(self):
        """(what, kind, name) of each line of the journal, which then begins anew."""
        lines = [tuple(line.split()) for line in self._journal.read_text().splitlines()]
        self._journal.unlink()
        return lines

    def change(self, name, right, wrong):
        path = self._folder / name
        assert right in path.read_text()
        path.write_text(path.read_text().replace(right, wrong))


@pytest.fixture
def stack(tmp_path, mirror):
    return Stack(tmp_path, mirror)


def test_the_files_are_valid(stack):
    assert "Success!" in stack.terraform("validate", "-no-color")


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        pytest.param(
            "env  ", "envs ", 'An argument named "envs" is not expected here', id="unknown argument"
        ),
        pytest.param("  name    = var.network\n", "", 'The argument "name" is required', id="missing"),
        pytest.param(
            'dynamic "ports"', 'dynamic "port"', 'Blocks of type "port" are not expected here', id="block"
        ),
        pytest.param(
            "= var.container.env", "= var.container.envs", "Unsupported attribute", id="unknown fact"
        ),
        pytest.param("self.exit_code == 0", "self.exit_status == 0", "Unsupported attribute", id="reading"),
    ],
)
def test_terraform_refuses_what_the_schema_does_not_have(stack, right, wrong, words):
    stack.change("container/main.tf", right, wrong)
    with pytest.raises(Refused, match=re.escape(words)):
        stack.terraform("validate", "-no-color")


def test_each_container_begins_when_those_it_needs_have_ended_their_start(stack):
    stack.apply()
    noted = stack.noted()
    containers = [
        (what, name.removeprefix("penstock-")) for what, kind, name in noted if kind == "docker_container"
    ]
    assert {name for _, name in containers} == set(COMPOSE)
    for name, service in COMPOSE.items():
        for other in service["after"]:
            assert containers.index(("ends", other)) < containers.index(("begins", name))
    for kind, names in OTHERS.items():
        assert {name for _, other, name in noted if other == kind} == names


def test_a_second_apply_changes_nothing_and_destroy_leaves_nothing(stack):
    stack.apply()
    begun = {(kind, name) for what, kind, name in stack.noted() if what == "begins"}
    assert "No changes." in stack.apply()
    stack.terraform("destroy", "-auto-approve", "-no-color")
    assert {(kind, name) for what, kind, name in stack.noted() if what == "deleted"} == begun


def test_containers_can_be_removed_without_the_data(stack):
    stack.apply()
    stack.noted()
    stack.terraform("destroy", "-auto-approve", "-no-color", "-target=module.first")
    deleted = stack.noted()
    assert {(what, kind) for what, kind, _ in deleted} == {("deleted", "docker_container")}
    assert len(deleted) == len(COMPOSE)
    stack.apply()
    assert {kind for _, kind, _ in stack.noted()} == {"docker_container"}


def test_a_container_can_be_replaced_alone(stack):
    stack.apply()
    stack.noted()
    stack.change("services.tf", "-Xmx384m", "-Xmx400m")
    stack.apply('-target=module.second["kafka-1"]')
    assert stack.noted() == [
        ("deleted", "docker_container", "penstock-kafka-1"),
        ("begins", "docker_container", "penstock-kafka-1"),
        ("ends", "docker_container", "penstock-kafka-1"),
    ]


def started(noted):
    return {
        name.removeprefix("penstock-")
        for what, kind, name in noted
        if (what, kind) == ("begins", "docker_container")
    }


def test_a_one_shot_that_fails_stops_the_start_until_it_is_run_again(stack):
    with pytest.raises(Refused, match="penstock-check ended with 1") as refused:
        stack.apply(STAND_IN_FAILS="penstock-check")
    assert started(stack.noted()) == {"check"}
    words = " ".join(str(refused.value).split())
    address = re.search(r"-replace='(\S+)'", words)[1]
    with pytest.raises(Refused, match="penstock-check ended with 1"):
        stack.apply()
    stack.apply(f"-replace={address}")
    assert started(stack.noted()) == set(COMPOSE)


def test_a_changed_setting_replaces_whoever_is_told_it(stack):
    stack.apply()
    stack.noted()
    stack.change("../.env_kafka", "PRODUCER_RATE=50", "PRODUCER_RATE=51")
    stack.apply()
    told = {name for name, service in COMPOSE.items() if "PRODUCER_RATE" in service["environment"]}
    assert started(stack.noted()) == told
    assert {"producer", "check"} <= told


def test_what_is_sensitive_is_shown_nowhere(stack):
    login = {
        "TF_VAR_registry_address": "registry.example.org",
        "TF_VAR_registry_password": "do-not-tell",
        "TF_VAR_grafana_alert_url": "https://example.org/?key=do-not-show",
    }
    said = stack.apply(**login) + stack.terraform("show", **login)
    assert "penstock-consumer" in said
    assert "do-not" not in said
    state = stack.terraform("state", "pull")
    assert "do-not-show" in state  # docs/terraform.md says so
    assert "do-not-tell" not in state
