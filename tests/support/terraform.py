"""Asks the real Terraform what our files say. It needs the provider for resources alone: values are had without."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hcl2

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
TERRAFORM = INFRA / "terraform"
VALUES = ("variables.tf", "services.tf", "order.tf", "arguments.tf", "outputs.tf")
"""Files that name no resource."""
NO_TERRAFORM = "terraform is not installed"
TIMEOUT_S = 60
QUIET = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_CLI_CONFIG_FILE": os.devnull}
LOCALS = ("containers", "services", "volumes", "first", "second", "third", "fourth", "too_late")
ASKED = "asked"
END_OF_SERVICES = "\n  }\n}\n"


class Refused(Exception):
    """Terraform does not accept the files or a variable; its words."""


def has_terraform() -> bool:
    """Whether there is a terraform to ask."""
    return shutil.which("terraform") is not None


def run(folder: Path, *arguments: str, environment: Mapping[str, str] = {}) -> str:
    """What `terraform` says to `arguments` in `folder`."""
    done = subprocess.run(
        ["terraform", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **QUIET, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    if done.returncode != 0:
        raise Refused(done.stdout + done.stderr)
    return done.stdout


def values(tmp_path: Path, variables: Mapping[str, str] = {}, service: str = "") -> dict[str, Any]:
    """Our locals as Terraform computes them, and under `outputs` our outputs.

    Applies a copy of the files that name no resource, with another `service` at the end of the map in services.tf.
    """
    folder = tmp_path / "infra" / "terraform"
    folder.mkdir(parents=True)
    for name in VALUES:
        shutil.copy(TERRAFORM / name, folder)
    for name in (".env_kafka", ".env_app"):
        shutil.copy(INFRA / name, folder.parent)
    text = (folder / "services.tf").read_text()
    assert text.endswith(END_OF_SERVICES)
    (folder / "services.tf").write_text(text.removesuffix(END_OF_SERVICES) + f"\n{service}" + END_OF_SERVICES)
    asked = ", ".join(f"{name} = local.{name}" for name in LOCALS)
    (folder / "asked.tf").write_text(
        f'output "{ASKED}" {{\n  value     = {{ {asked} }}\n  sensitive = true\n}}\n'
    )
    given = {f"TF_VAR_{name}": value for name, value in variables.items()}
    run(folder, "apply", "-auto-approve", "-input=false", "-no-color", environment=given)
    outputs = {name: output["value"] for name, output in json.loads(run(folder, "output", "-json")).items()}
    return outputs.pop(ASKED) | {"outputs": outputs}


def parsed(path: Path) -> dict[str, Any]:
    """A file of Terraform's language."""
    return hcl2.loads(path.read_text(encoding="utf-8"))


def sources() -> list[Path]:
    """Every file of Terraform's language in the repository."""
    return sorted(TERRAFORM.rglob("*.tf"))
