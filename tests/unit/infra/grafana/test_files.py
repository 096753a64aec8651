"""What git holds is what the generator makes."""

from infra.grafana.files import FOLDER, RULES, SCREENS, files


def test_the_files_are_those_that_are_generated():
    stale = [name for name, text in files().items() if (FOLDER / name).read_text(encoding="utf-8") != text]
    assert stale == [], "run: python -m infra.grafana"


def test_there_is_no_dashboard_that_is_not_generated():
    there = {f"{SCREENS}/{path.name}" for path in (FOLDER / SCREENS).iterdir()}
    assert there == set(files()) - {RULES}
