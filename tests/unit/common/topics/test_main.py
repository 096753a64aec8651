import pytest

from common.topics.__main__ import main


@pytest.mark.parametrize("text", ["a", "a=", "=3", "a=0", "a=x", "a=-1"])
def test_a_growth_that_is_no_growth_ends_with_its_usage(text, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--grow", text], {})
    assert "TOPIC=N" in capsys.readouterr().err
