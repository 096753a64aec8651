"""infra/kubernetes as kustomize builds it, and the schemas that its resources are held to."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "infra" / "kubernetes"
DEFINITIONS = Path(__file__).with_name("crds")
BUILDS = ("namespace", "base", "servers", "overlays/complete", "overlays/autoscaled")
WORKLOADS = ("Deployment", "Job")
Resource = dict[str, Any]


@functools.cache
def built(folder: str | Path) -> list[Resource]:
    """The resources of a folder below infra/kubernetes (or of a path), as `kubectl kustomize` prints them."""
    if shutil.which("kubectl") is None:
        reason = "kubectl, which builds the manifests, is not installed"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    command = ["kubectl", "kustomize", str(KUBERNETES / folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


def workloads(folder: str = "base") -> dict[str, Resource]:
    """Name → Deployment or Job."""
    return {found["metadata"]["name"]: found for found in built(folder) if found["kind"] in WORKLOADS}


def of_kind(kind: str, folder: str = "overlays/autoscaled") -> list[Resource]:
    """The resources of a kind."""
    return [found for found in built(folder) if found["kind"] == kind]


def pod_of(workload: Resource) -> dict[str, Any]:
    """The specification of a workload's pods."""
    pod: dict[str, Any] = workload["spec"]["template"]["spec"]
    return pod


def container_of(workload: Resource) -> dict[str, Any]:
    """The one container of a workload's pods."""
    (container,) = pod_of(workload)["containers"]
    return dict(container)


def definition(kind: str) -> dict[str, Any]:
    """The schema of a custom resource; whatever it does not name is refused."""
    schema: dict[str, Any] = yaml.safe_load((DEFINITIONS / f"{kind.lower()}.yaml").read_text())
    for part in _parts(schema):
        is_open = part.get("x-kubernetes-preserve-unknown-fields", False)
        if "properties" in part and not is_open:
            part.setdefault("additionalProperties", False)
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from _parts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _parts(value)
