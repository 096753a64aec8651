"""Options from settings, and what is said when no broker answers."""

import logging
from contextlib import ExitStack

import pytest
from kafka.errors import KafkaTimeoutError, SaslAuthenticationFailedError

from common.errors import KafkaRefused, KafkaUnavailable
from common.kafka_io.connection import (
    _Listener,
    admin_options,
    client_options,
    connect,
    consumer_options,
    producer_options,
)
from common.settings.parts import KafkaSettings

PLAIN = KafkaSettings(bootstrap_servers=("one:9092", "two:9092"))
SECURE = KafkaSettings(
    bootstrap_servers=("one:9093",),
    security_protocol="SASL_SSL",
    sasl_mechanism="SCRAM-SHA-512",
    sasl_username="alice",
    sasl_password="secret",
    ssl_cafile="/ca.pem",
)


class Clock:
    def __init__(self):
        self.time_s = 100.0

    def now_s(self):
        return self.time_s

    def sleep(self, seconds):
        self.time_s += seconds


def client_class(clock, failures, said=()):
    """A client whose first `failures` attempts time out, after kafka-python logged `said`."""

    class Client:
        attempts: list[int] = []

        def __init__(self, **options):
            self.options = options
            self.attempts.append(options["bootstrap_timeout_ms"])
            if len(self.attempts) <= failures:
                for line in said:
                    words = (line,) if isinstance(line, str) else line
                    logging.getLogger("kafka.net.manager").warning(*words)
                clock.sleep(options["bootstrap_timeout_ms"] / 1000)
                raise KafkaTimeoutError("Unable to bootstrap")

    return Client


def attempt(kind, clock, options=None, timeout_s=10.0):
    return connect(
        kind, options or client_options(PLAIN), timeout_s=timeout_s, now_s=clock.now_s, sleep=clock.sleep
    )


def test_a_consumer_chooses_no_start_by_itself_and_commits_by_hand():
    options = consumer_options(PLAIN, "group")
    assert options["auto_offset_reset"] == "none"
    assert options["enable_auto_commit"] is False
    assert options["isolation_level"] == "read_committed"
    assert (options["session_timeout_ms"], options["max_poll_interval_ms"]) == (10_000, 60_000)


def test_a_reader_without_a_group_has_no_group_options():
    assert "session_timeout_ms" not in consumer_options(PLAIN, None)


def test_a_producer_is_idempotent_and_waits_for_all():
    options = producer_options(PLAIN)
    assert (options["acks"], options["enable_idempotence"]) == ("all", True)


@pytest.mark.parametrize("build", [client_options, producer_options, admin_options])
def test_logins_and_certificates_are_passed_on(build):
    options = build(SECURE)
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("alice", "secret")
    assert (options["ssl_cafile"], options["ssl_certfile"]) == ("/ca.pem", None)
    assert options["ssl_check_hostname"] is True


def test_plain_connections_have_no_login():
    assert not [name for name in client_options(PLAIN) if name.startswith(("sasl", "ssl"))]


def test_tries_again_until_a_broker_answers():
    clock = Clock()
    kind = client_class(clock, failures=2)
    assert attempt(kind, clock).options["bootstrap_servers"] == ["one:9092", "two:9092"]
    assert kind.attempts == [3000, 3000, 3000]


def test_gives_up_in_time_and_says_where_and_why():
    clock = Clock()
    said = ["Bootstrap connection to x failed: KafkaConnectionError: 111 ECONNREFUSED (backoff 0.5 secs)"]
    with pytest.raises(KafkaUnavailable) as raised:
        attempt(client_class(clock, failures=99, said=said), clock)
    assert clock.time_s == pytest.approx(110.0, abs=0.5)
    text = str(raised.value)
    assert "one:9092,two:9092 within 10 s" in text
    assert "111 ECONNREFUSED" in text
    assert "backoff" not in text
    assert "TLS or a login" in text
    assert "\n" not in text


def test_a_failed_login_suggests_the_credentials():
    clock = Clock()
    with pytest.raises(KafkaUnavailable, match="wrong credentials"):
        attempt(client_class(clock, failures=99), clock, client_options(SECURE))


def test_a_login_that_is_surely_refused_is_not_tried_until_the_end():
    clock = Clock()
    failure = "Bootstrap connection to %s failed: %s", "bootstrap-0", SaslAuthenticationFailedError("no")
    kind = client_class(clock, failures=99, said=[failure])
    with pytest.raises(KafkaRefused, match="one:9093 cannot be used: the login of 'alice'") as raised:
        attempt(kind, clock, client_options(SECURE), timeout_s=30.0)
    assert kind.attempts == [3000]
    assert "secret" not in str(raised.value)


def test_the_logger_is_given_back_when_the_last_of_several_that_connect_at_once_is_done():
    logger = logging.getLogger("kafka.net")
    before = logger.level, logger.propagate, list(logger.handlers)
    first, second = _Listener(), _Listener()
    with ExitStack() as ends_first, ExitStack() as ends_last:
        ends_first.enter_context(first)
        ends_last.enter_context(second)
        ends_first.close()
        assert (logger.level, logger.propagate) == (logging.WARNING, False)
    assert (logger.level, logger.propagate, logger.handlers) == before


def test_leaves_the_logger_as_it_was(caplog):
    logger = logging.getLogger("kafka.net")
    before = logger.level, logger.propagate, list(logger.handlers)
    clock = Clock()
    attempt(client_class(clock, failures=1, said=["it failed: because"]), clock)
    assert (logger.level, logger.propagate, logger.handlers) == before
    assert caplog.records == []
