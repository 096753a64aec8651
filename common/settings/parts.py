"""The parts of the settings: each field with its variable, its default, what is allowed and what it means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from common.settings import kinds
from common.settings.fields import Part, setting

KIB, MIB, GIB = 2**10, 2**20, 2**30
SASL_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
LOCAL_BROKERS = ("localhost:29092", "localhost:29093", "localhost:29094")


@dataclass(frozen=True, kw_only=True, repr=False)
class KafkaSettings(Part):
    """How to reach the brokers and how patient to be with them."""

    bootstrap_servers: tuple[str, ...] = setting(
        LOCAL_BROKERS,
        "BOOTSTRAP_SERVERS",
        kinds.servers(),
        "brokers to ask first",
        aliases=("KAFKA_BOOTSTRAP_SERVERS",),
    )
    group_id: str = setting(
        "penstock",
        "KAFKA_GROUP_ID",
        kinds.name(),
        "consumer groups are named after it: `-sink`, `-transform`",
    )
    security_protocol: str = setting(
        "PLAINTEXT",
        "KAFKA_SECURITY_PROTOCOL",
        kinds.one_of("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
        "encryption and login",
    )
    sasl_mechanism: str = setting("", "KAFKA_SASL_MECHANISM", kinds.one_of(*SASL_MECHANISMS), "how to log in")
    sasl_username: str = setting("", "KAFKA_SASL_USERNAME", kinds.text(), "who logs in")
    sasl_password: str = setting("", "KAFKA_SASL_PASSWORD", kinds.text(), "their password", secret=True)
    ssl_cafile: str = setting(
        "", "KAFKA_SSL_CAFILE", kinds.file(), "PEM of the authorities that sign brokers"
    )
    ssl_certfile: str = setting(
        "", "KAFKA_SSL_CERTFILE", kinds.file(), "PEM of our own certificate (mutual TLS)"
    )
    ssl_keyfile: str = setting(
        "", "KAFKA_SSL_KEYFILE", kinds.file(), "PEM of its key, if not in the same file"
    )
    ssl_keyfile_password: str = setting(
        "", "KAFKA_SSL_KEYFILE_PASSWORD", kinds.text(), "password of that key", secret=True
    )
    ssl_check_hostname: bool = setting(
        True, "KAFKA_SSL_CHECK_HOSTNAME", kinds.flag(), "brokers must be named in their certificates"
    )
    request_timeout_s: float = setting(
        5.0, "KAFKA_REQUEST_TIMEOUT_S", kinds.seconds(0.5, 300), "wait for one answer of a broker"
    )
    session_timeout_s: float = setting(
        10.0,
        "KAFKA_SESSION_TIMEOUT_S",
        kinds.seconds(1, 1800),
        "silence after which a consumer counts as dead",
    )
    heartbeat_s: float = setting(
        0.3, "KAFKA_HEARTBEAT_S", kinds.seconds(0.1, 600), "between two signs of life"
    )
    max_poll_interval_s: float = setting(
        60.0,
        "KAFKA_MAX_POLL_INTERVAL_S",
        kinds.seconds(5, 3600),
        "longest time a consumer may be busy between polls",
    )
    connect_timeout_s: float = setting(
        30.0,
        "KAFKA_CONNECT_TIMEOUT_S",
        kinds.seconds(1, 3600),
        "keep trying to reach brokers and ClickHouse at start",
    )
    max_unpacked_bytes: int = setting(
        64 * MIB,
        "MAX_UNPACKED_BYTES",
        kinds.size(MIB, GIB),
        "a record batch that unpacks to more is not read: one message goes to `.dead`, several park the feed",
    )

    def promises(self) -> Iterator[tuple[bool, str]]:
        """Signs of life fit into the session, answers too; login and TLS files are used or absent."""
        session, protocol = self.given("session_timeout_s"), self.given("security_protocol")
        holds = self.heartbeat_s < self.session_timeout_s / 3
        yield holds, f"{self.given('heartbeat_s')} must be below a third of {session}"
        holds = self.request_timeout_s < self.session_timeout_s
        yield holds, f"{self.given('request_timeout_s')} must be below {session}"
        holds = self.session_timeout_s <= self.max_poll_interval_s
        yield holds, f"{session} must not be above {self.given('max_poll_interval_s')}"
        has_login = bool(self.sasl_mechanism and self.sasl_username and self.sasl_password)
        if self.security_protocol.startswith("SASL"):
            yield (
                has_login,
                f"{protocol} needs KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD",
            )
        elif self.sasl_mechanism or self.sasl_username or self.sasl_password:
            yield False, f"{protocol} would not log in: KAFKA_SASL_… need SASL_SSL or SASL_PLAINTEXT"
        has_files = bool(self.ssl_cafile or self.ssl_certfile or self.ssl_keyfile)
        if not self.security_protocol.endswith("SSL"):
            yield not has_files, f"{protocol} would not encrypt: KAFKA_SSL_… files need SSL or SASL_SSL"
        yield bool(self.ssl_certfile or not self.ssl_keyfile), "KAFKA_SSL_KEYFILE needs KAFKA_SSL_CERTFILE"


@dataclass(frozen=True, kw_only=True, repr=False)
class TopicSettings(Part):
    """How topics are made that do not exist yet."""

    partitions: int = setting(4, "PARTITIONS", kinds.whole(1, 10_000), "partitions of a new topic")
    replication_factor: int = setting(
        3, "REPLICATION_FACTOR", kinds.whole(1, 100), "brokers that hold each partition"
    )
    min_insync_replicas: int = setting(
        2,
        "MIN_INSYNC_REPLICAS",
        kinds.whole(1, 100),
        "brokers that must hold an event before it is acknowledged",
    )
    retention_bytes: int = setting(
        GIB,
        "RETENTION_BYTES",
        kinds.size(MIB, 2**50),
        "of each partition; older events are deleted (not in `.dead`)",
    )
    max_message_bytes: int = setting(
        1_048_588, "MAX_MESSAGE_BYTES", kinds.size(KIB, 64 * MIB), "largest batch of messages a topic takes"
    )

    def promises(self) -> Iterator[tuple[bool, str]]:
        """Enough replicas to acknowledge with."""
        holds = self.min_insync_replicas <= self.replication_factor
        yield (
            holds,
            f"{self.given('min_insync_replicas')} must not be above {self.given('replication_factor')}",
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class ClickHouseSettings(Part):
    """How to reach ClickHouse over its native protocol, and how patient to be with it."""

    host: str = setting("localhost", "CLICKHOUSE_HOST", kinds.text(), "where ClickHouse listens")
    port: int = setting(
        9000, "CLICKHOUSE_PORT", kinds.native_port(), "its native port; 8123, the HTTP port, is refused"
    )
    user: str = setting("default", "CLICKHOUSE_USER", kinds.text(), "who logs in")
    password: str = setting("", "CLICKHOUSE_PASSWORD", kinds.text(), "their password", secret=True)
    database: str = setting("default", "CLICKHOUSE_DB", kinds.name(), "where the tables are")
    secure: bool = setting(
        False, "CLICKHOUSE_SECURE", kinds.flag(), "speak TLS; the port is then usually 9440"
    )
    ca_certs: str = setting(
        "", "CLICKHOUSE_CA_CERTS", kinds.file(), "PEM of the authorities that sign the server"
    )
    certfile: str = setting(
        "", "CLICKHOUSE_CERTFILE", kinds.file(), "PEM of our own certificate (mutual TLS)"
    )
    keyfile: str = setting("", "CLICKHOUSE_KEYFILE", kinds.file(), "PEM of its key")
    connect_timeout_s: float = setting(
        3.0, "CLICKHOUSE_CONNECT_TIMEOUT_S", kinds.seconds(0.1, 60), "wait for a connection"
    )
    send_receive_timeout_s: float = setting(
        20.0,
        "CLICKHOUSE_SEND_RECEIVE_TIMEOUT_S",
        kinds.seconds(1, 600),
        "wait for the next bytes of an answer",
    )

    def promises(self) -> Iterator[tuple[bool, str]]:
        """TLS files are used or absent."""
        has_files = bool(self.ca_certs or self.certfile or self.keyfile)
        yield (
            self.secure or not has_files,
            "CLICKHOUSE_SECURE=false would not use the certificate files given",
        )
        yield (
            bool(self.certfile) == bool(self.keyfile),
            "CLICKHOUSE_CERTFILE and CLICKHOUSE_KEYFILE need each other",
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class SinkSettings(Part):
    """When a batch is due (at whichever limit comes first), and what the sink does with trouble."""

    batch_rows: int = setting(
        100_000, "BATCH_ROWS", kinds.whole(1, 1_000_000), "a batch is cut at this many rows"
    )
    batch_bytes: int = setting(
        48 * MIB,
        "BATCH_BYTES",
        kinds.size(KIB, GIB),
        "or at this size on the wire; memory grows by about three times this",
    )
    batch_age_s: float = setting(
        1.0,
        "BATCH_AGE_S",
        kinds.seconds(0.01, 30),
        "maximum age of a batch, counted from its first message; while a partition lags, up to five times as long for "
        "a full batch; the first batch after a rebalance does not wait",
    )
    dead_letter_limit: int = setting(
        1_000,
        "DEAD_LETTER_LIMIT",
        kinds.whole(1, 10**9),
        "a feed is parked after more than this many bad messages in a row",
    )
    max_message_rows: int = setting(
        1_000_000,
        "MAX_MESSAGE_ROWS",
        kinds.whole(1, 100_000_000),
        "a message that makes more rows goes to `.dead`",
    )
    epoch: int = setting(
        0,
        "SINK_EPOCH",
        kinds.whole(0, 2**31 - 1),
        "raised by one, it lets a table be filled again from the topic",
    )
    park_retry_s: float = setting(
        30.0, "PARK_RETRY_S", kinds.seconds(1, 3600), "between two tries of a parked feed"
    )


@dataclass(frozen=True, kw_only=True, repr=False)
class TransformSettings(Part):
    """When a transaction is closed, at whichever limit comes first."""

    transaction_age_s: float = setting(
        0.1, "TRANSACTION_AGE_S", kinds.seconds(0.01, 5), "a transform commits so long after a first message"
    )
    transaction_messages: int = setting(
        50_000, "TRANSACTION_MESSAGES", kinds.whole(1, 1_000_000), "or at this many messages"
    )


@dataclass(frozen=True, kw_only=True, repr=False)
class ServiceSettings(Part):
    """What every service has: an HTTP endpoint for health and metrics, and a log."""

    http_host: str = setting(
        "127.0.0.1", "HTTP_HOST", kinds.text(), "where `/health`, `/ready`, `/metrics` listen"
    )
    http_port: int | None = setting(
        None,
        "HTTP_PORT",
        kinds.whole(0, 65535, "a port"),
        "their port; 0 takes a free one; empty: no endpoint",
    )
    log_level: str = setting(
        "INFO", "LOG_LEVEL", kinds.one_of("DEBUG", "INFO", "WARNING", "ERROR"), "least level shown"
    )
    log_format: str = setting(
        "auto", "LOG_FORMAT", kinds.one_of("auto", "text", "json"), "auto is text on a terminal, else json"
    )
    instance: str = setting(
        "", "INSTANCE", kinds.name(), "name of this process in log and status; empty: host and process id"
    )
