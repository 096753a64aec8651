"""Every type of column that events can fill: what it holds at its ends, as JSON has it, and what lies just beyond."""

from __future__ import annotations

import json
import types
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from common.model.derive import Column, table
from common.model.stream import Feed

TEXTS = ["", "\0", "x", "None", "null", "sjö ∑ 🌊", "\\\"'`\n\t", "\U0010ffff\ue000", "x" * 300]
NO_TEXT = ["null", "1", "[]"]
SHORT_TIMES = {"0": "", "3": ".123", "6": ".123456", "9": ".123456789"}


@dataclass(frozen=True)
class Case:
    """A column: its type, the type of its field, values that it holds, and JSON texts that it refuses.

    `stored` are the values as ClickHouse shows them in JSON, where that is not how they are sent.
    """

    kind: str
    hint: Any
    good: Sequence[Any]
    bad: Sequence[str]
    stored: Sequence[Any] = ()
    unit: str = ""
    name: str = field(default="")

    @property
    def wanted(self) -> Sequence[Any]:
        """What is to be read back, value for value."""
        return self.stored or self.good

    @property
    def annotation(self) -> Any:
        """Of the field."""
        return Annotated[self.hint, Column(self.kind, unit=self.unit)]


def _integers() -> Iterator[Case]:
    for bits in (8, 16, 32, 64, 128, 256):
        for kind, lowest in ((f"UInt{bits}", 0), (f"Int{bits}", -(2 ** (bits - 1)))):
            last = lowest + 2**bits - 1
            beyond = [str(lowest - 1), str(last + 1), "1.0", '"1"', "null", "true"]
            yield Case(kind, int, [lowest, last, 0, 1], beyond)


def _floats() -> Iterator[Case]:
    largest = 3.4028234663852886e38
    yield Case(
        "Float32",
        float,
        [0.0, -0.0, largest, -largest, 1e-45, -1e-45, 1.1754942e-38, 21.1, 1],
        ["3.4028235677973366e38", "-3.4028235677973366e38", "null", '"1.5"'],
    )
    largest = 1.7976931348623157e308
    yield Case(
        "Float64",
        float,
        [0.0, -0.0, largest, -largest, 5e-324, -5e-324, 2.225073858507201e-308, 0.1, 1],
        ["1.8e308", "-1e400", "null", '"1.5"'],
    )


def _texts() -> Iterator[Case]:
    yield Case("String", str, TEXTS, NO_TEXT)
    yield Case("LowCardinality(String)", str, TEXTS, NO_TEXT)
    yield Case("LowCardinality(Nullable(String))", str | None, [*TEXTS, None], NO_TEXT[1:])
    yield Case(
        "FixedString(4)", str, ["abcd", "\0\0\0\0", "é\0x", "🌊"], ['"abc"', '"abcde"', '"éééé"', "null"]
    )
    names = ["a, b", "it's", "🌊", ")", "\\"]
    states = r"('a, b' = {}, 'it\'s' = {}, '🌊' = 0, ')' = 1, '\\' = 2)"
    beyond = ['"c"', '""', "0", "null"]
    yield Case("Enum8" + states.format(-128, 127), str, names, beyond)
    yield Case("Enum16" + states.format(-32768, 32767), str, names, beyond)
    yield Case("Enum8('a' = 1,'b'=2)", Literal["a", "b"], ["a", "b"], beyond)


def _decimals() -> Iterator[Case]:
    kinds = {(9, 2): "Decimal(9,2)", (18, 6): "Decimal64(6)", (38, 5): "Decimal128( 5 )"}
    for digits, places in (*kinds, (18, 2), (18, 18), (38, 10), (76, 0), (76, 30)):
        texts = [
            f"{'9' * digits}e-{places}",
            f"-{'9' * digits}e-{places}",
            "0",
            f"1e-{places}",
            f"-1e-{places}",
        ]
        beyond = [
            f"1e{digits - places}",
            f"-1e{digits - places}",
            f"1.5e-{places}",
            "NaN",
            "Infinity",
            "1e400",
        ]
        yield Case(
            kinds.get((digits, places), f"Decimal({digits}, {places})"),
            Decimal,
            texts,
            [*(f'"{text}"' for text in beyond), "null", '""'],
            [Decimal(text) for text in texts],
        )


