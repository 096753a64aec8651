"""Connections to ClickHouse and what its errors mean: every other module of this package goes through here."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clickhouse_driver import errors

from common import tls
from common.clickhouse_io import internals, wire
from common.clickhouse_io.wire import BlockClient
from common.errors import (
    AskedTooMuch,
    BlockTooBig,
    ClickHouseRefused,
    ClickHouseUnavailable,
    OutOfMemory,
    TookTooLong,
)
from common.settings.parts import ClickHouseSettings
from common.tls import TlsSettings

OLDEST_SERVER = (23, 3)
"""Older servers ignore insert_deduplication_token or the settings of materialized views."""

MEMORY_LIMIT_EXCEEDED = 241
TIME_CODES = frozenset({159, 160})  # TIMEOUT_EXCEEDED, TOO_SLOW
SIZE_CODES = frozenset({158, 307, 396})  # TOO_MANY_ROWS, TOO_MANY_BYTES, TOO_MANY_ROWS_OR_BYTES

PING_S = 5.0
"""So long an idle connection may take to show that it is alive."""

RETRIABLE_CODES = frozenset(
    {
        3,  # UNEXPECTED_END_OF_FILE
        32,  # ATTEMPT_TO_READ_AFTER_EOF
        95,  # CANNOT_READ_FROM_SOCKET
        96,  # CANNOT_WRITE_TO_SOCKET
        *TIME_CODES,
        173,  # CANNOT_ALLOCATE_MEMORY
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        203,  # NO_FREE_CONNECTION
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        216,  # QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING
        225,  # NO_ZOOKEEPER
        236,  # ABORTED
        MEMORY_LIMIT_EXCEEDED,
        242,  # TABLE_IS_READ_ONLY
        243,  # NOT_ENOUGH_SPACE
        252,  # TOO_MANY_PARTS
        254,  # NO_ACTIVE_REPLICAS
        265,  # NO_AVAILABLE_REPLICA
        279,  # ALL_CONNECTION_TRIES_FAILED
        285,  # TOO_FEW_LIVE_REPLICAS
        286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
        289,  # REPLICA_IS_NOT_IN_QUORUM
        297,  # LIVE_VIEW_TIMEOUT / shutdown
        319,  # UNKNOWN_STATUS_OF_INSERT
        341,  # UNFINISHED
        364,  # RECEIVED_ERROR_TOO_MANY_REQUESTS
        369,  # ALL_REPLICAS_LOST
        384,  # PART_IS_TEMPORARILY_LOCKED
        394,  # QUERY_WAS_CANCELLED
        425,  # SYSTEM_ERROR
        439,  # CANNOT_SCHEDULE_TASK
        473,  # DEADLOCK_AVOIDED
        519,  # NO_ZOOKEEPER (session moved)
        745,  # SERVER_OVERLOADED
        749,  # TCP_CONNECTION_LIMIT_REACHED
        777,  # replication in progress
        999,  # KEEPER_EXCEPTION
        1000,  # POCO_EXCEPTION
    }
)
"""Server codes that pass by themselves. Whether the rows are stored is unknown after each of them."""

TLS_SETTINGS = TlsSettings(
    address="CLICKHOUSE_HOST",
    authorities="CLICKHOUSE_CA_CERTS",
    certificate="CLICKHOUSE_CERTFILE and CLICKHOUSE_KEYFILE",
    protocol="CLICKHOUSE_SECURE",
)
_WRONG_LOGIN = 516
_QUOTING = (errors.LogicalError, errors.CannotParseDomainError, errors.CannotParseUuidError)
_QUOTED = re.compile(r"'[^']*'?")
_VALUES = re.compile(r"[ .]+Column values\b")


def connect(settings: ClickHouseSettings, **server_settings: Any) -> BlockClient:
    """A client of its own for one thread; it connects on first use and again after each error.

    What the driver would log about a lost connection, traceback and all, is in the error that `translated` raises.
    """
    logging.getLogger("clickhouse_driver").setLevel(logging.CRITICAL)
    return BlockClient(
        settings.host,
        port=settings.port,
        user=settings.user,
        password=settings.password,
        database=settings.database,
        secure=settings.secure,
        ca_certs=settings.ca_certs or None,
        certfile=settings.certfile or None,
        keyfile=settings.keyfile or None,
        connect_timeout=settings.connect_timeout_s,
        send_receive_timeout=settings.send_receive_timeout_s,
        sync_request_timeout=min(PING_S, settings.send_receive_timeout_s),
        client_name="penstock",
        settings_is_important=True,
        settings={"insert_block_size": 2**31, "server_side_params": True, **server_settings},
    )


@contextmanager
def translated(client: BlockClient, what: str, *, sends_block: bool = False) -> Iterator[None]:
    """Turn whatever the driver raises into ClickHouseUnavailable, ClickHouseRefused, or what is below them.

    BlockTooBig is for who `sends_block`. `what` tells where: the table, and the range when there is one.
    """
    try:
        yield
    except (errors.Error, OSError, EOFError) as error:
        was_greeted = internals.was_greeted(client)
        client.disconnect()
        told = _translate(client, error, what, was_greeted=was_greeted, sends_block=sends_block)
        if isinstance(told, BlockTooBig) and not sends_block:
            told = ClickHouseUnavailable(str(told))
        raise told from error
    except (ValueError, TypeError, ArithmeticError, AttributeError, LookupError) as error:
        if not (sends_block or isinstance(error, ValueError | OverflowError | TypeError)):
            raise  # no column is to blame: a mistake in the code
        client.disconnect()
        raise ClickHouseRefused(
            f"{what}: the rows do not fit the table ({_without_values(error)})"
        ) from error


def _translate(
    client: BlockClient, error: Exception, what: str, *, was_greeted: bool, sends_block: bool
) -> Exception:
    where = f"{what}: ClickHouse at {internals.address(client)}"
    text = str(error).strip()
    if reason := tls.reason_of(text, TLS_SETTINGS):
        return ClickHouseRefused(f"{where} cannot be used: {reason}")
    if isinstance(error, errors.NetworkError | errors.SocketTimeoutError):
        hint = "; does the port speak TLS? CLICKHOUSE_SECURE=true" if "EOF" in text else ""
        hint = hint or "; is it CLICKHOUSE_HOST and CLICKHOUSE_PORT?"
        return ClickHouseUnavailable(f"{where} does not answer ({_first_line(text)}{hint})")
    if isinstance(error, errors.ServerException):
        said = f"code {error.code}, {_first_line(error.message)}"
        if sends_block:  # it may quote the values of a row
            said = _QUOTED.sub("'…'", said)
        if error.code == MEMORY_LIMIT_EXCEEDED:
            kind = BlockTooBig if sends_block else OutOfMemory
            return kind(f"{where} ran out of memory ({said})")
        if error.code in TIME_CODES:
            return TookTooLong(f"{where} gave it up ({said})")
        if error.code in SIZE_CODES:
            return AskedTooMuch(f"{where} gave it up ({said})")
        if error.code in RETRIABLE_CODES:
            return ClickHouseUnavailable(f"{where} refuses for now ({said})")
        hint = ": check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD" if error.code == _WRONG_LOGIN else ""
        return ClickHouseRefused(f"{where} refuses for good ({said}){hint}")
    if isinstance(error, EOFError) and not was_greeted:
        return ClickHouseUnavailable(
            f"{where} closed the connection before a greeting; another protocol or TLS there? "
            "Check CLICKHOUSE_PORT, CLICKHOUSE_SECURE and CLICKHOUSE_CERTFILE"
        )
    if isinstance(error, ConnectionError | EOFError):
        return BlockTooBig(f"{where} closed the connection ({type(error).__name__})")
    if isinstance(error, OSError) or getattr(error, "code", None) in RETRIABLE_CODES:
        return ClickHouseUnavailable(f"{where}: {type(error).__name__} {_first_line(text)}")
    said = "" if isinstance(error, _QUOTING) else f" {_first_line(text)}"
    return ClickHouseRefused(f"{where}: {type(error).__name__}{said}")


def _without_values(error: Exception) -> str:
    """What our own wire says, of others the type: the driver quotes what it cannot encode."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    is_ours = traceback is not None and traceback.tb_frame.f_globals.get("__name__") == wire.__name__
    return str(error) if is_ours else type(error).__name__


def _first_line(text: str) -> str:
    """What ClickHouse says, without the values that it shows of a row that violates a constraint (469)."""
    lines = [line for line in text.replace("DB::Exception: ", "").splitlines() if line.strip()]
    return _VALUES.split(lines[0])[0].removesuffix(" Stack trace:")[:300] if lines else "no reason given"
