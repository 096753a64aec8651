"""Names of columns and tables as SQL takes them, whatever characters they have. Pure."""

from __future__ import annotations


def quoted(name: str) -> str:
    """The name in backticks."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


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
