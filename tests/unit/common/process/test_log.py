import io
import json
import logging

import pytest
from kafka.errors import Cancelled, NodeNotReadyError

from common.process.log import KafkaRateLimit, quieten_kafka, setup_logging
from common.settings.parts import ServiceSettings


@pytest.fixture(autouse=True)
def _logging_as_before():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    for name in ("kafka", "kafka.net", "kafka.cluster", "kafka.consumer.fetcher", "kafka.coordinator"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def lines_of(log_format, *calls, level="INFO", service="sink"):
    stream = io.StringIO()
    setup_logging(service, ServiceSettings(log_format=log_format, log_level=level, instance="box"), stream)
    for call in calls:
        call()
    return stream.getvalue().splitlines()


def test_text_is_a_sentence_with_fields():
    fields = {"stream": "collatz", "rows": 5, "took_ms": 12.3456789, "reason": 'say "no"', "empty": ""}
    [line] = lines_of("text", lambda: logging.getLogger("a").info("batch stored", extra=fields))
    assert line[23:] == (
        ' INFO sink: batch stored stream=collatz rows=5 took_ms=12.3457 reason="say \\"no\\"" empty=""'
    )


def test_json_is_one_object_with_fields():
    [line] = lines_of(
        "json", lambda: logging.getLogger("a").warning("é\n%s", "x", extra={"rows": 5, "of": {1}})
    )
    record = json.loads(line)
    assert record.pop("time").endswith("+00:00")
    assert record == {
        "level": "WARNING",
        "service": "sink",
        "instance": "box",
        "logger": "a",
        "message": "é\nx",
        "rows": 5,
        "of": "{1}",
    }


def fail():
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("a").exception("it failed")


def test_a_traceback_is_kept():
    [line] = lines_of("json", fail)
    assert json.loads(line)["error"].endswith("ValueError: boom")
    assert lines_of("text", fail)[-1] == "ValueError: boom"


def test_what_is_not_a_terminal_gets_json_by_default():
    [line] = lines_of("auto", lambda: logging.getLogger("a").info("hello"))
    assert json.loads(line)["message"] == "hello"


def test_records_below_the_level_are_not_shown():
    assert lines_of("text", lambda: logging.getLogger("a").info("hello"), level="WARNING") == []


def test_a_second_setup_replaces_the_first():
    lines_of("text")
    assert len(lines_of("text", lambda: logging.getLogger("a").info("once"))) == 1


def test_kafka_is_heard_from_warning_on_until_it_is_quietened():
    def speak():
        for name in (
            "kafka.net.x",
            "kafka.cluster",
            "kafka.consumer.fetcher",
            "kafka.coordinator.x",
            "kafka.y",
        ):
            logging.getLogger(name).info("info of %s", name)

    def warn():
        logging.getLogger("kafka.net.x").error("net")
        logging.getLogger("kafka.cluster").error("cluster")
        logging.getLogger("kafka.consumer.fetcher").error("fetcher")
        logging.getLogger("kafka.coordinator.x").warning("coordinator warns")
        logging.getLogger("kafka.coordinator.x").error("coordinator fails")
        logging.getLogger("kafka.y").warning("other")

    assert lines_of("text", speak, level="DEBUG") == []
    assert len(lines_of("text", warn)) == 6
    heard = lines_of("text", quieten_kafka, warn)
    assert [line.split(": ")[1] for line in heard] == ["coordinator fails", "other"]


def record(name, created_s, lineno=1):
    made = logging.makeLogRecord({"name": name, "pathname": "x.py", "lineno": lineno, "msg": "m"})
    made.created = created_s
    return made


def test_a_place_in_kafka_python_is_heard_once_in_ten_seconds_and_says_what_was_dropped():
    limit = KafkaRateLimit()
    passed = [limit.filter(record("kafka.coordinator", at_s)) for at_s in (100.0, 101.0, 109.9)]
    assert passed == [True, False, False]
    assert limit.filter(record("kafka.coordinator", 105.0, lineno=2))
    late = record("kafka.coordinator", 110.0)
    assert limit.filter(late)
    assert late.dropped == 2


def test_a_request_of_a_client_that_was_closed_meanwhile_is_no_error():
    def refresh(error):
        logging.getLogger("kafka.cluster").error("Metadata refresh: failed %s", error)

    assert lines_of("text", lambda: refresh(Cancelled())) == []
    [line] = lines_of("text", lambda: refresh(NodeNotReadyError("kafka-1")))
    assert line.endswith("ERROR sink: Metadata refresh: failed NodeNotReadyError: kafka-1")


def test_our_own_records_are_never_dropped():
    limit = KafkaRateLimit()
    assert all(limit.filter(record("kafkaesque", 100.0)) for _ in range(3))