def _others() -> Iterator[Case]:
    yield Case("Bool", bool, [True, False], ["2", "0", '"true"', "null"])
    ids = [str(uuid.UUID(int=number)) for number in (0, 2**128 - 1, 1, 2**64)]
    yield Case("UUID", uuid.UUID, ids, ['"x"', f'"{ids[0]}0"', "0", "null"])
    yield Case(
        "IPv4", str, ["0.0.0.0", "255.255.255.255", "10.0.0.1"], ['"256.0.0.0"', '"1.1.1"', '""', "null"]
    )
    every = ["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::1", "::ffff:1.2.3.4"]
    yield Case("IPv6", str, every, ['"1::2::3"', '"10.0.0.1"', '""', "null"])
    yield Case("Date", date, ["1970-01-01", "2149-06-06"], ['"1969-12-31"', '"2149-06-07"', "0", "null"])
    yield Case("Date32", date, ["1900-01-01", "2299-12-31"], ['"1899-12-31"', '"2300-01-01"', "0", "null"])
    yield from _json()


def _json() -> Iterator[Case]:
    objects = [
        {},
        {"a": 1, "b": {"c": "sjö 🌊 '\"\\"}},
        {"n": -(2**63)},
        {"n": 2**64 - 1},
        {"f": 0.1},
        {"l": [1, True, {"y": [False]}]},
        {"": -0.0, "select": []},
    ]
    no_objects = ["[1]", '"x"', "1", "null", f'{{"n": {2**64}}}', '{"n": 1e400}', '{"a": 1, "a": 1}']
    no_objects += [
        '{"l": [9007199254740993]}',
        '{"l": [true, "x"]}',
        '{"a.b": 1, "a": {"b": 1}}',
        '{"l": [null]}',
    ]
    no_objects.append('{"a":' * 200 + "1" + "}" * 200)
    yield Case("JSON", msgspec.Raw, objects, no_objects)
    quoted = [json.dumps(each) for each in objects]
    yield Case("JSON", str, quoted, [json.dumps(text) for text in [*no_objects, "{", ""]], objects)
    beyond = [json.dumps(text) for text in no_objects[:3]]
    yield Case("Nullable(JSON)", str | None, [*quoted, None], beyond, [*objects, None])
    raws = [json.dumps(each, ensure_ascii=False) for each in [*objects, 1, "x", None, [1.50]]]
    yield Case("String", msgspec.Raw, [msgspec.Raw(raw.encode()) for raw in raws], [], raws)


def _times() -> Iterator[Case]:
    ends = ["1970-01-01T00:00:00Z", "2106-02-07T06:28:15Z", "2026-11-01T14:34:56+02:00"]
    shown = ["1970-01-01 00:00:00", "2106-02-07 06:28:15", "2026-11-01 12:34:56"]
    beyond = [
        '"1969-12-31T23:59:59Z"',
        '"2106-02-07T06:28:16Z"',
        '"2026-11-01T12:34:56"',
        '"2026-11-01T12:34:56.5Z"',
        "null",
    ]
    yield Case("DateTime('UTC')", str, ends, beyond, shown)
    yield Case("DateTime('UTC')", datetime, ends, beyond, shown)
    yield Case("DateTime", datetime, ends, beyond, shown)
    here = ["1970-01-01 01:00:00", "2106-02-07 07:28:15", "2026-11-01 13:34:56"]
    yield Case("DateTime('Europe/Stockholm')", str, ends, beyond, here)
    yield Case("DateTime('UTC')", int, [0, 2**32 - 1], ["-1", str(2**32), "null"], shown[:2], "s")
    for places, fraction in SHORT_TIMES.items():
        yield from _fine_times(int(places), fraction)


