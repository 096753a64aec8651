import ssl

import numpy as np
import pytest
from clickhouse_driver import errors

from common.clickhouse_io.client import RETRIABLE_CODES, connect, translated
from common.clickhouse_io.wire import as_wire
from common.errors import (
    AskedTooMuch,
    BlockTooBig,
    ClickHouseRefused,
    ClickHouseUnavailable,
    OutOfMemory,
    PenstockError,
    TookTooLong,
)
from common.settings.parts import ClickHouseSettings


def server(code, message="DB::Exception: something happened. (NAME)\nStack trace:\n0. somewhere"):
    return errors.ServerException(message, code)


def told(error, what="INSERT token", *, was_greeted=True, sends_block=True):
    """What `translated` makes of an error, of a server that has answered before, or never did."""
    client = connect(ClickHouseSettings(host="db", port=9000))
    if was_greeted:
        client.connection.context.server_info = object()
    with pytest.raises(PenstockError) as caught:
        with translated(client, what, sends_block=sends_block):
            raise error
    return caught.value


UNAVAILABLE = {
    "no answer to a connection": errors.NetworkError("Connection refused (db:9000)"),
    "silence": errors.SocketTimeoutError("(db:9000)"),
    "a time-out of the socket": TimeoutError("timed out"),
    "no route": OSError(113, "No route to host"),
    "too many queries": server(202),
    "the same query id runs": server(216),
    "a table that is read-only for now": server(242),
    "no space": server(243),
    "too many parts": server(252),
    "a replica that went away": server(254),
    "an insert of unknown status": server(319),
    "a cancelled query": server(394),
    "Keeper": server(999),
}

TOO_BIG = {
    "memory": server(241),
    "a reset": ConnectionResetError(104, "Connection reset by peer"),
    "a broken pipe": BrokenPipeError(32, "Broken pipe"),
    "the end in mid-answer": EOFError("Unexpected EOF while reading bytes"),
}

REFUSED = {
    "no such table": server(60),
    "no such column": server(16),
    "a type that does not match": server(53),
    "no right": server(497),
    "a wrong password": server(516),
    "a violated constraint": server(469),
    "an unknown setting": server(115),
    "a value of the wrong type": errors.TypeMismatchError("Type mismatch in VALUES section"),
    "a type the driver does not know": errors.UnknownTypeError("JSON"),
    "an untrusted certificate": errors.NetworkError(
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"
    ),
    "TLS to a plain port": ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"),
    "an integer that does not fit": OverflowError("int too big to convert"),
    "a column of another length": ValueError("column b has 2 rows, the first one has 3"),
    "a value of no type": TypeError("required argument is not an integer"),
}


