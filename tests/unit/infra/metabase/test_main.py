"""python -m infra.metabase, before it talks to anybody."""

import re
from pathlib import Path

import pytest

from infra.metabase import settings
from infra.metabase.__main__ import main


def test_help_has_every_setting_on_a_line_of_its_own(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    told = re.findall(r"^([A-Z_]{6,})  +\S", capsys.readouterr().out, re.MULTILINE)
    read = set(re.findall(r'"((?:METABASE|CLICKHOUSE)_[A-Z_]+)"', Path(settings.__file__).read_text()))
    assert sorted(told) == sorted(read)
