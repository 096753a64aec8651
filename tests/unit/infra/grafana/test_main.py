"""python -m infra.grafana: what it writes, deletes and says."""

import shutil

import pytest

from infra.grafana.__main__ import main
from infra.grafana.files import FOLDER, RULES


@pytest.fixture
def folder(tmp_path):
    """The files as git holds them, elsewhere."""
    for name in ("dashboards", "provisioning"):
        shutil.copytree(FOLDER / name, tmp_path / name)
    return tmp_path


def test_it_says_that_there_is_nothing_to_change(folder, capsys):
    main([], folder)
    assert capsys.readouterr().out == "nothing to change\n"


def test_it_writes_what_differs_and_deletes_what_no_stream_has(folder, capsys):
    rules = (folder / RULES).read_text()
    (folder / RULES).write_text("old")
    (folder / "dashboards" / "penstock-gone.json").write_text("{}")
    main([], folder)
    assert capsys.readouterr().out.splitlines() == [
        "deleted infra/grafana/dashboards/penstock-gone.json",
        f"wrote infra/grafana/{RULES}",
    ]
    assert (folder / RULES).read_text() == rules
    assert not (folder / "dashboards" / "penstock-gone.json").exists()


def test_help_says_where_it_writes(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    said = capsys.readouterr().out
    assert [place for place in ("dashboards/*.json", RULES) if f"infra/grafana/{place}" not in said] == []
