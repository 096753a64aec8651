"""Builds client options from settings, and connects with a bound. Every Kafka client of ours is made through here."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

from kafka.errors import KafkaError, KafkaTimeoutError

from common.errors import KafkaRefused, KafkaUnavailable
from common.kafka_io import internals
from common.kafka_io.refusal import refusal
from common.process.deadline import Deadline
from common.settings.parts import KafkaSettings

Client = TypeVar("Client")
Options = dict[str, Any]

_FAILURE = re.compile(r".*failed:? (?P<reason>.+?)( \(backoff .*)?$", re.DOTALL)
BOOTSTRAP_MS = 3_000  # one frozen broker may swallow an attempt: make several
PAUSE_S = 0.25


def client_options(kafka: KafkaSettings) -> Options:
    """What all clients share: where, how to log in, and timeouts that ride out a lost broker in seconds."""
    options: Options = {
        "bootstrap_servers": list(kafka.bootstrap_servers),
        "bootstrap_timeout_ms": BOOTSTRAP_MS,
        "request_timeout_ms": _ms(kafka.request_timeout_s),
        "retry_backoff_ms": 50,
        "reconnect_backoff_ms": 50,
        "reconnect_backoff_max_ms": 500,
        "metadata_max_age_ms": 5_000,
        "security_protocol": kafka.security_protocol,
    }
    if kafka.security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.sasl_username,
            "sasl_plain_password": kafka.sasl_password,
        }
    if kafka.security_protocol.endswith("SSL"):
        options |= {
            "ssl_check_hostname": kafka.ssl_check_hostname,
            "ssl_cafile": kafka.ssl_cafile or None,
            "ssl_certfile": kafka.ssl_certfile or None,
            "ssl_keyfile": kafka.ssl_keyfile or None,
            "ssl_password": kafka.ssl_keyfile_password or None,
        }
    return options


def consumer_options(kafka: KafkaSettings, group_id: str | None) -> Options:
    """Options of a consumer that commits by hand, sees committed data only, and never chooses a start by itself."""
    options = client_options(kafka) | {
        "group_id": group_id,
        "auto_offset_reset": "none",
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        "allow_auto_create_topics": False,
    }
    if group_id is not None:
        options |= {
            "session_timeout_ms": _ms(kafka.session_timeout_s),
            "heartbeat_interval_ms": _ms(kafka.heartbeat_s),
            "max_poll_interval_ms": _ms(kafka.max_poll_interval_s),
        }
    return options


def producer_options(kafka: KafkaSettings) -> Options:
    """Options of an idempotent producer whose acknowledgement means that the in-sync replicas have it."""
    return client_options(kafka) | {
        "acks": "all",
        "enable_idempotence": True,
        "compression_type": "zstd",
        "delivery_timeout_ms": 60_000,
        "max_block_ms": 5_000,
        "metrics_enabled": False,
        "allow_auto_create_topics": False,
    }


def admin_options(kafka: KafkaSettings) -> Options:
    """Options of an admin client."""
    return client_options(kafka)


def connect(
    kind: type[Client],
    options: Options,
    *,
    timeout_s: float,
    now_s: Callable[[], float],
    sleep: Callable[[float], object],
) -> Client:
    """A connected client of that kind, e.g. connect(BulkConsumer, consumer_options(…), …).

    Tries again until `timeout_s` have passed. Raises KafkaUnavailable, one line: the servers and what went wrong;
    KafkaRefused, after one attempt, when they leave no doubt that a login or a certificate is wrong.
    """
    deadline = Deadline(now_s, timeout_s)
    with _Listener() as heard:
        while True:
            left_ms = round(deadline.left_s * 1000)
            client = object.__new__(kind)  # built in two steps: a failed __init__ leaves a thread to stop
            try:
                client.__init__(**options | {"bootstrap_timeout_ms": max(1, min(left_ms, BOOTSTRAP_MS))})  # type: ignore[misc]
                return client
            except KafkaTimeoutError as error:
                _abandon(client)
                if reason := refusal(options, heard.last, heard.errors):
                    raise KafkaRefused(f"Kafka at {_servers(options)} cannot be used: {reason}") from error
                if deadline.is_over:
                    raise KafkaUnavailable(_explain(options, timeout_s, heard.reasons)) from error
            sleep(PAUSE_S)


class _Listener(logging.Handler):
    """Hears why connections fail: kafka-python says it in its log only. Silences that logger meanwhile.

    Several may listen at once: the last one to end gives the logger back as the first one found it.
    """

    _lock = threading.Lock()
    _listening = 0
    _before = logging.NOTSET, True

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.reasons: dict[str, None] = {}
        self.errors: list[BaseException] = []
        self.last: dict[str, BaseException] = {}
        self._logger = logging.getLogger("kafka.net")

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        for broker, error in pairwise(arguments):
            if isinstance(broker, str) and isinstance(error, BaseException):
                self.last[broker] = error  # "Bootstrap connection to %s failed: %s"
        self.errors += [each for each in arguments if isinstance(each, BaseException)]
        said = _FAILURE.match(record.getMessage())
        if said and "Unable to bootstrap" not in said["reason"]:
            self.reasons.setdefault(said["reason"])

    def __enter__(self) -> _Listener:
        self._silence(self._logger, self)
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back(self._logger, self)

    @classmethod
    def _silence(cls, logger: logging.Logger, listener: logging.Handler) -> None:
        with cls._lock:
            if not cls._listening:
                cls._before = logger.level, logger.propagate
            cls._listening += 1
            logger.addHandler(listener)
            logger.setLevel(logging.WARNING)
            logger.propagate = False

    @classmethod
    def _give_back(cls, logger: logging.Logger, listener: logging.Handler) -> None:
        with cls._lock:
            logger.removeHandler(listener)
            cls._listening -= 1
            if not cls._listening:
                level, logger.propagate = cls._before
                logger.setLevel(level)


def _explain(options: Options, timeout_s: float, reasons: dict[str, None]) -> str:
    protocol = options["security_protocol"]
    guess = "not running, another port"
    if protocol == "PLAINTEXT":
        guess += ", or brokers that want TLS or a login: KAFKA_SECURITY_PROTOCOL"
    if protocol.startswith("SASL"):
        guess += ", or wrong credentials: KAFKA_SASL_MECHANISM, _USERNAME, _PASSWORD"
    if protocol.endswith("SSL"):
        guess += f", or a port that does not speak {protocol}: KAFKA_SECURITY_PROTOCOL"
    said = "; ".join(list(reasons)[-2:]) or "no answer"
    return f"no Kafka broker at {_servers(options)} within {timeout_s:g} s ({guess}?): {said}"


def _servers(options: Options) -> str:
    return ",".join(options["bootstrap_servers"])


def _abandon(client: Any) -> None:
    """Stop the IO thread that a half-made client leaves behind."""
    try:
        internals.abandon(client)
    except (KafkaError, RuntimeError, OSError):
        logging.getLogger(__name__).debug("closing a client that never connected failed", exc_info=True)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
