"""The service kafka-ui of the compose file, its page, and what kafka-ui's source reads.

Of kafbat/kafka-ui: ClustersProperties.java (settings), SerdesInitializer.java (serdes), frontend/src/lib/paths.ts.
"""

import json
import random
import re
from itertools import islice
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from common.model.codec import encode
from common.streams import STREAMS
from common.streams.visits import Visit, key_of

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "kafka-ui.md").read_text(encoding="utf-8")
CLUSTER_FIELDS = {
    "name",
    "bootstrapServers",
    "readOnly",
    "defaultKeySerde",
    "defaultValueSerde",
    "pollingThrottleRate",
}
"""Fields of `ClustersProperties.Cluster` that are one value; Spring reads kafka.clusters[0].x as KAFKA_CLUSTERS_0_X."""
SERDES = {"String", "Int32", "Int64", "UInt32", "UInt64", "Base64", "Hex"}
"""Those that need no settings of their own."""
ADDRESSES = re.findall(r"http://localhost:8080(/ui/[^\s>)]+)", PAGE)
PATHS = (
    r"/ui/clusters/kafka/all-topics(/(?P<topic>[^/]+)/messages)?",
    r"/ui/clusters/kafka/consumer-groups/(?P<group>[^/]+)",
    r"/ui/clusters/kafka/brokers",
)


@pytest.fixture(scope="module")
def service():
    file = yaml.safe_load((ROOT / "infra" / "docker-compose.yml").read_text(encoding="utf-8"))
    return file["services"]["kafka-ui"]


@pytest.fixture(scope="module")
def cluster(service):
    prefix = "KAFKA_CLUSTERS_0_"
    given = service["environment"]
    return {name.removeprefix(prefix): given[name] for name in given if name.startswith(prefix)}


def settings():
    lines = (ROOT / "infra" / ".env_kafka").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_it_is_told_nothing_that_it_does_not_read(service, cluster):
    assert set(cluster) <= {field.upper() for field in CLUSTER_FIELDS}
    others = set(service["environment"]) - {f"KAFKA_CLUSTERS_0_{name}" for name in cluster}
    assert others == {"JAVA_OPTS"}


def test_the_cluster_has_the_name_that_the_originals_addresses_have(cluster):
    assert cluster["NAME"] == "kafka"
    assert cluster["BOOTSTRAPSERVERS"] == settings()["BOOTSTRAP_SERVERS"]


def test_it_only_looks(cluster):
    assert cluster["READONLY"] == "true"


def test_its_serdes_are_known_to_it(cluster):
    assert {cluster["DEFAULTKEYSERDE"], cluster["DEFAULTVALUESERDE"]} <= SERDES


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_keys_and_values_of_a_stream_are_text_for_its_serde(stream, cluster):
    assert (cluster["DEFAULTKEYSERDE"], cluster["DEFAULTVALUESERDE"]) == ("String", "String")
    emissions = list(islice(stream.generate(random.Random(1), stream.options(), lambda: 1_795_000_000.0), 30))
    assert len(emissions) == 30
    for emission in emissions:
        assert emission.key is None or emission.key.decode("utf-8").isprintable()
        assert isinstance(json.loads(encode(emission.event).decode("utf-8")), dict)


def test_keys_that_transforms_make_are_text():
    with_keys = [
        each for stream in STREAMS.values() for each in stream.transforms if getattr(each, "key", None)
    ]
    assert {each.key for each in with_keys} == {key_of}
    assert json.loads(key_of(Visit("v", "1", "us", 0)).decode("utf-8")) == ["1", "us"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_of_the_page_is_one_that_it_has(address):
    found = next(filter(None, (re.fullmatch(path, address) for path in PATHS)), None)
    assert found, address
    named = found.groupdict()
    feeds = {feed.topic for stream in STREAMS.values() for feed in stream.feeds}
    sources = {each.source for stream in STREAMS.values() for each in stream.transforms}
    group = settings()["KAFKA_GROUP_ID"]
    assert named.get("topic") in feeds | sources | {None}
    assert named.get("group") in {f"{group}-sink", f"{group}-transform", None}


def test_no_page_knows_its_cluster_by_another_name():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    named = {
        name for page in pages for name in re.findall(r"/ui/clusters/([^/\s]+)", page.read_text("utf-8"))
    }
    assert named == {"kafka"}
    assert len(ADDRESSES) >= 8