def _fine_times(places: int, fraction: str) -> Iterator[Case]:
    kind = f"DateTime64({places}, 'UTC')"
    nines = "." + "9" * places if places else ""
    zeros = "." + "0" * places if places else ""
    first, last = "1900-01-01T00:00:00", "2299-12-31T23:59:59" + nines
    after = "2300-01-01T00:00:00"
    if places == 9:
        last, after = "2262-04-11T23:47:16.854775807", "2262-04-11T23:47:16.854775808"
    moments = [first + zeros, last, "1969-12-31T23:59:59" + fraction, "2026-11-01T12:34:56" + fraction]
    shown = [moment.replace("T", " ") for moment in moments]
    beyond = ['"1899-12-31T23:59:59Z"', f'"{after}Z"', '"2026-11-01T12:34:56"', "null"]
    if places < 9:
        beyond.append(f'"2026-11-01T12:34:56{fraction or "."}4Z"')
    yield Case(kind, str, [moment + "Z" for moment in moments], beyond, shown)
    if places <= 6:
        yield Case(kind, datetime, [moment + "Z" for moment in moments], beyond[:4], shown)
    for unit, counted in (("s", 0), ("ms", 3), ("us", 6), ("ns", 9)):
        yield from _counted_times(kind, places, unit, counted)


def _counted_times(kind: str, places: int, unit: str, counted: int) -> Iterator[Case]:
    zeros = "." + "0" * places if places else ""
    first_s, end_s = -2_208_988_800, 10_413_792_000
    if max(places, counted) == 9:
        sent, shown = [0, 10**counted], ["1970-01-01 00:00:00", "1970-01-01 00:00:01"]
        beyond = [str(2**63 if counted == 9 else 2**63 // 10 ** (9 - counted) + 1)]
    else:
        sent, shown = (
            [first_s * 10**counted, (end_s - 1) * 10**counted],
            ["1900-01-01 00:00:00", "2299-12-31 23:59:59"],
        )
        beyond = [str(first_s * 10**counted - 1), str(end_s * 10**counted)]
    finer = ["1"] if counted > places else []
    yield Case(kind, int, sent, [*beyond, *finer, "null", "1.0"], [text + zeros for text in shown], unit)


def _nullable(case: Case) -> Case:
    stored = [*case.stored, None] if case.stored else ()
    bad = [text for text in case.bad if text != "null"]
    return replace(
        case,
        kind=f"Nullable({case.kind})",
        hint=case.hint | None,
        good=[*case.good, None],
        bad=bad,
        stored=stored,
    )


def _listed(case: Case) -> Case:
    return replace(
        case,
        kind=f"Array({case.kind})",
        hint=types.GenericAlias(list, (case.hint,)),
        good=[[], list(case.good), list(case.good[:1])],
        stored=[[], list(case.wanted), list(case.wanted[:1])],
        bad=[f"[{text}]" for text in case.bad],
    )


def _mapped(case: Case) -> Case:
    keys = ["", "sjö 🌊", "it's", *map(str, range(9))]
    return replace(
        case,
        kind=f"Map(String, {case.kind})",
        hint=types.GenericAlias(dict, (str, case.hint)),
        good=[{}, dict(zip(keys, case.good, strict=False))],
        stored=[{}, dict(zip(keys, case.wanted, strict=False))],
        bad=[f'{{"k": {text}}}' for text in case.bad],
    )


def _made() -> Iterator[Case]:
    plain = [*_integers(), *_floats(), *_texts(), *_decimals(), *_others(), *_times()]
    yield from plain
    for case in plain:
        may_be_null = "LowCardinality" not in case.kind and "JSON" not in case.kind
        if may_be_null and case.hint is not msgspec.Raw:
            yield _nullable(case)
        if case.unit or case.hint is msgspec.Raw or "JSON" in case.kind:
            continue
        yield _listed(case)
        yield _listed(_listed(case))
        yield _mapped(case)
        yield _mapped(_listed(case))
        if may_be_null:
            yield _listed(_nullable(case))
            yield _mapped(_nullable(case))


CASES = [replace(case, name=f"c{number}") for number, case in enumerate(_made())]


def feed_of(*cases: Case) -> Feed:
    """A feed whose events have a field for each of these, and whose table has its column."""
    event = msgspec.defstruct("Every", [(case.name, case.annotation) for case in cases], gc=False)
    made = table(event, name="every_type", order_by="tuple()")
    return Feed(topic="every_type", event=event, tables=(made,))


def messages() -> list[bytes]:
    """JSON that brings each value of each case at least once."""
    most = max(len(case.good) for case in CASES)
    return [
        msgspec.json.encode({case.name: case.good[number % len(case.good)] for case in CASES})
        for number in range(most)
    ]
