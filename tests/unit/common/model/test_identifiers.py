import pytest

from common.model.identifiers import after_name, quoted, until

NAMES = ["plain", "select", "a.b", "two words", "it's", "Ünï🌊", "back`tick", "back\\slash", "\\`", "{x}"]


@pytest.mark.parametrize("name", NAMES)
def test_a_quoted_name_can_be_read_back_with_what_follows_it(name):
    assert after_name(quoted(name) + " UInt8 CODEC(`x`)") == (name, " UInt8 CODEC(`x`)")


def test_a_bare_name_ends_at_the_space():
    assert after_name("number UInt64 CODEC(ZSTD)") == ("number", "UInt64 CODEC(ZSTD)")


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("a, b", "a", ", b"),
        ("f(a, b), c", "f(a, b)", ", c"),
        (r"'it\'s, (', b", r"'it\'s, ('", ", b"),
        ("a", "a", ""),
    ],
)
def test_a_part_ends_outside_of_parentheses_and_quotes(text, before, after):
    assert until(text, ",".__eq__) == (before, after)
