"""Holds Terraform's files, as hcl2 parses them, against what the provider accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

META = {"count", "for_each", "depends_on", "provider", "lifecycle"}
PYTHON = {
    "string": (str, int, bool),
    "number": (int, float),
    "bool": (bool,),
    "list": (list,),
    "map": (dict,),
}
NOTES = {"__is_block__", "__comments__", "__inline_comments__"}
REFERENCE = re.compile(r"\b(docker_\w+)\.\w+(?:\[[^\]]*\])*\.(\w+)")


def bare(label: str) -> str:
    """A label or a literal without its quotes, which hcl2 keeps."""
    return label.strip('"')


def is_expression(value: Any) -> bool:
    """Whether Terraform computes the value; a literal string stands in quotes."""
    return isinstance(value, str) and not value.startswith('"')


def is_blocks(value: Any) -> bool:
    """Whether the value is one or more blocks, not an argument."""
    return isinstance(value, list) and any(
        isinstance(item, dict) and "__is_block__" in item for item in value
    )


def complaints(document: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """What the provider would refuse in one parsed file, a sentence each."""
    return [
        *_of_provider(document, schema),
        *_of_resources(document, schema),
        *_of_references(document, schema),
    ]


def _of_provider(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    for labelled in document.get("provider", []):
        for label, body in labelled.items():
            yield from of_block(body, schema["provider"], f"provider {bare(label)}")


def _of_resources(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    for labelled in document.get("resource", []):
        for label, named in labelled.items():
            kind = bare(label)
            if kind not in schema["resources"]:
                yield f"{kind}: no such resource"
                continue
            for name, body in named.items():
                where = f"{kind}.{bare(name)}"
                yield from of_block(body, schema["resources"][kind], where, META)
                yield from _of_self(body, schema["resources"][kind], where)


def _of_self(body: dict[str, Any], resource: dict[str, Any], where: str) -> Iterator[str]:
    for name in re.findall(r"\bself\.(\w+)", str(body)):
        if name not in readable(resource):
            yield f"{where}: self.{name} cannot be read"


def _of_references(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    for kind, name in REFERENCE.findall(str(document)):
        if kind not in schema["resources"] or name not in readable(schema["resources"][kind]):
            yield f"{kind}: {name} cannot be read"


def readable(resource: dict[str, Any]) -> set[str]:
    """Everything that an expression may read of a resource."""
    return {*resource["attributes"], *resource["blocks"], *resource["computed"]}


def of_block(
    body: dict[str, Any], block: dict[str, Any], where: str, meta: frozenset[str] | set[str] = frozenset()
) -> Iterator[str]:
    """What is wrong with the arguments and the blocks inside `body`."""
    given: set[str] = set()
    for name, value in body.items():
        if name in NOTES or name in meta:
            continue
        if name == "dynamic":
            for labelled in value:
                given |= {bare(label) for label in labelled if label not in NOTES}
                yield from _of_dynamic(labelled, block, where)
        elif is_blocks(value):
            given.add(name)
            yield from _of_nested(name, value, block, where)
        else:
            given.add(name)
            yield from of_argument(name, value, block, where)
    for name, fact in (block["attributes"] | block["blocks"]).items():
        if fact["required"] and name not in given:
            yield f"{where}: {name} is missing"


def _of_dynamic(labelled: dict[str, Any], block: dict[str, Any], where: str) -> Iterator[str]:
    for label, body in labelled.items():
        if label not in NOTES:
            yield from _of_nested(bare(label), body["content"], block, where)


def _of_nested(name: str, bodies: list[Any], block: dict[str, Any], where: str) -> Iterator[str]:
    if name not in block["blocks"]:
        what = "is an argument, not a block" if name in block["attributes"] else "is no block"
        yield f"{where}: {name} {what}"
        return
    if len(bodies) > 1 and not block["blocks"][name]["several"]:
        yield f"{where}: {name} may stand once"
    for body in bodies:
        yield from of_block(body, block["blocks"][name], f"{where}: {name}")


def of_argument(name: str, value: Any, block: dict[str, Any], where: str) -> Iterator[str]:
    """What is wrong with one argument; of an expression only its name can be."""
    if name in block["blocks"]:
        yield f"{where}: {name} is a block, not an argument"
    elif name not in block["attributes"]:
        yield f"{where}: {name} is no argument"
    elif not is_expression(value) and not fits(value, block["attributes"][name]["type"]):
        yield f"{where}: {name} is not of type {block['attributes'][name]['type']}"


def fits(value: Any, kind: str) -> bool:
    """Whether a value is of a type of the schema; null always is."""
    if kind == "list":
        return value is None or isinstance(value, list) and all(fits(item, "string") for item in value)
    if kind == "map":
        return (
            value is None or isinstance(value, dict) and all(fits(item, "string") for item in value.values())
        )
    if kind == "number" and isinstance(value, bool):
        return False
    return value is None or isinstance(value, PYTHON[kind])
