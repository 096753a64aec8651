"""SQL text: names with any characters, and where a part of it ends. Pure."""

from __future__ import annotations

from collections.abc import Callable


def quoted(name: str) -> str:
    """The name in backticks."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def literal(text: str) -> str:
    """A text in quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def after_name(text: str) -> tuple[str, str]:
    """The name at the beginning of `text`, in backticks or bare, and what follows it."""
    if not text.startswith("`"):
        name, *rest = text.split(None, 1)
        return name, "".join(rest)
    name, position = "", 1
    while position < len(text) and text[position] != "`":
        position += text[position] == "\\"
        name += text[position : position + 1]
        position += 1
    return name, text[position + 1 :]


def until(text: str, is_end: Callable[[str], bool]) -> tuple[str, str]:
    """Cut before the first character outside all parentheses and quotes that `is_end` accepts."""
    depth = 0
    quote = ""
    is_escaped = False
    for index, character in enumerate(text):
        if quote:
            if is_escaped or character == "\\":
                is_escaped = not is_escaped
            elif character == quote:
                quote = ""
            continue
        if depth == 0 and is_end(character):
            return text[:index], text[index:]
        if character in "'`":
            quote = character
        depth += (character == "(") - (character == ")")
    return text, ""
