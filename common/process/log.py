"""Logging: one line an event, a constant sentence with fields, as text or JSON, to stderr.

Fields are given as `extra={"stream": …, "rows": …}`.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from common.settings.parts import ServiceSettings

STANDARD_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
KAFKA_REPEAT_S = 10.0
KAFKA_LEVELS = {
    "kafka": logging.WARNING,
    "kafka.net": logging.CRITICAL,
    "kafka.cluster": logging.CRITICAL,
    "kafka.consumer.fetcher": logging.CRITICAL,
    "kafka.coordinator": logging.ERROR,
    "kafka.producer.transaction_manager": logging.CRITICAL,  # its fatal error comes out as one of ours
}


def setup_logging(service: str, settings: ServiceSettings, stream: TextIO | None = None) -> None:
    """Send every record of `settings.log_level` and above to `stream` (stderr), once; replaces earlier set-ups.

    kafka-python starts at WARNING and is heard at most once in ten seconds per place in its code.
    """
    stream = stream or sys.stderr
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        TextFormatter(service) if as_text else JsonFormatter(service, instance_name(settings))
    )
    handler.addFilter(KafkaRateLimit())
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    logging.getLogger("kafka").setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))
    logging.captureWarnings(True)


def instance_name(settings: ServiceSettings) -> str:
    """What this process calls itself, in its log and to the brokers: INSTANCE, or its host and process id."""
    return settings.instance or f"{socket.gethostname()}-{os.getpid()}"


def quieten_kafka() -> None:
    """Silence what a rolling restart of the brokers makes kafka-python say.

    To be called once connected: until then kafka.net alone knows why it cannot be made.
    """
    for name, level in KAFKA_LEVELS.items():
        logging.getLogger(name).setLevel(level)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller gave as `extra`."""
    return {name: value for name, value in record.__dict__.items() if name not in STANDARD_FIELDS}


class TextFormatter(logging.Formatter):
    """`2026-11-22 09:30:01.123 INFO sink: batch stored rows=100000 took_ms=55`, times in UTC."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback below it if there is one."""
        time = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        message = record.getMessage().replace("\n", "\\n")
        words = [time, record.levelname, f"{self.service}:", message]
        words += [f"{name}={show(value)}" for name, value in fields_of(record).items()]
        line = " ".join(words)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (ISO, UTC), level, service, instance, logger, message, the fields, error."""

    def __init__(self, service: str, instance: str) -> None:
        super().__init__()
        self.origin = {"service": service, "instance": instance}

    def format(self, record: logging.LogRecord) -> str:
        """One line; a traceback goes into `error`."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": time, "level": record.levelname, **self.origin, "logger": record.name}
        line |= {"message": record.getMessage(), **fields_of(record)}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def show(value: object) -> str:
    """A value as one word, quoted as JSON where it needs it."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    is_word = text.isprintable() and not set(text) & set(' "=')
    return text if text and is_word else json.dumps(text, ensure_ascii=False)


class KafkaRateLimit(logging.Filter):
    """Lets each place in kafka-python's code through once in ten seconds; the next one says how many were dropped.

    A request that was cancelled is one of a client that was closed meanwhile, on purpose: that is not said at all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.last_s: dict[tuple[str, int], float] = {}
        self.dropped: dict[tuple[str, int], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record passes; adds the field `dropped` when others did not."""
        if record.name.partition(".")[0] != "kafka":
            return True
        if isinstance(record.args, tuple) and any(type(each).__name__ == "Cancelled" for each in record.args):
            return False
        place = (record.pathname, record.lineno)
        if record.created - self.last_s.get(place, 0.0) < KAFKA_REPEAT_S:
            self.dropped[place] = self.dropped.get(place, 0) + 1
            return False
        self.last_s[place] = record.created
        if dropped := self.dropped.pop(place, 0):
            record.dropped = dropped
        return True
