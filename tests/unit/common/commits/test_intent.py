import json

import pytest

from common.commits.intent import DEFAULT_MESSAGE_ROWS, DEFAULT_UNPACKED_BYTES, Intent, decode
from common.errors import OffsetRefused
from common.settings.parts import KafkaSettings, SinkSettings

TOPIC, SCHEMA = "0123456789abcdef0123456789abcdef", "5c0ffee5"
LARGEST_METADATA_BYTES = 4096


def intent(**fields):
    return Intent(topic=TOPIC, schema=SCHEMA, **fields)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(intent(), id="nothing on its way"),
        pytest.param(intent(next=7), id="a range"),
        pytest.param(intent(next=0), id="a range that ends at 0"),
        pytest.param(intent(next=2**63 - 1, attempt=12), id="a later attempt"),
        pytest.param(intent(next=7, attempt=3, pieces=8), id="pieces"),
        pytest.param(intent(parked="no such table"), id="parked"),
        pytest.param(intent(next=7, attempt=2, parked="no such table"), id="parked with a range standing"),
        pytest.param(intent(next=7, max_unpacked_bytes=1 << 20, max_message_rows=5), id="other limits"),
    ],
)
def test_what_is_encoded_is_decoded_again(said):
    assert decode(said.encode(), "events/0") == said


def test_an_intent_without_a_range_names_no_attempt():
    assert json.loads(intent(attempt=4, pieces=2).encode()).keys() == {"penstock", "topic", "schema"}


def test_limits_are_named_only_where_they_are_not_the_defaults_of_the_settings():
    assert KafkaSettings().max_unpacked_bytes == DEFAULT_UNPACKED_BYTES
    assert SinkSettings().max_message_rows == DEFAULT_MESSAGE_ROWS
    said = json.loads(intent(next=7, max_message_rows=5).encode())
    assert said.keys() - {"max_message_rows"} == json.loads(intent(next=7).encode()).keys()


def test_a_range_names_its_attempt_always_and_its_pieces_if_several():
    assert json.loads(intent(next=7).encode()) == {
        "penstock": 1,
        "topic": TOPIC,
        "schema": SCHEMA,
        "next": 7,
        "attempt": 1,
    }
    assert json.loads(intent(next=7, pieces=2).encode())["pieces"] == 2


@pytest.mark.parametrize(
    "reason",
    ["x" * 100_000, "ö" * 100_000, "🌊" * 100_000, "\x00" * 100_000, '"\\' * 100_000],
    ids=["ascii", "two bytes", "four bytes", "control characters", "quotes"],
)
def test_it_stays_below_what_kafka_takes_with_the_longest_reason(reason):
    said = intent(
        next=2**63 - 1,
        attempt=10**6,
        pieces=10**6,
        parked=reason,
        max_unpacked_bytes=1 << 30,
        max_message_rows=10**8 - 1,
    )
    assert len(said.encode().encode()) < LARGEST_METADATA_BYTES
    kept = decode(said.encode(), "events/0").parked
    assert kept.endswith("…")
    assert reason.startswith(kept[:-1])
    assert len(kept) > 100


def test_a_reason_of_two_paragraphs_is_kept_whole():
    reason = "why it stands still, and what to do. " * 60
    assert decode(intent(parked=reason).encode(), "events/0").parked == reason


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param("", id="empty"),
        pytest.param(" ", id="white space"),
        pytest.param("consumed by logstash", id="a word"),
        pytest.param("null", id="null"),
        pytest.param("7", id="a number"),
        pytest.param('"penstock"', id="a string"),
        pytest.param("[1]", id="an array"),
        pytest.param("[" * 4000, id="nesting"),
        pytest.param("{}", id="an empty object"),
        pytest.param('{"topic": "a", "schema": "b"}', id="without our name"),
        pytest.param('{"penstock": 0, "topic": "a", "schema": "b"}', id="another format"),
        pytest.param('{"penstock": "2", "topic": "a", "schema": "b"}', id="a format that is no number"),
        pytest.param('{"penstock": 1, "topic": "a"}', id="a field missing"),
        pytest.param('{"penstock": 1, "topic": "a", "schema": "b"', id="cut off"),
    ],
)
def test_r7_metadata_that_is_not_ours_is_refused(metadata):
    with pytest.raises(OffsetRefused) as caught:
        decode(metadata, "events/0")
    assert str(caught.value).startswith("events/0: the committed offset carries ")
    assert "python -m consumer adopt" in str(caught.value)


def test_r7_missing_and_foreign_metadata_are_told_apart():
    for metadata, kind in (("", " no metadata"), ("{}", " foreign metadata")):
        with pytest.raises(OffsetRefused, match=kind):
            decode(metadata, "events/0")


def test_a_downgrade_is_refused_with_a_sentence_that_says_so():
    with pytest.raises(OffsetRefused) as caught:
        decode('{"penstock": 2, "topic": "a", "schema": "b", "next": 7}', "events/0")
    assert "written by a newer Penstock (metadata format 2; this version reads up to 1)" in str(caught.value)
    assert str(caught.value).endswith("start that version again")


def test_a_field_that_a_newer_version_has_added_to_the_same_format_is_passed_over():
    said = json.loads(intent(next=7).encode()) | {"hint": {"a": 1}}
    assert decode(json.dumps(said), "events/0") == intent(next=7)


def test_a_retry_is_the_next_attempt_at_the_same_range():
    first = intent(next=7)
    assert first.retry() == intent(next=7, attempt=2)
    assert first.retry(pieces=2) == intent(next=7, attempt=2, pieces=2)
    assert first.retry(pieces=2).retry() == intent(next=7, attempt=3, pieces=2)
