import ast
import re
from pathlib import Path

import pytest
from kafka import KafkaConsumer
from kafka.consumer.fetcher import Fetcher
from kafka.coordinator.consumer import ConsumerCoordinator

from common.kafka_io import internals

HOME = Path(internals.__file__)
HOMES = (HOME, HOME.with_name("transaction_internals.py"))


def test_this_kafka_python_has_everything():
    assert internals.missing() == []


@pytest.mark.parametrize(
    ("owner", "name"),
    [(ConsumerCoordinator, "_send_offset_commit_request"), (Fetcher, "_parse_fetched_data")],
)
def test_a_name_that_is_gone_is_named_with_what_to_install(monkeypatch, owner, name):
    monkeypatch.delattr(owner, name)
    with pytest.raises(ImportError, match=rf"{owner.__name__}\.{name}.*install kafka-python>=3") as raised:
        internals.check()
    assert "kafka-python 3." in str(raised.value)


def test_an_attribute_that_a_constructor_no_longer_sets_is_named(monkeypatch):
    monkeypatch.setattr(KafkaConsumer, "__init__", lambda self, *topics, **configs: None)
    assert "KafkaConsumer._coordinator" in internals.missing()


def test_a_fetcher_that_makes_its_records_in_another_way_is_noticed(monkeypatch):
    monkeypatch.setattr(Fetcher, "_parse_fetched_data", lambda self, completed: None)
    assert internals.missing() == ["Fetcher._parse_fetched_data → self.PartitionRecords"]


def private_names(path):
    """Attributes with an underscore of anything but self and cls."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        is_private = isinstance(node, ast.Attribute) and re.match(r"_(?!_|replace\b)", node.attr)
        if is_private and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
            yield f"{path.name}:{node.lineno} {node.attr}"


def test_no_other_module_of_the_package_reaches_into_a_client():
    others = [path for path in HOME.parent.rglob("*.py") if path not in HOMES]
    assert [name for path in others for name in private_names(path)] == []
    assert all(len(list(private_names(home))) > 5 for home in HOMES)


def test_what_is_hooked_is_not_reached_through_self_either():
    hooked = {name for names in internals._SET_BY_INIT.values() for name in names}
    reader = (HOME.parent / "reader.py").read_text(encoding="utf-8")
    assert {name for name in hooked if f"self.{name}" in reader} == set()
