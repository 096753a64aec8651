"""Encoded columns in pieces, and parts of them, are on the wire what the driver writes of the same rows."""

import random
import sys

import numpy as np
import pytest

from common.model.columns import as_objects, joined
from common.model.encoders import encoder
from tests.unit.common.model.test_encoders import COLUMNS, as_read, by_driver, ours, pieces


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(("kind", "values"), COLUMNS)
def test_pieces_of_a_column_are_what_the_driver_writes_at_once(kind, values, size):
    values = values[:5] + values[-5:]
    made = pieces(kind, values, size)
    assert len(made) == len(values)
    assert ours(made) == by_driver(kind, list(values)) or not values
    assert made.tolist() == as_read(list(values))


@pytest.mark.parametrize(("kind", "values"), COLUMNS)
def test_chosen_rows_are_what_the_driver_writes_of_them(kind, values):
    values = values[:8] + values[-5:]
    made = pieces(kind, values, 3)
    rng = random.Random(len(values))
    mask = np.array([rng.random() < 0.5 for _ in values], bool)
    firsts = np.flatnonzero(mask)[::-1]
    for rows in (
        slice(None),
        slice(1),
        slice(0),
        slice(1, 3),
        mask,
        ~mask,
        np.ones(len(values), bool),
        firsts,
    ):
        chosen = [values[at] for at in np.arange(len(values))[rows].tolist()]
        assert made[rows].tolist() == as_read(chosen)
        assert ours(encoder(kind)(made[rows].tolist())) == ours(encoder(kind)(chosen))
        if not kind.startswith("LowCardinality") and chosen:  # whose words may stand in another order
            assert ours(made[rows]) == by_driver(kind, chosen)


def test_pieces_of_different_kinds_become_objects():
    made = joined([encoder("String")(["a", "é"]), as_objects(["b"])])
    assert made.tolist() == ["a", "é", "b"]
    assert made.dtype == object


def test_a_column_counts_the_bytes_of_the_wire():
    for kind, values in COLUMNS[:10] + COLUMNS[-8:]:
        column = encoder(kind)(values)
        assert column.nbytes == len(ours(column))


def test_words_count_once_a_piece():
    column = encoder("LowCardinality(String)")(["word"] * 1000)
    assert 4000 < column.nbytes < 4100


def test_numpy_makes_no_texts_of_a_column_without_being_asked():
    with pytest.raises(TypeError, match="NULs"):
        np.repeat(encoder("String")(["a\0"]), 2)


@pytest.mark.parametrize("sign", ["a", "é", "я", "🌊"])
def test_words_count_what_python_takes_for_them(sign):
    words = [sign * 1000 + str(number) for number in range(10)]
    assert encoder("LowCardinality(String)")(words).nbytes >= sum(map(sys.getsizeof, words))
