import pytest

from common.model.json_objects import DEEPEST, json_texts

KEPT = [
    "{}",
    ' { "a" : [ 1, 2.5, true, null ] } ',
    '{"a.b": 1, "a": {"c": 2}}',
    '{"l": [[], [9007199254740992]], "n": 18446744073709551615, "f": 0.1}',
    '{"": null, "é": "2026-01-01T00:00:00Z"}',
]
REFUSED = [
    ("[1]", ValueError),
    ("null", ValueError),
    ("", ValueError),
    ('{"a": 1', ValueError),
    ('{"a": NaN}', ValueError),
    (r'{"a": "\ud800"}', ValueError),
    ('{"a": 1, "a": 2}', ValueError),
    ('{"a": {"b": 1}, "a.b": 2}', ValueError),
    ('{"a": ["x", true]}', ValueError),
    ('{"a": [null]}', ValueError),
    ('{"a": [null, []]}', ValueError),
    ('{"a": [null, {"b": 1}]}', ValueError),
    ('{"a": ' * (DEEPEST + 1) + "1" + "}" * (DEEPEST + 1), ValueError),
    ('{"a": 18446744073709551616}', OverflowError),
    ('{"a": -9223372036854775809}', OverflowError),
    ('{"a": [1, 9007199254740993]}', OverflowError),
    (b"{}", TypeError),
    (5, TypeError),
]


@pytest.mark.parametrize("text", KEPT)
def test_a_text_that_clickhouse_gives_back_stays_what_it_is(text):
    assert json_texts([text, None]) == [text, None]


def test_a_dict_becomes_a_text():
    assert json_texts([{"a": [1, "é"]}]) == ['{"a":[1,"é"]}']


@pytest.mark.parametrize(("value", "error"), REFUSED, ids=lambda value: str(value)[:30])
def test_a_text_that_clickhouse_would_change_or_refuse_is_refused(value, error):
    with pytest.raises(error):
        json_texts([value])


def test_a_number_that_is_no_float_is_refused():
    with pytest.raises((ValueError, OverflowError)):
        json_texts(['{"a": 1e400}'])
