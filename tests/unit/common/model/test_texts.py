import pytest

from common.model.texts import head, head_bytes, strings, text, whole_items


@pytest.mark.parametrize(
    ("length", "wire"),
    [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\x01"), (16_383, b"\xff\x7f"), (16_384, b"\x80\x80\x01")],
)
def test_a_length_is_a_varint(length, wire):
    assert head(length) == wire
    assert head_bytes(wire + b"x" * length) == len(wire)


@pytest.mark.parametrize(
    "values",
    [[], [""], ["a", "", "b" * 200], ["é", "ÿ" * 70], ["漢", "a"], [b"\xff", "a"], ["a" * 20_000, "\0"]],
)
def test_each_text_comes_after_its_length_in_bytes(values):
    encoded = [value if isinstance(value, bytes) else value.encode() for value in values]
    wire = strings(values)
    assert wire == b"".join(head(len(value)) + value for value in encoded)
    assert [item[head_bytes(item) :] for item in whole_items(wire)] == encoded


def test_bytes_are_a_text_if_they_are_utf_8():
    assert (text("é".encode()), text(b"\xff")) == ("é", b"\xff")
