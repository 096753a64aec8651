"""Shows every setting, as text or as a Markdown table, or checks those of an environment."""

from __future__ import annotations

import argparse
import sys

from common.settings.config import SettingRow, check, environment, reference


def markdown(rows: list[SettingRow]) -> str:
    """The rows as a Markdown table, one line each."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for row in rows:
        default = f"`{row.default}`" if row.default else ""
        lines.append(f"| `{row.variable}` | {default} | {row.meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


def plain(rows: list[SettingRow]) -> str:
    """The rows for a terminal: variable=default, and below it the meaning."""
    return "".join(f"{row.variable}={row.default}\n    {row.meaning.replace('`', '')}\n" for row in rows)


def main(arguments: list[str]) -> None:
    """Print the settings table, plain or as Markdown, or check the environment (raises SettingError)."""
    parser = argparse.ArgumentParser(prog="python -m common.config", description="The settings of Penstock.")
    parser.add_argument(
        "--check", action="store_true", help="try the environment; exit code 2 if it is refused"
    )
    parser.add_argument("--markdown", action="store_true", help="print the table that the README holds")
    parser.add_argument("--env-file", help="file of settings under the environment (default: .env)")
    chosen = parser.parse_args(arguments)
    if chosen.check:
        check(environment(chosen.env_file))
        sys.stdout.write("all settings are allowed\n")
    else:
        sys.stdout.write(markdown(reference()) if chosen.markdown else plain(reference()))
