"""Whatever goes wrong is a problem as RFC 9457 has it: what a client may do about it, and nothing of our insides."""

import logging
from typing import Annotated

import pytest
from fastapi import FastAPI, Query
from starlette.exceptions import HTTPException

from api.problems import RETRY_AFTER_S, SHOWN_CHARACTERS, handle_problems, words_of
from common.errors import (
    AskedTooMuch,
    ClickHouseRefused,
    ClickHouseUnavailable,
    KafkaDenied,
    KafkaRefused,
    KafkaUnavailable,
    NotAllowed,
    NotStored,
    OutOfMemory,
    PenstockError,
    TookTooLong,
)
from tests.unit.api.asgi import ask


def app_that_raises(error):
    app = FastAPI()
    handle_problems(app, ["collatz"])

    @app.get("/it")
    async def it() -> None:
        raise error

    return app


def app_with_a_parameter():
    app = FastAPI()
    handle_problems(app, ["collatz"])

    @app.get("/it")
    async def it(rows: Annotated[int, Query(ge=1, le=1000)]) -> int:
        return rows

    return app


def answer_to(error):
    answer = ask(app_that_raises(error), "/it")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status
    return answer


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotStored("no walk is stored"), 404),
        (NotAllowed("x", "must be positive"), 422),
        (ClickHouseUnavailable("no answer"), 503),
        (TookTooLong("longer than 1.5 s"), 503),
        (OutOfMemory("no memory"), 503),
        (AskedTooMuch("ask for fewer rows"), 422),
        (KafkaUnavailable("no broker"), 503),
        (KafkaRefused("login"), 503),
        (KafkaDenied("a right"), 503),
        (HTTPException(418, "short and stout"), 418),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_what_is_foreseen_says_what_it_is(error, status):
    answer = answer_to(error)
    assert answer.status == status
    assert answer.json()["detail"] == (error.detail if isinstance(error, HTTPException) else words_of(error))
    assert answer.json()["title"]


@pytest.mark.parametrize("kind", [ClickHouseUnavailable, TookTooLong, OutOfMemory])
def test_who_is_answered_later_is_told_when_to_come_back(kind):
    assert answer_to(kind("not now")).headers["retry-after"] == str(RETRY_AFTER_S)


@pytest.mark.parametrize("kind", [NotStored, AskedTooMuch])
def test_who_would_be_answered_the_same_again_is_not(kind):
    assert "retry-after" not in answer_to(kind("nothing")).headers


def test_a_value_that_is_not_allowed_is_named_with_its_parameter():
    errors = answer_to(NotAllowed("x", "must be positive")).json()["errors"]
    assert errors == [{"where": "x", "message": "must be positive"}]


def test_a_table_that_is_missing_says_how_to_make_it():
    answer = answer_to(ClickHouseRefused("asking: code 60, UNKNOWN_TABLE"))
    assert (answer.status, "python -m consumer migrate" in answer.json()["detail"]) == (503, True)


@pytest.mark.parametrize(
    "error", [ClickHouseRefused("code 62, syntax of /var/lib"), PenstockError("/etc/passwd")]
)
def test_what_nobody_foresaw_goes_into_the_log_and_not_to_the_client(error, caplog):
    with caplog.at_level(logging.ERROR, logger="api.problems"):
        answer = answer_to(error)
    assert answer.status == 500
    assert b"/var/lib" not in answer.body and b"passwd" not in answer.body
    (record,) = caplog.records
    assert (record.path, record.exc_info[1]) == ("/it", error)


def test_an_address_that_does_not_exist_says_where_to_look():
    answer = ask(app_that_raises(NotStored("")), "/" + "x" * 1000)
    assert answer.status == 404
    assert answer.json()["detail"].endswith("; /docs lists what there is")
    assert len(answer.json()["detail"]) < SHOWN_CHARACTERS + 100


def test_a_method_that_does_not_exist_is_named():
    answer = ask(app_that_raises(NotStored("")), "/it", method="DELETE")
    assert (answer.status, answer.json()["detail"]) == (405, "DELETE is not possible here")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "is missing"),
        ("rows=0", "must be at least 1 (given: 0)"),
        ("rows=few", "must be a whole number (given: few)"),
        (f"rows={'9' * 5000}", None),
    ],
    ids=["missing", "too small", "no number", "longer than anybody reads"],
)
def test_a_wrong_parameter_says_which_and_what_is_allowed(query, message):
    answer = ask(app_with_a_parameter(), "/it", query=query)
    (error,) = answer.json()["errors"]
    assert (answer.status, error["where"]) == (422, "rows")
    assert answer.json()["detail"] == f"rows {error['message']}"
    assert error["message"] == message or message is None
    assert len(error["message"]) < SHOWN_CHARACTERS + 200


@pytest.mark.parametrize(
    "error",
    [
        ClickHouseUnavailable("question part: ClickHouse at db.internal:9000 does not answer"),
        KafkaUnavailable("no broker answers at db.internal:9092"),
    ],
)
def test_an_answer_tells_no_address_of_a_server(error):
    assert "does not answer right now" in words_of(error)
    assert "db.internal" not in words_of(error)


@pytest.mark.parametrize(
    "error",
    [
        TookTooLong("the question took longer than 1.5 s"),
        OutOfMemory("the question needs more memory"),
        AskedTooMuch("ask for fewer rows"),
        KafkaRefused("no right to read visits"),
    ],
)
def test_what_somebody_can_act_on_is_told_as_it_is(error):
    assert words_of(error) == str(error)
