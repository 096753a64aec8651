"""What the command refuses before it talks to anybody."""

import json
import socket
import time
from types import SimpleNamespace
from urllib.request import urlopen

import pytest

from common.errors import SettingError
from common.process.health import Health
from common.settings.parts import ServiceSettings
from common.streams import STREAMS
from producer.__main__ import _endpoint, main


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


def test_with_a_port_it_answers_about_its_health_while_it_runs():
    settings = ServiceSettings(http_port=free_port())
    writer = SimpleNamespace(sent=3, acknowledged=3, failed=0, waiting_bytes=0)
    health = Health(time.monotonic())
    with _endpoint(settings, health, writer, STREAMS["collatz"]):
        health.set_ready(True, "sending")
        with urlopen(f"http://127.0.0.1:{settings.http_port}/ready", timeout=5) as answer:
            assert (answer.status, json.load(answer)["detail"]) == (200, "sending")


def test_without_a_port_nobody_listens():
    with _endpoint(ServiceSettings(http_port=None), None, None, STREAMS["collatz"]):
        pass


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]
