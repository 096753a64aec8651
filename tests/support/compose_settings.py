"""The services of docker-compose.yml as plain settings, in one unit each: what other files are compared with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

INFRA = Path(__file__).resolve().parents[2] / "infra"
COMPOSE_FILE = INFRA / "docker-compose.yml"
VARIABLE = re.compile(r"\$\$|\$\{([A-Z0-9_]+)(:?-)([^}]*)\}")
"""A dollar sign, or a variable with its default: behind `:-` it also stands for an empty one."""
STATES = {
    "service_completed_successfully": "completed",
    "service_healthy": "healthy",
    "service_started": "started",
}
UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
UNITS_MIB = {"m": 1, "g": 1024}
DEFAULT_STOP = "10s"
BUILT_ELSEWHERE = {"build"}
"""What other ways to start the stack leave to build-all.sh."""


def defaults() -> dict[str, str]:
    """The variables that the default stack has, and what holds where nobody sets them."""
    services = yaml.safe_load(COMPOSE_FILE.read_text())["services"].values()
    said = [{**service, "build": None} for service in services if "profiles" not in service]
    return {name: default for name, _, default in VARIABLE.findall(str(said)) if name}


def may_be_empty() -> set[str]:
    """Those variables that somebody may set to nothing."""
    return {name for name, sign, _ in VARIABLE.findall(COMPOSE_FILE.read_text()) if sign == "-"}


def document(environment: Mapping[str, str] = {}) -> dict[str, Any]:
    """The file, with its variables and anchors resolved."""

    def resolved(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: resolved(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [resolved(inner) for inner in value]
        if isinstance(value, str):
            return VARIABLE.sub(lambda found: _value(found, environment), value)
        return value

    return resolved(yaml.safe_load(COMPOSE_FILE.read_text()))


def _value(found: re.Match[str], environment: Mapping[str, str]) -> str:
    if not found[1]:
        return "$"
    given = environment.get(found[1])
    return found[3] if given is None or (not given and found[2] == ":-") else given


def default_stack(environment: Mapping[str, str] = {}) -> dict[str, dict[str, Any]]:
    """Service → settings, of what `docker-compose up` starts without a profile."""
    services = document(environment)["services"]
    return {name: settings(service) for name, service in services.items() if "profiles" not in service}


def settings(service: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of one service. What this does not know raises: a new key cannot go unnoticed."""
    rest = {name: value for name, value in service.items() if name not in BUILT_ELSEWHERE}
    sources = rest.pop("volumes", [])
    limits = rest.pop("ulimits", {})
    told = {
        "image": rest.pop("image"),
        "entrypoint": rest.pop("entrypoint", None),
        "command": rest.pop("command", None),
        "user": rest.pop("user", None),
        "environment": environment_of(rest.pop("env_file", []), rest.pop("environment", {})),
        "restart": rest.pop("restart", "no"),
        "init": rest.pop("init", False),
        "stop_s": seconds(rest.pop("stop_grace_period", DEFAULT_STOP)),
        "memory_swap_mib": 2 * mebibytes(rest["mem_limit"]),  # what an engine makes of no limit of its own
        "memory_mib": mebibytes(rest.pop("mem_limit")),
        "read_only": rest.pop("read_only", False),
        "tmpfs": set(rest.pop("tmpfs", [])),
        "cap_drop": set(rest.pop("cap_drop", [])),
        "security_opts": set(rest.pop("security_opt", [])),
        "ulimits": {name: (int(limit["soft"]), int(limit["hard"])) for name, limit in limits.items()},
        "ports": {port_of(port) for port in rest.pop("ports", [])},
        "volumes": dict(source.split(":")[:2] for source in sources if not source.startswith(".")),
        "files": {file_of(source) for source in sources if source.startswith(".")},
        "secrets": set(rest.pop("secrets", [])),
        "healthcheck": healthcheck_of(rest.pop("healthcheck", None)),
        "logging": logging_of(rest.pop("logging", {})),
        "after": {name: STATES[need["condition"]] for name, need in rest.pop("depends_on", {}).items()},
    }
    assert not rest, f"docker-compose.yml says something that nothing compares yet: {sorted(rest)}"
    return told


def assignments(name: str) -> dict[str, str]:
    """The lines NAME=value of a settings file."""
    lines = (INFRA / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def environment_of(files: list[str], own: Mapping[str, Any]) -> dict[str, str]:
    """Variable → value: the files in their order, then what the service says itself."""
    told: dict[str, str] = {}
    for name in files:
        told |= assignments(name)
    return told | {name: str(value) for name, value in own.items()}


def seconds(duration: str) -> float:
    """A duration such as 30s or 2m0s, in seconds."""
    return sum(float(number) * UNITS_S[unit] for number, unit in re.findall(r"([\d.]+)(ms|[hms])", duration))


def mebibytes(size: str) -> int:
    """A size such as 768m or 2g, in MiB."""
    return int(size[:-1]) * UNITS_MIB[size[-1]]


def port_of(port: str) -> tuple[str, int, int]:
    """(address, port of this machine, port of the container) of [address:]port:port."""
    *address, outside, inside = port.split(":")
    return (address or ["0.0.0.0"])[0], int(outside), int(inside)


def file_of(source: str) -> tuple[str, str, bool]:
    """(path below infra/, path in the container, may be written) of ./path:path[:ro]."""
    below, inside, *mode = source.split(":")
    return below.removeprefix("./").rstrip("/"), inside, mode != ["ro"]


def healthcheck_of(check: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """None: the image's own check holds."""
    if check is None:
        return None
    if check.get("disable"):
        return {"test": ["NONE"]}
    durations = {name: seconds(check[name]) for name in ("interval", "timeout", "start_period")}
    return {"test": check["test"], "retries": check["retries"]} | durations


def logging_of(logging: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """(driver, its options)."""
    return logging["driver"], {name: str(value) for name, value in logging["options"].items()}
