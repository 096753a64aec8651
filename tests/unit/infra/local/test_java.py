from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.local.java import START_CACHES_KEPT, Java


@pytest.fixture
def java(tmp_path: Path) -> Java:
    for name in ("jvm/bin/java", "jvm/lib/modules", "b.jar", "a.jar"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    cache = tmp_path / "cache"
    cache.mkdir()
    return Java(tmp_path / "jvm/bin/java", (tmp_path / "b.jar", tmp_path / "a.jar"), cache)


def test_the_class_path_keeps_its_order(java, tmp_path):
    command = java.command("kafka.Kafka", "server.properties", temporary=tmp_path)
    assert command[0] == str(tmp_path / "jvm/bin/java")
    assert command[-4:] == ["-cp", f"{tmp_path}/b.jar:{tmp_path}/a.jar", "kafka.Kafka", "server.properties"]


def test_a_start_cache_is_used_when_it_is_there(java, tmp_path):
    assert not any("AOT" in word for word in java.command("Main", temporary=tmp_path))
    java.start_cache.touch()
    assert f"-XX:AOTCache={java.start_cache}" in java.command("Main", temporary=tmp_path)


def test_training_writes_one_and_uses_none(java, tmp_path):
    java.start_cache.touch()
    command = java.command("Main", temporary=tmp_path, train_to=tmp_path / "new")
    assert [word for word in command if "AOT" in word] == [f"-XX:AOTCacheOutput={tmp_path / 'new'}"]


def test_a_changed_jar_or_jvm_needs_another_start_cache(java, tmp_path):
    names = [java.start_cache.name]
    for changed in ("a.jar", "jvm/lib/modules"):
        os.utime(tmp_path / changed, (1, 1))
        names.append(java.start_cache.name)
    assert len(set(names)) == 3


def test_old_start_caches_make_room(java, tmp_path):
    for age, number in enumerate(range(5), start=1):
        (java.cache / f"kafka-{number}.aot").touch()
        os.utime(java.cache / f"kafka-{number}.aot", (age, age))
    trained = tmp_path / "trained"
    trained.write_text("classes")
    java.keep_start_cache(trained)
    assert java.start_cache.read_text() == "classes"
    assert len(list(java.cache.glob("*.aot"))) == START_CACHES_KEPT
