"""Dead letters read back from real brokers: counts by reason, pages across holes, bytes, and what is not ours."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from datetime import datetime

import pytest
from kafka import KafkaProducer

from common.errors import KafkaRefused, KafkaUnavailable
from common.kafka_io.clients import Clients
from common.kafka_io.letter_box import LetterBox
from common.kafka_io.letter_counts import LetterCounts, Tally
from common.kafka_io.letter_topics import LetterTopics
from common.kafka_io.overview import connect_overview
from common.model.letters import FOREIGN
from common.settings.config import Settings
from infra.local.waiting import wait_until
from tests.support.asking import delete_records
from tests.support.stages import Stages
from tests.support.topic import Topic

PATIENCE_S = 15.0
OVERVIEW_PATIENCE_S = "5"  # so long it asks for the offsets of a topic that is deleted between two questions
OF_RATINGS = [
    (b"{", "not JSON"),
    (b"\xff\xfe", "not UTF-8"),
    (b"", "empty"),
    (None, "tombstone"),
    (b"[]", "empty array"),
    (b'{"rating": 15}', "missing field"),
    (b'{"rating": "15", "unique_id": "a"}', "wrong type"),
    (b'{"rating": 101, "unique_id": "a"}', "out of range"),
]


@pytest.fixture
def ratings(stack, request):
    with Stages(stack, request.node.name, "ratings") as stages:
        yield stages


@pytest.fixture
def topics(stack):
    kafka = Settings.from_env(stack.environment() | {"KAFKA_CONNECT_TIMEOUT_S": OVERVIEW_PATIENCE_S}).kafka
    with ExitStack() as resources:
        overview = connect_overview(kafka, now_s=time.monotonic, sleep=time.sleep)
        resources.callback(overview.close)
        reader = Clients(kafka, time.monotonic, time.sleep).range_reader()
        resources.callback(reader.close)
        yield LetterTopics(overview, reader, kafka.max_unpacked_bytes)


@pytest.fixture
def box(topics):
    return LetterBox(topics, patience_s=PATIENCE_S, now_s=time.monotonic)


def counted(topics, *names):
    counts = LetterCounts(topics, names, patience_s=PATIENCE_S, now_s=time.monotonic)
    assert wait_until(lambda: advanced(counts).has_caught_up, 30)
    return counts


def advanced(counts):
    """Counts that have gone on, if the brokers let them: while topics come and go they may say that they cannot yet."""
    with suppress(KafkaUnavailable):
        counts.advance(1.0)
    return counts


def letters_in(counts, topic):
    return counts.tallies[topic].letters if topic in counts.tallies else None


def refusal_of(box, topic):
    """What is said of a topic that does not exist; empty while a broker has not heard of that."""
    try:
        box.page(topic, None, 10)
    except KafkaRefused as error:
        return str(error)
    except KafkaUnavailable:
        pass
    return ""


def every_letter(box, topic, count):
    """All letters of a topic, page by page."""
    page = box.page(topic, None, count)
    letters = page.letters
    while page.before is not None:
        page = box.page(topic, page.before, count)
        letters += page.letters
    return letters


def told(stages, *arguments):
    done = stages.run("letters", stages.name, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def raw(stages, topic, offset):
    line = [sys.executable, "-m", "tests.support.prefixed", "letters", "--show", topic, str(offset), "--raw"]
    return subprocess.run(
        line,
        cwd=stages.folder,
        env=stages.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=90,
    )


def send_bad(stages):
    """A bad message of each kind through the transform, one a transaction, and three through the sink."""
    stages.start("transform")
    stages.start("sink")
    for value, _ in OF_RATINGS:
        stages.send("dominate", [value], partition=0, key=b"\x00key", headers=[("trace", b"\xff")])
        stages.await_done("dominate")
    stages.send("shadow", [b"{", b"{", b"[1]"], partition=1)
    assert wait_until(lambda: len(stages.read("shadow.dead")) == 3, 30), stages.logs()


def test_bad_messages_are_counted_listed_and_shown_as_they_came(ratings):
    send_bad(ratings)
    by_transform, by_sink = told(ratings)["topics"]
    prefix = ratings.prefix
    assert (by_transform["topic"], by_transform["dead_topic"]) == (
        f"{prefix}dominate",
        f"{prefix}dominate.dead",
    )
    wanted = [{"reason": kind, "letters": 1} for kind in sorted(kind for _, kind in OF_RATINGS)]
    assert (by_transform["letters"], by_transform["reasons"]) == (len(OF_RATINGS), wanted)
    assert (by_sink["letters"], by_sink["reasons"][0]) == (3, {"reason": "not JSON", "letters": 2})

    listed = told(ratings, "--last", "1000")["letters"]
    assert len(listed) == len(OF_RATINGS) + 3
    assert listed == sorted(listed, key=lambda letter: datetime.fromisoformat(letter["time"]))
    assert {letter["by"] for letter in listed if letter["topic"] == f"{prefix}shadow"} == {"sink"}
    assert told(ratings, "--last", "2")["letters"] == listed[-2:]

    mine = [letter for letter in listed if letter["topic"] == f"{prefix}dominate"]
    assert [letter["reason"].partition(":")[0] for letter in mine] == [kind for _, kind in OF_RATINGS]
    assert [letter["offset"] for letter in mine] != list(range(len(mine))), "there are no holes in this test"
    for letter, (value, _) in zip(mine, OF_RATINGS, strict=True):
        done = raw(ratings, letter["dead_topic"], letter["offset"])
        assert (done.returncode, done.stdout) == (1 if value is None else 0, value or b""), done.stderr
    shown = told(ratings, "--show", mine[1]["dead_topic"], str(mine[1]["offset"]))
    assert (shown["value"]["text"], shown["value"]["hex"]) == (None, "fffe")
    assert (shown["key"]["hex"], shown["by"]) == (b"\x00key".hex(), "ratings.classify")
    assert shown["headers"] == [
        {"name": "trace", "value": {"text": None, "hex": "ff", "bytes": 1, "cut": False}}
    ]


def test_an_offset_without_a_letter_and_a_topic_of_no_stream_are_told_in_one_line(ratings):
    dead = f"{ratings.prefix}dominate.dead"
    done = ratings.run("letters", "--show", dead, "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{dead} holds no letter at offset 0: ")
    done = ratings.run("letters", "--show", "no.dead", "0")
    assert done.returncode == 2
    assert done.stderr.startswith("no stream has the dead-letter topic no.dead; there are: ")


def test_empty_topics_and_missing_ones_are_told_apart(ratings):
    ratings.admin.delete_topics([f"{ratings.prefix}shadow.dead"])
    says = f"{ratings.prefix}shadow.dead: there is no such topic. Create it: python -m common.topics"
    assert wait_until(lambda: says in ratings.run("letters", "ratings").stdout.splitlines(), 30)
    lines = ratings.run("letters", "ratings").stdout.splitlines()
    assert lines[1].split() == ["ratings", f"{ratings.prefix}dominate.dead", "-", "0"]
    assert [topic["letters"] for topic in told(ratings)["topics"]] == [0, None]
    assert ratings.run("letters", "ratings", "--last", "5").stdout.splitlines() == ["no dead letters", says]


def test_what_is_aborted_or_not_committed_yet_is_no_letter_and_pages_pass_its_offsets(stack, topics, box):
    with Topic(stack, "letters-holes.dead") as topic:
        producer = topic.producer(transactional_id="letters-holes")
        producer.init_transactions()
        kept = []
        for number in range(60):
            producer.begin_transaction()
            futures = [producer.send(topic.name, b"%d" % number, partition=0) for _ in range(number % 4 + 1)]
            offsets = [future.get(timeout=10).offset for future in futures]
            if number % 3:
                producer.commit_transaction()
                kept += offsets
            else:
                producer.abort_transaction()
        producer.begin_transaction()
        open_at = producer.send(topic.name, b"open", partition=0).get(timeout=10).offset
        for count in (1, 7, 1000):
            assert [letter.offset for letter in every_letter(box, topic.name, count)] == kept[::-1]
        assert counted(topics, topic.name).tallies[topic.name].letters == len(kept)
        assert box.letter(topic.name, open_at) is None
        assert {box.letter(topic.name, at) for at in range(open_at) if at not in kept} == {None}
        producer.abort_transaction()


def test_records_that_somebody_else_wrote_are_letters_of_an_unknown_reason(stack, topics, box):
    with Topic(stack, "letters-foreign.dead") as topic:
        producer = topic.producer()
        forged = [("penstock-reason", b"empty"), ("penstock-offset", b"-1")]
        for value, headers in ((b"plain", []), (None, forged), (b"", [("penstock-reason", b"")])):
            producer.send(topic.name, value, b"key", headers=headers, partition=0).get(timeout=10)
        letters = box.page(topic.name, None, 10).letters
        assert [(letter.offset, letter.reason) for letter in letters] == [(at, FOREIGN) for at in (2, 1, 0)]
        assert list(box.letter(topic.name, 1).headers) == forged
        assert counted(topics, topic.name).tallies[topic.name] == Tally(3, {"others": 3}, True)


def test_large_letters_come_in_pages_that_end_early_and_each_is_whole_when_asked_for(stack, topics, box):
    rng = random.Random(1)
    values = [rng.randbytes(12 << 20) for _ in range(6)]
    limit = str(16 << 20)
    with Topic(stack, "letters-large.dead", **{"max.message.bytes": limit}) as topic:
        producer = topic.producer(max_request_size=16 << 20, compression_type=None)
        for value in values:
            producer.send(topic.name, value, partition=0).get(timeout=30)
        page = box.page(topic.name, None, 6)
        assert 0 < len(page.letters) < 6
        letters = every_letter(box, topic.name, 6)
        assert [(letter.offset, letter.value, letter.size_bytes) for letter in letters] == [
            (at, None, 12 << 20) for at in (5, 4, 3, 2, 1, 0)
        ]
        assert box.letter(topic.name, 2).value == values[2]
        counts = counted(topics, topic.name)
        assert counts.tallies[topic.name].letters == 6


def test_a_topic_that_is_made_anew_or_whose_letters_are_deleted_is_counted_again(stack, topics, box, ratings):
    name = f"{ratings.prefix}shadow.dead"
    ratings.send("shadow.dead", [b"x"] * 5)
    counts = counted(topics, name)
    assert counts.tallies[name].letters == 5

    delete_records(ratings.admin, name, 0, before=3)
    assert wait_until(lambda: letters_in(advanced(counts), name) == 2, 30), counts.tallies
    assert [letter.offset for letter in every_letter(box, name, 10)] == [4, 3]
    assert box.letter(name, 1) is None

    ratings.admin.delete_topics([name])
    assert wait_until(lambda: letters_in(advanced(counts), name) is None, 30)
    assert wait_until(lambda: refusal_of(box, name).startswith(f"there is no topic {name}: create it"), 30)
    ratings.make_topics()
    producer = KafkaProducer(bootstrap_servers=stack.bootstrap_servers)
    for _ in range(7):
        producer.send(name, b"y", partition=0).get(timeout=30)
    producer.close()
    assert wait_until(lambda: letters_in(advanced(counts), name) == 7, 30), counts.tallies
    assert [letter.offset for letter in every_letter(box, name, 3)] == [6, 5, 4, 3, 2, 1, 0]
