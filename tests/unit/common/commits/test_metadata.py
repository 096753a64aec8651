import pytest

from common.commits.metadata import FORMAT, decoded, encoded
from common.errors import OffsetRefused


def read(metadata, make=dict):
    return decoded(metadata, "orders/0", make, at_stake="rows", todo="Stop all sinks.")


def test_what_is_encoded_comes_back():
    assert read(encoded({"next": 7, "cut": "age"})) == {"next": 7, "cut": "age"}


@pytest.mark.parametrize("metadata", ["logstash", "[]", "{}", '{"penstock":"1"}', "[" * 10_000])
def test_what_is_not_ours_is_refused_with_what_to_do(metadata):
    with pytest.raises(OffsetRefused) as refused:
        read(metadata)
    assert str(refused.value) == (
        "orders/0: the committed offset carries foreign metadata, so another tool set it. "
        "Going on could repeat or lose rows. Stop all sinks."
    )


def test_no_metadata_are_refused_as_such():
    with pytest.raises(OffsetRefused, match="carries no metadata"):
        read("")


def test_a_newer_version_is_named_whatever_its_fields_are():
    with pytest.raises(
        OffsetRefused, match=rf"metadata format {FORMAT + 1}; this version reads up to {FORMAT}"
    ):
        read(f'{{"penstock":{FORMAT + 1},"x":1}}')


def test_fields_of_which_nothing_can_be_made_are_not_ours():
    with pytest.raises(OffsetRefused, match="carries foreign metadata"):
        read(encoded({"a": 1}), lambda said: said["b"])
