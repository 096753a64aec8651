from __future__ import annotations

from infra.local import logs


def test_shows_the_end_of_one_file(tmp_path):
    file = tmp_path / "kafka-1.log"
    file.write_text("a\nb\nc\n")
    assert list(logs.ends_of([file], lines=2)) == ["b", "c"]


def test_names_the_file_when_there_are_several_and_skips_those_that_are_missing(tmp_path):
    one, missing = tmp_path / "one.log", tmp_path / "two.log"
    one.write_text("a\n")
    assert list(logs.ends_of([one, missing])) == ["one: a"]


def test_follows_whole_lines_that_come_later(tmp_path):
    file = tmp_path / "one.log"
    file.write_text("old\n")
    lines = logs.following([file])
    with file.open("a") as log:
        log.write("a\nb\nhal")
    assert [next(lines), next(lines)] == ["a", "b"]
    with file.open("a") as log:
        log.write("f\n")
    assert next(lines) == "half"


def test_follows_into_a_file_that_starts_anew(tmp_path):
    file = tmp_path / "one.log"
    file.write_text("a long old line\n")
    lines = logs.following([file, tmp_path / "missing.log"])
    file.write_text("new\n")
    assert next(lines) == "one: new"
