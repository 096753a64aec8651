"""The smallest and largest values that the type of an event allows, put into events of a stream one at a time."""

import enum

import msgspec
from msgspec import inspect

from common.errors import BadData
from common.model.codec import Codec

POWERS = [8, 16, 31, 32, 63, 64, 127, 128]
TEXTS = ["", "\0", "x", "0", "None", "sjö ∑ 🌊", "\\\"'\n", "x" * 300]
TIMES = [  # the driver reads far ones as floats: too coarse for their microseconds
    "1900-01-01T00:00:00Z",
    "1970-01-01T00:00:00+02:00",
    "2026-01-01T00:00:00.123456Z",
    "2299-12-31T23:59:59Z",
]
ADDRESSES = ["0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]
IDS = ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]


def extreme_events(event, samples):
    """Valid events, each one of the samples with an extreme value in one field, or in one of its list's places."""
    fields = inspect.type_info(event).fields
    codec = Codec(event)
    changed = [plain for sample in samples for plain in _with_extremes(fields, _as_json(sample))]
    return [made for plain in changed for made in _valid(codec, plain)]


def _as_json(sample):
    return msgspec.json.decode(msgspec.json.encode(sample))


def _with_extremes(fields, plain):
    for field in fields:
        for value in extremes(field.type, plain.get(field.encode_name)):
            yield {**plain, field.encode_name: value}


def _valid(codec, plain):
    try:
        return codec.decode_message(msgspec.json.encode(plain))
    except BadData:  # it breaks a rule that no constraint tells
        return []


def extremes(kind, sample):
    """Values of a type, as plain JSON; `sample` is one that the field has."""
    if isinstance(kind, inspect.Metadata):
        return extremes(kind.type, sample)
    if isinstance(kind, inspect.UnionType):
        return [value for one in kind.types for value in extremes(one, sample)]
    if isinstance(kind, inspect.IntType):
        return _integers(kind)
    if isinstance(kind, inspect.ListType):
        return [[], *_lists(kind, sample or [])]
    if isinstance(kind, inspect.StructType):
        return list(_with_extremes(kind.fields, sample or {}))
    if isinstance(kind, inspect.DictType):
        return [{}, *({"key": value} for value in extremes(kind.value_type, None))]
    if isinstance(kind, inspect.EnumType):
        return [member.value if isinstance(member, enum.Enum) else member for member in kind.cls]
    if isinstance(kind, inspect.LiteralType):
        return list(kind.values)
    plain = {
        inspect.NoneType: [None],
        inspect.BoolType: [False, True],
        inspect.StrType: [*TEXTS, *TIMES, *ADDRESSES],
        inspect.UUIDType: IDS,
        inspect.RawType: [{}, None, 1, "sjö", [1.5, {"a": None}]],
        inspect.DateTimeType: TIMES,
        inspect.DateType: ["1900-01-01", "1970-01-01", "2299-12-31"],
        inspect.DecimalType: ["0", "-0.01", "1e30", "NaN", "0.1", "9999999999999999.99"],
        inspect.FloatType: [0.0, -0.0, -1.5, 0.1, 5e-324, 3.4e38, 1.7e308, *_limits(kind)],
    }
    return plain.get(type(kind), [])


def _limits(kind):
    given = (getattr(kind, name, None) for name in ("ge", "gt", "le", "lt"))
    return [limit for limit in given if limit is not None]


def _integers(kind):
    edges = {0, *(sign * 2**power for power in POWERS for sign in (1, -1)), *_limits(kind)}
    return sorted({edge + step for edge in edges for step in (-1, 0, 1)})


def _lists(kind, sample):
    """The sample with an extreme value between the first of its values and the last."""
    for value in extremes(kind.item_type, sample[0] if sample else None):
        yield [*sample[:1], value, *sample[-1:]]
        yield [value]
