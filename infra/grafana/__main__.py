"""python -m infra.grafana: writes Grafana's dashboards and its alert, after a change of a stream or of a panel.

They are infra/grafana/dashboards/*.json, where a dashboard of a stream that is gone is deleted, and
infra/grafana/provisioning/alerting/rules.yaml. Afterwards, in infra/: docker-compose restart grafana
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from infra.grafana.files import FOLDER, SCREENS, files


def main(arguments: list[str], folder: Path = FOLDER) -> None:
    """Write what has changed, delete dashboards that no longer are, and say so."""
    argparse.ArgumentParser(
        prog="python -m infra.grafana",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    done = changed(folder)
    print("\n".join(done) if done else "nothing to change")


def changed(folder: Path) -> list[str]:
    """Bring the files below a folder up to date; what was done, a line a file."""
    wanted, done = files(), []
    for path in sorted((folder / SCREENS).glob("*.json")):
        if f"{SCREENS}/{path.name}" not in wanted:
            path.unlink()
            done.append(f"deleted infra/grafana/{SCREENS}/{path.name}")
    for name, text in wanted.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            done.append(f"wrote infra/grafana/{name}")
    return done


if __name__ == "__main__":
    main(sys.argv[1:])
