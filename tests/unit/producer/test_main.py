"""What the command refuses before it talks to anybody."""

import pytest

from common.errors import SettingError
from producer.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nothing"], "invalid choice: 'nothing'"),
        ([], "STREAM"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value) or "no stream",
)
def test_arguments_that_are_not_allowed_end_with_2_and_the_reason(arguments, reason, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments, {})
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "environ", "reason"),
    [
        (["collatz", "--from", "7"], {}, "--from and --to go together"),
        (["collatz", "--to", "x"], {}, "--to"),
        (["collatz"], {"PRODUCER_RATE": "fast"}, "PRODUCER_RATE=fast is not allowed: give a number, above 0"),
        (["collatz", "--rate", "-1"], {}, "--rate=-1 is not allowed: give a number, above 0"),
        (["collatz", "--rate", "inf"], {}, "--rate=inf is not allowed"),
        (["collatz", "--events", "1.5"], {}, "--events=1.5 is not allowed: give a whole number, above 0"),
        (["collatz"], {"PARTITIONS": "0"}, "PARTITIONS"),
    ],
    ids=["half a range", "no number", "variable", "below", "infinite", "not whole", "setting"],
)
def test_options_and_settings_that_are_not_allowed_are_named(arguments, environ, reason):
    with pytest.raises(SettingError) as raised:
        main(arguments, environ)
    assert reason in str(raised.value)


def test_every_stream_explains_its_options(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["collatz", "--help"], {})
    said = capsys.readouterr().out
    assert all(flag in said for flag in ("--events", "--rate", "--seconds", "--seed", "--from", "--to"))


def test_all_streams_take_their_options_from_the_environment():
    with pytest.raises(SettingError, match="BID_SIZE=51 is not allowed: give a whole number, at least 1"):
        main(["all"], {"BID_SIZE": "51"})


def test_checking_all_streams_sends_nothing(capsys):
    assert main(["all", "--check"], {"PRODUCER_RATE": "5"}) == 0
    assert capsys.readouterr().out == "all settings are allowed\n"
