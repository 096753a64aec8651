"""The stack fits a laptop: the limits of docker-compose.yml added up, as docs/memory.md tells them."""

import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[3]
SERVICES = yaml.safe_load((ROOT / "infra" / "docker-compose.yml").read_text())["services"]
MIB = {"m": 1, "g": 1024}


def limit_mib(service):
    number, unit = re.fullmatch(r"(\d+)([mg])", service["mem_limit"]).groups()
    return int(number) * MIB[unit]


def runs_on(service):
    return service.get("restart") != "no"


def limits(*profiles):
    """Service → MiB, of what runs on in the default stack and with these profiles."""
    return {
        name: limit_mib(service)
        for name, service in SERVICES.items()
        if runs_on(service) and ("profiles" not in service or set(service["profiles"]) & set(profiles))
    }


def told():
    """Service → MiB, of the table in the page."""
    rows = re.findall(
        r"^\| `?([\w-]+)`? \| (\d+) \|", (ROOT / "docs" / "memory.md").read_text(), re.MULTILINE
    )
    return {name: int(limit) for name, limit in rows}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_a_limit(name):
    assert limit_mib(SERVICES[name]) > 0


def test_the_default_stack_fits_into_six_gib():
    assert {"kafka-1", "clickhouse-server", "consumer", "api"} < set(limits())
    assert sum(limits().values()) <= 6 * 1024


def test_with_metabase_it_fits_into_eight():
    assert sum(limits("metabase").values()) <= 8 * 1024


def test_the_page_tells_the_limits_as_they_are():
    page = told()
    assert page.pop("all") == sum(limits().values())
    assert page == limits("metabase")


def page(name):
    return " ".join((ROOT / name).read_text().split())


def used_at_most():
    """MiB, of the services that were measured."""
    text = (ROOT / "docs" / "memory.md").read_text()
    return sum(
        int(most) for most in re.findall(r"^\| `[\w-]+` \| \d+ \| \d+ to (\d+) \|$", text, re.MULTILINE)
    )


def test_the_page_adds_up_what_was_measured():
    assert f"| all | {sum(limits().values())} | {used_at_most():,} at most" in page("docs/memory.md")


def test_the_pages_tell_the_same_sums():
    used, guessed = used_at_most() / 1024, sum(limits()[name] for name in ("kafka-ui", "grafana")) / 1024
    most = sum(limits("metabase").values()) / 1024
    metabase = most - sum(limits().values()) / 1024
    memory = page("docs/memory.md")
    assert f"{used:.1f} GiB, and what kafka-ui and Grafana take, which is {guessed:.1f} at most" in memory
    assert f"that would be {used + guessed + metabase:.1f} GiB" in memory
    assert memory.count(f"{most:g} GiB") == 2
    assert f"{used:.1f} GiB, and what kafka-ui and Grafana take ({guessed:.1f} at most)" in page(
        "infra/README.md"
    )
