"""What infra/README.md and docs/terraform.md tell people to type names what is there."""

import re
from pathlib import Path

import pytest

from tests.support import compose_settings

ROOT = Path(__file__).resolve().parents[3]
STACK = compose_settings.default_stack()
PASSWORDS = ("ingest", "reader", "grafana", "migrate")
ONLY_ITS_HEALTH_CHECK = {"clickhouse-server"}


def text(name):
    return (ROOT / name).read_text()


def who_reads(user):
    """The services that run on and have read the password of a user of ClickHouse."""
    return {
        name
        for name, service in STACK.items()
        if f"clickhouse_{user}_password" in service["secrets"] and service["restart"] != "no"
    } - ONLY_ITS_HEALTH_CHECK


@pytest.mark.parametrize("user", PASSWORDS)
def test_a_changed_password_restarts_who_has_read_it(user):
    (row,) = re.findall(
        rf"^\| `clickhouse_{user}_password` \| (.*) \|$", text("infra/README.md"), re.MULTILINE
    )
    restarted = re.findall(r"`docker-compose restart ([^`]+)`", row)
    assert {name for names in restarted for name in names.split()} == who_reads(user)


@pytest.mark.parametrize("user", PASSWORDS[:3])
def test_terraforms_page_restarts_the_same(user):
    page = " ".join(text("docs/terraform.md").split())
    told = re.search(rf"((?:penstock-\w+ ?)+)` for `{user}`", page)
    assert {name.removeprefix("penstock-") for name in told[1].split()} == who_reads(user)


def test_the_containers_that_terraforms_page_names_are_there():
    told = re.findall(
        r"docker (?:exec|exec -it|logs -f --tail 20|stop) penstock-([\w-]+)", text("docs/terraform.md")
    )
    assert len(told) == 6
    assert set(told) <= set(STACK)


def test_every_image_goes_to_a_machine_without_a_registry():
    saved = re.search(r"docker save -o penstock.tar (.*?)\n\n", text("infra/README.md"), re.DOTALL)[1]
    images = {service["image"].removesuffix(":latest") for service in STACK.values()}
    assert set(saved.replace("\\\n", " ").split()) == images
    services = compose_settings.document()["services"].values()
    profile = {service["image"].removesuffix(":latest") for service in services if "profiles" in service}
    more = re.search(r"and with Metabase also `([^`]+)`", text("infra/README.md"))[1]
    assert set(more.split()) == profile - images
