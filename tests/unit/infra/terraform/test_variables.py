"""What may differ from place to place: Terraform has the variables of Compose, and refuses a wrong value in words."""

import re

import pytest

from tests.support import compose_settings, terraform_settings
from tests.support.terraform import NO_TERRAFORM, TERRAFORM, Refused, has_terraform, parsed, values

pytestmark = pytest.mark.skipif(not has_terraform(), reason=NO_TERRAFORM)

DEFAULTS = compose_settings.defaults()
SENSITIVE = {"registry_password", "grafana_alert_url"}
ONLY_TERRAFORMS = {"project", "docker_host", "registry_address", "registry_username", "registry_password"}


def test_variables_have_the_names_and_defaults_of_composes():
    given = {name.lower(): default for name, default in DEFAULTS.items()}
    variables = declared_variables()
    assert {name: variables[name] for name in given if name in variables} == given
    assert set(variables) == set(given) | ONLY_TERRAFORMS


def declared_variables():
    """Variable → default, as text."""
    found = parsed(TERRAFORM / "variables.tf")["variable"]
    return {
        label.strip('"'): str(body["default"]).strip('"')
        for labelled in found
        for label, body in labelled.items()
    }


def other(default):
    """Another value than the default, of the same kind."""
    if default.startswith("http"):
        return f"{default}alerts"
    if default.isdigit():
        return str(int(default) + 1)
    if re.fullmatch(r"[\d.]+", default):
        return "127.0.0.2"
    return f"example.org/{default}" if ":" in default else default[::-1]


def test_a_variable_has_the_same_effect(tmp_path):
    changed = {name: other(default) for name, default in DEFAULTS.items()}
    stack = values(tmp_path, {name.lower(): value for name, value in changed.items()})
    assert terraform_settings.of_stack(stack) == compose_settings.default_stack(changed)


def test_what_may_be_empty_is_empty_in_both(tmp_path):
    empty = dict.fromkeys(compose_settings.may_be_empty(), "")
    assert set(empty) == {"GRAFANA_PLUGINS"}
    stack = values(tmp_path, {name.lower(): value for name, value in empty.items()})
    assert terraform_settings.of_stack(stack) == compose_settings.default_stack(empty)
    assert compose_settings.default_stack(empty) != compose_settings.default_stack()


def test_the_example_names_every_variable_with_its_default_except_the_password():
    example = (TERRAFORM / "terraform.tfvars.example").read_text()
    named = {
        name: value.strip('"') for name, value in re.findall(r"^#?(\w+) *= (.*)$", example, re.MULTILINE)
    }
    variables = declared_variables()
    del variables["registry_password"]
    assert named == variables


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("api_port", "0", "A port is a whole number"),
        ("kafka_1_port", "65536", "A port is a whole number"),
        ("kafka_ui_port", "80.5", "A port is a whole number"),
        ("open_on", "localhost", "An IPv4 address"),
        ("open_grafana_on", "grafana", "An IPv4 address"),
        ("grafana_alert_url", "example.org/alerts", "An address that begins with"),
        ("grafana_plugins", "one, two", "Plugins such as"),
        ("audit_every_s", "0", "A whole number of seconds, 1 to 86400"),
        ("nofile", "12", "A whole number of at least 1024"),
        ("kafka_image", "apache/kafka", "An image with a tag"),
        ("api_image", "api latest", "An image with a tag"),
        ("kafka_cluster_id", "penstock", "22 characters"),
        ("project", "Penstock", "Small letters"),
        ("docker_host", "/var/run/docker.sock", "An address such as"),
        ("registry_address", "my registry", "A host"),
    ],
)
def test_a_wrong_value_is_refused_in_words(tmp_path, variable, value, words):
    with pytest.raises(Refused, match=words):
        values(tmp_path, {variable: value})


def test_every_variable_says_what_it_is_and_what_it_may_be():
    found = parsed(TERRAFORM / "variables.tf")["variable"]
    free = {"registry_username", "registry_password"}
    for name, body in ((label.strip('"'), body) for labelled in found for label, body in labelled.items()):
        assert body["description"], name
        assert ("validation" in body) == (name not in free), name
        assert body.get("sensitive", False) == (name in SENSITIVE), name


def test_images_of_a_registry_with_a_port_and_a_digest_are_accepted(tmp_path):
    image = f"registry.example.org:5000/mirror/kafka:4.3.1@sha256:{'0a' * 32}"
    assert values(tmp_path, {"kafka_image": image})["containers"]["kafka-2"]["image"] == image
