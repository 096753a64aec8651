import argparse
from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from common.errors import SettingError
from common.settings.options import add_options, help_of, options_from, options_of, problems_in


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream may be told."""

    bid_size: Annotated[int, Meta(description="bids a report", ge=1, le=99, extra={"env": "BID_SIZE"})] = 50
    first: Annotated[int, Meta(ge=0, extra={"flag": "--from"})] = 0
    last: Annotated[int, Meta(ge=0, extra={"flag": "--to"})] = 0
    frequency: Annotated[float, Meta(gt=0, description="visits a second, 100 %", extra={"env": "FREQ"})] = 1.0
    account_id: Annotated[tuple[int, ...], Meta(description="accounts", extra={"env": "ACCOUNTS"})] = ()
    color: Annotated[Literal["red", "blue"], Meta(extra={"env": "COLOR"})] = "red"
    loud: Annotated[bool, Meta(extra={"env": "LOUD"})] = False
    note: str = ""

    def __post_init__(self):
        if self.first > self.last:
            raise ValueError("--from must not be above --to")


class Needs(msgspec.Struct):
    """One option without a default."""

    rows: Annotated[int, Meta(extra={"env": "ROWS"})]


def read(arguments, environ=None, struct_type=Options):
    parser = argparse.ArgumentParser()
    add_options(parser, struct_type, environ or {}, "options")
    return options_from(parser.parse_args(arguments), struct_type)


def refusal(arguments, environ=None, struct_type=Options):
    with pytest.raises(SettingError) as caught:
        read(arguments, environ, struct_type)
    return str(caught.value)


def test_without_flags_and_variables_every_option_has_its_default():
    assert read([]) == Options()


@pytest.mark.parametrize(
    ("arguments", "environ", "name", "value"),
    [
        (["--bid-size", "7"], {}, "bid_size", 7),
        ([], {"BID_SIZE": "8"}, "bid_size", 8),
        (["--bid-size", "7"], {"BID_SIZE": "8"}, "bid_size", 7),
        ([], {"BID_SIZE": ""}, "bid_size", 50),
        (["--to", "3"], {}, "last", 3),
        (["--frequency", "2"], {}, "frequency", 2.0),
        (["--account-id", "1", "--account-id", "2"], {}, "account_id", (1, 2)),
        ([], {"ACCOUNTS": "3, 4"}, "account_id", (3, 4)),
        (["--account-id", "1"], {"ACCOUNTS": "3,4"}, "account_id", (1,)),
        (["--color", "blue"], {}, "color", "blue"),
        (["--loud"], {}, "loud", True),
        (["--no-loud"], {"LOUD": "1"}, "loud", False),
        ([], {"LOUD": "true"}, "loud", True),
        (["--note", "12"], {}, "note", "12"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_a_flag_wins_over_its_variable_and_a_variable_over_the_default(arguments, environ, name, value):
    assert getattr(read(arguments, environ), name) == value


@pytest.mark.parametrize(
    ("arguments", "environ", "line"),
    [
        (
            ["--bid-size", "0"],
            {},
            "--bid-size=0 is not allowed: give a whole number, at least 1, at most 99",
        ),
        ([], {"BID_SIZE": "x"}, "BID_SIZE=x is not allowed: give a whole number, at least 1, at most 99"),
        (["--frequency", "0"], {}, "--frequency=0 is not allowed: give a number, above 0"),
        (["--color", "green"], {}, "--color=green is not allowed: give one of red, blue"),
        ([], {"LOUD": "maybe"}, "LOUD=maybe is not allowed: give true or false"),
        (["--account-id", "x"], {}, "--account-id=x is not allowed: give a whole number"),
        (["--from", "2", "--to", "1"], {}, "--from must not be above --to"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_value_is_one_line_with_source_value_and_what_is_allowed(arguments, environ, line):
    assert refusal(arguments, environ) == line


def test_every_wrong_value_has_a_line():
    assert len(refusal(["--bid-size", "x", "--frequency", "y"], {"COLOR": "z"}).splitlines()) == 3


def test_nan_is_no_number_above_zero():
    assert refusal(["--frequency", "nan"]).startswith("--frequency=nan is not allowed")


def test_an_option_without_default_is_required():
    assert refusal([], struct_type=Needs) == "--rows or ROWS is required: give a whole number"
    assert read([], {"ROWS": "3"}, Needs).rows == 3


def test_help_says_meaning_limits_variable_and_default():
    texts = {option.name: help_of(option) for option in options_of(Options)}
    assert (
        texts["bid_size"]
        == "bids a report (a whole number, at least 1, at most 99; variable BID_SIZE; default 50)"
    )
    assert texts["account_id"] == "accounts (a whole number; repeats; variable ACCOUNTS)"


def test_the_help_page_can_be_printed():
    parser = argparse.ArgumentParser()
    add_options(parser, Options, {}, "stream options")
    assert "100 %" in parser.format_help()
    assert "What a stream may be told." in parser.format_help()


class Bounded(msgspec.Struct):
    """An option that may be left out."""

    events: Annotated[int, Meta(gt=0, description="stop after N", extra={"env": "EVENTS"})] | None = None


@pytest.mark.parametrize(
    ("arguments", "environ", "events"), [([], {}, None), (["--events", "3"], {}, 3), ([], {"EVENTS": "4"}, 4)]
)
def test_an_option_that_may_be_left_out_has_its_limits_when_it_is_given(arguments, environ, events):
    assert read(arguments, environ, Bounded).events == events
    assert "EVENTS=0 is not allowed: give a whole number, above 0" in refusal([], {"EVENTS": "0"}, Bounded)


def test_an_environment_is_tried_without_flags():
    environ = {"BID_SIZE": "0", "COLOR": "green", "FREQ": "2"}
    assert [line.split("=")[0] for line in problems_in(environ, Options)] == ["BID_SIZE", "COLOR"]
    assert problems_in({}, Needs) == []
