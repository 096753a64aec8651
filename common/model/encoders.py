"""Values of texts, and of lists and dicts of texts, as the bytes of the wire. Pure.

An encoder raises TypeError for a value of another type, None included, and ValueError for a text that is no UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from common.model.encoded import Encoded, Marked, Nested, Pairs, Strings, Words
from common.model.kinds import split
from common.model.texts import strings

Encoder = Callable[[Sequence[Any]], Encoded]

_ITEM = re.compile(r"(?:(?:\w+|`[^`]*`)\s+)?(?P<type>\w+(?:\(.*\))?)", re.DOTALL)


def encoder(kind: str) -> Encoder | None:
    """What encodes values for a column of this type; None: it is not made of texts alone."""
    name, arguments = split(kind)
    if name == "String":
        return _strings
    if name == "Nullable" and arguments == ["String"]:
        return _marked
    if name == "LowCardinality" and arguments == ["String"]:
        return _words
    if name == "LowCardinality" and split(arguments[0]) == ("Nullable", ["String"]):
        return _words_or_none
    if name == "Array" and (pair := _two_of(arguments[0])):
        first, second = map(_nested, pair)
        return _pairs(first, second) if first and second else None
    inner = [_nested(argument) for argument in arguments]
    if name == "Array" and inner[0] is not None:
        return _arrays(inner[0])
    if name == "Map" and inner[0] is not None and inner[1] is not None:
        return _maps(inner[0], inner[1])
    return None


def is_pairs_of_texts(kind: str) -> bool:
    """Whether it is Array(Tuple(String, Nullable(String))), items with names or without."""
    name, arguments = split(kind)
    return name == "Array" and _two_of(arguments[0]) == ["String", "Nullable(String)"]


def _two_of(kind: str) -> list[str]:
    """The types of a Tuple of two, without the names of its items; nothing for another type."""
    name, arguments = split(kind)
    found = [_ITEM.fullmatch(argument) for argument in arguments] if name == "Tuple" else []
    types = [item["type"].replace(" ", "") for item in found if item]
    return types if len(types) == len(arguments) == 2 else []


def _nested(kind: str) -> Encoder | None:
    """As above, within another type. There a dictionary is begun before everything else: the driver sees to that."""
    return None if "LowCardinality" in kind else encoder(kind)


def _strings(values: Sequence[Any]) -> Strings:
    return Strings(len(values), [strings(values)])


def _marked(values: Sequence[Any]) -> Marked:
    marks = np.fromiter([value is None for value in values], np.uint8, len(values))
    return Marked(marks, _strings(["" if value is None else value for value in values]))


def _words(values: Sequence[Any]) -> Words:
    words = list(dict.fromkeys(values))
    strings(words)  # raises what is no text
    return Words([_numbered(values, words)], is_nullable=False)


def _words_or_none(values: Sequence[Any]) -> Words:
    words = list(dict.fromkeys(values))
    strings([word for word in words if word is not None])
    return Words([_numbered(values, words)], is_nullable=True)


def _numbered(values: Sequence[Any], words: list[Any]) -> tuple[np.ndarray, list[Any]]:
    numbers = dict(zip(words, range(len(words)), strict=True))
    return np.fromiter(map(numbers.__getitem__, values), np.uint32, len(values)), words


def _arrays(items: Encoder) -> Encoder:
    def encode(values: Sequence[Any]) -> Nested:
        if any(issubclass(kind, str | bytes | dict) for kind in set(map(type, values))):
            raise TypeError  # their characters, or keys, would pass for items
        lengths = np.fromiter(map(len, values), np.int64, len(values))
        return Nested(lengths, [items(list(chain.from_iterable(values)))])

    return encode


def _pairs(firsts: Encoder, seconds: Encoder) -> Encoder:
    def encode(values: Sequence[Any]) -> Pairs:
        if any(issubclass(kind, str | bytes | dict) for kind in set(map(type, values))):
            raise TypeError
        lengths = np.fromiter(map(len, values), np.int64, len(values))
        items = list(chain.from_iterable(values))
        if not set(map(type, items)) <= {tuple, list} or not set(map(len, items)) <= {2}:
            raise TypeError
        return Pairs(lengths, [firsts([item[0] for item in items]), seconds([item[1] for item in items])])

    return encode


def _maps(keys: Encoder, items: Encoder) -> Encoder:
    def encode(values: Sequence[Any]) -> Nested:
        if not all(issubclass(kind, Mapping) for kind in set(map(type, values))):
            raise TypeError
        lengths = np.fromiter(map(len, values), np.int64, len(values))
        texts = chain.from_iterable([value.values() for value in values])
        return Nested(lengths, [keys(list(chain.from_iterable(values))), items(list(texts))])

    return encode
