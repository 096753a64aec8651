import uuid

import pytest

from common.model.headers import SOURCE, headers_of, source_name, source_of, topic_of
from common.model.stream import Stream

TOPIC_ID, OTHER_ID = uuid.UUID(int=7), uuid.UUID(int=8)
NAME = source_name(TOPIC_ID, 3)


def test_every_message_of_a_stream_says_what_it_is():
    assert headers_of(Stream(name="visits", version=12, feeds=())) == [
        ("content-type", b"application/json"),
        ("stream", b"visits"),
        ("version", b"12"),
    ]


def test_a_partition_has_a_name_of_sixteen_hex_digits():
    assert len(NAME) == 16
    assert bytes.fromhex(NAME.decode())[6:] == (3).to_bytes(2)


def test_names_tell_topics_that_were_created_again_and_partitions_apart():
    names = {source_name(topic_id, number) for topic_id in (TOPIC_ID, OTHER_ID) for number in range(100)}
    assert len(names) == 200


def test_the_topic_of_a_name_is_the_same_for_all_its_partitions():
    assert topic_of(NAME) == topic_of(source_name(TOPIC_ID, 65_535))
    assert topic_of(NAME) != topic_of(source_name(OTHER_ID, 3))


def test_a_message_says_which_partition_it_was_made_from():
    headers = [("stream", b"visits"), (SOURCE, NAME + b":17:0"), ("more", None)]
    assert source_of(headers) == NAME


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("stream", b"visits")],
        [(SOURCE, None)],
        [(SOURCE, b"")],
        [(SOURCE, b"somebody:1:2")],
        [(SOURCE, b"x" * 100_000)],
        [(SOURCE, b"\xff" * 16 + b":1:2")],
        [(SOURCE, NAME.upper().replace(b"0", b"A") + b":1:2")],
        [(SOURCE, b"-00000000000000f:1:2")],
    ],
)
def test_a_message_that_does_not_say_so_in_our_words_was_made_from_nothing(headers):
    assert source_of(headers) is None
