"""The containers that Terraform would start as plain settings, in the words of compose_settings.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from tests.support.compose_settings import seconds

INSIDE_SECRETS = "/run/secrets/"


def of_stack(stack: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Service → settings, of what `terraform.values` answers."""
    return {
        name: settings(container, stack["services"][name], stack["volumes"])
        for name, container in stack["containers"].items()
    }


def settings(
    container: Mapping[str, Any], service: Mapping[str, Any], volumes: Mapping[str, str]
) -> dict[str, Any]:
    """The settings of one container: `container` holds the provider's arguments, `volumes` says which name is whose."""
    whose = {name: volume for volume, name in volumes.items()}
    binds = [mount for mount in container["mounts"] if mount["type"] == "bind"]
    secrets = [mount for mount in binds if mount["target"].startswith(INSIDE_SECRETS)]
    return {
        "image": container["image"],
        "entrypoint": container["entrypoint"],
        "command": container["command"],
        "user": container["user"],
        "environment": dict(pair.split("=", 1) for pair in container["env"]),
        "restart": container["restart"],
        "init": container["init"],
        "stop_s": container["stop_timeout"],
        "memory_mib": container["memory"],
        "memory_swap_mib": container["memory_swap"],
        "read_only": container["read_only"],
        "tmpfs": set(container["tmpfs"]),
        "cap_drop": {name for block in container["capabilities"] for name in block["drop"]},
        "security_opts": set(container["security_opts"] or []),
        "ulimits": {limit["name"]: (limit["soft"], limit["hard"]) for limit in container["ulimit"]},
        "ports": {(port["ip"], port["external"], port["internal"]) for port in container["ports"]},
        "volumes": {
            whose[mount["source"]]: mount["target"]
            for mount in container["mounts"]
            if mount["type"] == "volume" and not mount["read_only"]
        },
        "files": {
            (below_infra(mount), mount["target"], not mount["read_only"])
            for mount in binds
            if mount not in secrets
        },
        "secrets": {secret_of(mount) for mount in secrets},
        "healthcheck": healthcheck_of(container["healthcheck"]),
        "logging": (container["log_driver"], container["log_opts"]),
        "after": service["after"],
    }


def below_infra(mount: Mapping[str, Any]) -> str:
    """The path of a mount's source, below infra/."""
    parts = PurePosixPath(mount["source"]).parts
    return "/".join(parts[len(parts) - parts[::-1].index("infra") :])


def secret_of(mount: Mapping[str, Any]) -> str:
    """The secret that a mount brings, under its own name and read only."""
    name = mount["target"].removeprefix(INSIDE_SECRETS)
    assert below_infra(mount) == f"secrets/{name}", mount
    assert mount["read_only"], mount
    return name


def healthcheck_of(blocks: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """None: the image's own check holds."""
    if not blocks:
        return None
    [check] = blocks
    if check["test"] == ["NONE"]:
        return {"test": ["NONE"]}
    durations = {name: seconds(check[name]) for name in ("interval", "timeout", "start_period")}
    return {"test": check["test"], "retries": check["retries"]} | durations
