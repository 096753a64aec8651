"""Makes schema.json: python -m tests.support.docker_provider.extract

Only `terraform init` gets the provider itself. Its schema also stands in the bindings that HashiCorp generated from it
and published on npm. Nothing else is taken from these: names, types, what is required.
"""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

NAME = "tests.support.docker_provider.extract"
PACKAGE = "@cdktf/provider-docker@12.0.3"
PROVIDER = "kreuzwerker/docker 3.6.2"
LICENCE = "MPL-2.0, Copyright (c) HashiCorp, Inc."
RESOURCES = ("container", "image", "network", "volume")
SCHEMA = Path(__file__).with_name("schema.json")
FETCH_TIMEOUT_S = 120

SCALARS = {"string": "string", "number": "number", "boolean | cdktf.IResolvable": "bool", "string[]": "list"}
INTERFACE = re.compile(r"^export interface (\w+)[^{]*\{\n(.*?)^\}", re.DOTALL | re.MULTILINE)
PROPERTY = re.compile(r"#(\w+) \w+#\1\}.*?readonly \w+(\??): (\{[^}]*\}|[^;]*);", re.DOTALL)
MANY = "[] | cdktf.IResolvable"
READ = re.compile(r"""(?:Attribute\(|List\(this, |OutputReference\(this, )["'](\w+)["']""")


def block_of(interfaces: dict[str, str], name: str) -> dict[str, Any]:
    """The attributes and the nested blocks of one interface."""
    attributes, blocks = {}, {}
    for argument, optional, kind in PROPERTY.findall(interfaces[name]):
        inner = kind.removesuffix(MANY)
        if kind.startswith("{"):
            attributes[argument] = {"type": "map", "required": not optional}
        elif kind in SCALARS:
            attributes[argument] = {"type": SCALARS[kind], "required": not optional}
        else:
            several = {"several": kind.endswith(MANY), "required": not optional}
            blocks[argument] = several | block_of(interfaces, inner)
    return {"attributes": attributes, "blocks": blocks}


def resource_of(types: str, code: str) -> dict[str, Any]:
    """A resource, with what can only be read of it, from the two files of its binding."""
    interfaces = dict(INTERFACE.findall(types))
    block = block_of(interfaces, next(iter(interfaces)))  # that of the resource itself stands first
    own = code.split("extends cdktf.TerraformResource", 1)[-1].split("sourceMappingURL")[0]
    return block | {
        "computed": sorted(set(READ.findall(own)) - set(block["attributes"]) - set(block["blocks"]))
    }


def schema_of(bindings: Path) -> dict[str, Any]:
    """The provider and the resources that this project uses, from an unpacked package."""

    def binding(name: str) -> dict[str, Any]:
        folder = bindings / "lib" / name
        return resource_of((folder / "index.d.ts").read_text(), (folder / "index.js").read_text())

    provider = binding("provider")
    del provider["computed"]
    return {
        "about": {
            "provider": PROVIDER,
            "from": f"npm {PACKAGE}",
            "licence": LICENCE,
            "by": f"python -m {NAME}",
        },
        "provider": provider,
        "resources": {f"docker_{name}": binding(name) for name in RESOURCES},
    }


def stored() -> dict[str, Any]:
    """The extract that the repository holds."""
    return json.loads(SCHEMA.read_text())


def fetched() -> dict[str, Any]:
    """The schema, from the package as the registry has it; npm checks its hash."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", PACKAGE]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        with tarfile.open(Path(folder) / done.stdout.strip()) as tar:
            tar.extractall(folder, filter="data")
        return schema_of(Path(folder) / "package")


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(fetched(), indent=1) + "\n")
    print(f"wrote {SCHEMA}")
