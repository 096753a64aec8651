from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from infra.local.errors import DownloadFailed, StackFailed
from infra.local.jars import LOCK, Jar, fetch, parse_lock

CONTENT = b"a jar"
JAR = Jar("org.example:thing:1.0", hashlib.sha256(CONTENT).hexdigest())


def nothing(step: str) -> None:
    pass


def writes(content: bytes):
    def download(jar: Jar, path: Path) -> None:
        path.write_bytes(content)

    return download


def refuse(jar: Jar, path: Path) -> None:
    path.write_bytes(b"half")
    raise DownloadFailed(f"{jar.coordinates}: no route")


def test_parses_coordinates_and_hash_and_skips_comments():
    jars = parse_lock(f"# a comment\n\n{JAR.coordinates} {JAR.sha256}\n")
    assert jars == (JAR,)
    assert jars[0].file_name == "thing-1.0.jar"


@pytest.mark.parametrize("line", ["a:b:c", "a:b " + "0" * 64, "a:b:c 123", "a:b:c " + "0" * 64 + " more"])
def test_a_line_of_another_shape_is_refused_by_its_text(line):
    with pytest.raises(StackFailed, match="expected `group:artifact:version sha256`"):
        parse_lock(line)


def test_the_committed_lock_names_each_jar_once_and_kafka_among_them():
    jars = parse_lock(LOCK.read_text())
    names = [jar.file_name for jar in jars]
    assert len(set(names)) == len(names) == 46
    assert {"kafka_2.13-4.3.1.jar", "kafka-clients-4.3.1.jar", "slf4j-simple-1.7.36.jar"} <= set(names)
    assert [jar.coordinates for jar in jars] == sorted(jar.coordinates for jar in jars)


def test_fetches_what_is_missing_and_says_so(tmp_path):
    steps: list[str] = []
    assert fetch([JAR], tmp_path, steps.append, writes(CONTENT)) == (tmp_path / "thing-1.0.jar",)
    assert steps == ["downloading Kafka: 1 of 1 jars"]
    assert [path.name for path in tmp_path.iterdir()] == ["thing-1.0.jar"]


def test_fetches_nothing_when_all_is_there(tmp_path):
    (tmp_path / JAR.file_name).write_bytes(CONTENT)
    fetch([JAR], tmp_path, nothing, refuse)


def test_fetches_again_what_was_damaged(tmp_path):
    (tmp_path / JAR.file_name).write_bytes(b"damaged")
    (path,) = fetch([JAR], tmp_path, nothing, writes(CONTENT))
    assert path.read_bytes() == CONTENT


def test_a_wrong_hash_is_one_line_and_leaves_no_file(tmp_path):
    with pytest.raises(DownloadFailed, match=r"^org.example:thing:1.0: .* is not the jar") as caught:
        fetch([JAR], tmp_path, nothing, writes(b"something else"))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_download_leaves_no_file(tmp_path):
    with pytest.raises(DownloadFailed, match="no route"):
        fetch([JAR], tmp_path, nothing, refuse)
    assert list(tmp_path.iterdir()) == []