@pytest.mark.parametrize(
    "error",
    [
        errors.LogicalError("Unknown element 'alice@example.org' for type Enum8('a' = 1)"),
        errors.CannotParseDomainError("Cannot parse IPv4 'alice@example.org'"),
        errors.CannotParseUuidError("Cannot parse uuid 'alice@example.org'"),
        ValueError("invalid literal for int() with base 10: 'alice@example.org'"),
        AttributeError("'alice@example.org' has no attribute"),
        KeyError("alice@example.org"),
        ArithmeticError("alice@example.org"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_the_driver_cannot_encode_is_refused_without_the_value(error):
    refusal = told(error)
    assert type(refusal) is ClickHouseRefused
    assert type(error).__name__ in str(refusal)
    assert "alice" not in str(refusal)


def test_what_our_own_wire_refuses_is_told_in_its_words():
    client = connect(ClickHouseSettings(host="db", port=9000))
    with pytest.raises(ClickHouseRefused, match="values of type int64 do not fit UInt8"):
        with translated(client, "INSERT token"):
            as_wire("UInt8", np.array([256]))


VIOLATED = (
    "DB::Exception: Constraint `mail` for table default.t is violated at row 3. Expression: (m != ''){}"
    "Column values: m = 'alice@example.org'. (VIOLATED_CONSTRAINT)"
)


@pytest.mark.parametrize("between", [". ", " ", ".\n", ".  "])
def test_values_that_clickhouse_shows_of_a_violated_constraint_are_not_told(between):
    text = str(told(server(469, VIOLATED.format(between))))
    assert "Constraint `mail`" in text
    assert "alice" not in text


@pytest.mark.parametrize("error", UNAVAILABLE.values(), ids=UNAVAILABLE)
def test_what_passes_by_itself_is_unavailable(error):
    assert type(told(error)) is ClickHouseUnavailable


@pytest.mark.parametrize("code", [159, 160])
def test_a_query_over_its_time_took_too_long_which_passes_too(code):
    assert type(told(server(code))) is TookTooLong
    assert told(server(code)).retriable


@pytest.mark.parametrize("code", [158, 307, 396])
def test_a_query_over_its_rows_or_bytes_has_asked_too_much_and_will_be_refused_again(code):
    assert type(told(server(code), sends_block=False)) is AskedTooMuch
    assert isinstance(told(server(code)), ClickHouseRefused)


@pytest.mark.parametrize("error", TOO_BIG.values(), ids=TOO_BIG)
def test_what_a_smaller_block_may_pass_is_too_big(error):
    assert type(told(error)) is BlockTooBig


@pytest.mark.parametrize("error", TOO_BIG.values(), ids=TOO_BIG)
def test_a_question_that_fails_says_nothing_about_the_size_of_a_block(error):
    failed = told(error, sends_block=False)
    assert isinstance(failed, ClickHouseUnavailable) and not isinstance(failed, BlockTooBig)


def test_a_question_that_needs_too_much_memory_is_told_apart_from_a_server_that_is_away():
    assert type(told(server(241), sends_block=False)) is OutOfMemory
    assert type(told(ConnectionResetError(104, "reset"), sends_block=False)) is ClickHouseUnavailable


@pytest.mark.parametrize("error", REFUSED.values(), ids=REFUSED)
def test_what_will_be_refused_again_is_refused(error):
    assert type(told(error)) is ClickHouseRefused


@pytest.mark.parametrize("code", sorted(RETRIABLE_CODES))
def test_every_code_on_the_list_is_retriable(code):
    assert told(server(code)).retriable


@pytest.mark.parametrize("error", [*UNAVAILABLE.values(), *TOO_BIG.values()], ids=[*UNAVAILABLE, *TOO_BIG])
def test_a_retriable_error_says_what_was_tried_and_where(error):
    assert str(told(error)).startswith("INSERT token: ClickHouse at db:9000")


def test_the_servers_words_come_without_its_stack_trace():
    said = str(told(server(60, "DB::Exception: Table t does not exist. (UNKNOWN_TABLE)\nStack trace:\n0. x")))
    assert said == (
        "INSERT token: ClickHouse at db:9000 refuses for good "
        "(code 60, Table t does not exist. (UNKNOWN_TABLE))"
    )


def test_a_long_message_is_cut():
    assert len(str(told(server(60, "x" * 10_000)))) < 400


def test_an_error_without_words_is_told_too():
    assert "no reason given" in str(told(server(202, "")))


def test_a_certificate_that_is_not_trusted_names_the_settings():
    assert "check CLICKHOUSE_CA_CERTS" in str(told(REFUSED["an untrusted certificate"]))
    assert "check CLICKHOUSE_SECURE" in str(told(REFUSED["TLS to a plain port"]))


def test_a_server_that_hangs_up_before_its_greeting_may_speak_another_protocol():
    error = told(EOFError("Unexpected EOF while reading bytes"), was_greeted=False)
    assert type(error) is ClickHouseUnavailable
    assert "CLICKHOUSE_SECURE" in str(error)


def test_a_wrong_password_names_the_settings():
    assert "check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD" in str(told(server(516)))


def test_the_cause_is_kept():
    error = server(60)
    assert told(error).__cause__ is error


def test_an_error_of_ours_or_a_mistake_in_the_code_passes_as_it_is():
    client = connect(ClickHouseSettings())
    for error in (ClickHouseUnavailable("here"), KeyError("there"), AssertionError("nowhere")):
        with pytest.raises(type(error)) as caught:
            with translated(client, "x"):
                raise error
        assert caught.value is error


def test_a_client_is_told_by_its_settings():
    client = connect(ClickHouseSettings(host="db", port=9440, user="ann", password="hush"), max_threads=1)
    assert client.connection.hosts[0] == ("db", 9440)
    assert (client.connection.user, client.connection.password) == ("ann", "hush")
    assert client.settings["max_threads"] == 1


def test_r5_a_block_is_never_cut_by_the_driver():
    assert connect(ClickHouseSettings()).client_settings["insert_block_size"] >= 2**31
