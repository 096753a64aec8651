"""What msgspec or a stream's code complains about, as a reason that holds nothing of the message. Pure.

msgspec quotes values ("Invalid enum value 'alice@…'"), and so may a stream's author. What passes is made of words known
here, numbers of the event type and places (`$.field`, whose names come from the type), or is a constant of the code.
"""

from __future__ import annotations

import re
from types import CodeType, TracebackType

import msgspec

from common.model.reasons import Kind, Reason

_WORD = (
    "(?:any|array|bool|bytes|bytearray|date|datetime|decimal|duration|ext|float|int|memoryview|null|object|raw|str|"
    "time|timedelta|uuid)"
)
_TYPE = rf"`{_WORD}(?: \| {_WORD})*`"
_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_TOLD = [  # group 1 is what may be told of it
    (Kind.WRONG_TYPE, rf"(Expected {_TYPE}(?:, got `{_WORD}`)?)"),
    (Kind.OUT_OF_RANGE, rf"(Expected {_TYPE} (?:>=|>|<=|<) {_NUMBER})"),
    (Kind.OUT_OF_RANGE, rf"(Expected {_TYPE} that's a multiple of {_NUMBER})"),
    (Kind.OUT_OF_RANGE, rf"(Expected {_TYPE} of length (?:>=|<=) \d+)"),
    (Kind.OUT_OF_RANGE, r"(Expected `array` of (?:at least |at most )?length \d+(?: to \d+)?)(?:, got \d+)?"),
    (Kind.OUT_OF_RANGE, r"((?:Number|Integer value|Duration is|Timestamp is)(?: is)? out of range) ?"),
    (Kind.NOT_ALLOWED, rf"(Expected {_TYPE} with (?:a|no) timezone component)"),
    (Kind.NOT_ALLOWED, r"Expected `str` (matching) regex .*"),
    (Kind.NOT_ALLOWED, r"(Invalid RFC3339 encoded (?:datetime|date|time))"),
    (
        Kind.NOT_ALLOWED,
        r"(Invalid (?:ISO8601 duration|base64 encoded string|UUID|decimal string|epoch timestamp))",
    ),
    (Kind.NOT_ALLOWED, r"Invalid (?:enum )?value .*()"),
    (Kind.MISSING_FIELD, r"Object missing required field (`[^`]*`)"),
    (Kind.NOT_JSON, r"JSON is malformed: ([a-z0-9 ,':{}\[\]\"-]+ \(byte \d+\))"),
    (Kind.NOT_JSON, r"(Input data was truncated)"),
]
_PATTERNS = [(kind, re.compile(pattern, re.DOTALL)) for kind, pattern in _TOLD]
_PLACE = re.compile(r"(.*) - (at (?:`key` in )?`\$[^`]*`)", re.DOTALL)
_MATCHING = "does not match its pattern"


def reason_of_decoding(error: BaseException) -> Reason:
    """Why an event could not be decoded: what msgspec says of it, or what the event type's `__post_init__` raised."""
    cause = error.__cause__
    if cause is not None and isinstance(
        error, msgspec.ValidationError
    ):  # it wraps ValueErrors and TypeErrors
        return Reason(Kind.REFUSED, _with_place(told(cause), _place_behind(cause, error)))
    if _frames(error.__traceback__)[
        1:
    ]:  # the first one called the decoder; msgspec's own errors have no other
        kind = Kind.REFUSED if isinstance(error, ValueError) else Kind.STREAM_FAILED
        return Reason(kind, told(error))
    if isinstance(error, RecursionError):
        return Reason(Kind.TOO_DEEP)
    if isinstance(error, msgspec.DecodeError):  # ValidationError is one
        return _reason_of_text(str(error))
    return Reason(Kind.STREAM_FAILED, told(error))


def told(error: BaseException) -> str:
    """The type of an exception, and its text if that is a constant of the code that raised it."""
    name = type(error).__name__
    text = _text_of(error)
    frames = _frames(error.__traceback__)
    if text and frames and any(type(one) is str and one == text for one in frames[-1].co_consts):
        return f"{text} ({name})"
    return name


def _text_of(error: BaseException) -> str:
    try:
        arguments = error.args
    except Exception:  # an exception of the stream's own, whose attributes raise
        return ""
    return arguments[0] if len(arguments) == 1 and type(arguments[0]) is str else ""


def _frames(traceback: TracebackType | None) -> list[CodeType]:
    """The code that an exception came through, the one that raised it last."""
    found = []
    while traceback is not None:
        found.append(traceback.tb_frame.f_code)
        traceback = traceback.tb_next
    return found


def _reason_of_text(text: str) -> Reason:
    if text.startswith("Object contains unknown field"):  # whose name may look like a place
        return Reason(Kind.UNKNOWN_FIELD)
    placed = _PLACE.fullmatch(text)
    complaint = placed[1] if placed else text
    place = placed[2] if placed else ""
    for kind, pattern in _PATTERNS:
        match = pattern.fullmatch(complaint)
        if match:
            detail = _MATCHING if match[1] == "matching" else match[1][:1].lower() + match[1][1:]
            return Reason(kind, _with_place(detail, place))
    return Reason(Kind.REFUSED, place)


def _place_behind(cause: BaseException, error: BaseException) -> str:
    """The place that msgspec has put behind the text of what it wraps."""
    text = _text_of(cause)
    whole = _text_of(error)
    placed = _PLACE.fullmatch(whole[len(text) :]) if whole.startswith(text) else None
    return placed[2] if placed and not placed[1] else ""


def _with_place(detail: str, place: str) -> str:
    return f"{detail} - {place}" if detail and place else detail or place
