import pytest

from common.commands.topics import main
from tests.support.in_process import CLOCK


@pytest.mark.parametrize("text", ["a", "a=", "=3", "a=0", "a=x", "a=-1"])
def test_a_growth_that_is_no_growth_ends_with_its_usage(text, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--grow", text], {}, CLOCK)
    assert "TOPIC=N" in capsys.readouterr().err


def test_a_stream_that_does_not_exist_is_named_with_those_that_do(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["collatz", "nothing"], {}, CLOCK)
    assert "no stream is called nothing; there are: collatz, ratings" in capsys.readouterr().err
