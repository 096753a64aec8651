"""The manifests and docker-compose.yml run the same things the same way."""

import re
from itertools import chain

import pytest
import yaml  # type: ignore[import-untyped]

from common.commits.groups import sink_group
from common.settings.config import Settings
from tests.support.manifests import ROOT, container_of, of_kind, pod_of, workloads

INFRA = ROOT / "infra"
NOT_OURS = {"kafka-1", "kafka-2", "kafka-3", "clickhouse-server", "kafka-ui", "grafana"}
NOT_OURS_EITHER = {"metabase", "metabase-db", "metabase-setup"}
"""Under a profile of Compose."""
ONE_SHOTS = {"check", "topics", "migrate"}
SERVICES = {"producer", "consumer", "transformer", "auditor", "api"}
BROKERS_TELL_ELSEWHERE = (
    "listener",
    "advertised.",
    "controller.",
    "process.roles",
    "inter.broker.",
    "log.dirs",
    "broker.session.",  # Strimzi ignores these two
    "broker.heartbeat.",
    "heap.opts",
    "log4j.",
)
"""Prefixes of what Strimzi itself decides, or has another place for."""


def compose():
    found = yaml.safe_load((INFRA / "docker-compose.yml").read_text())
    return {
        name: service for name, service in found["services"].items() if name in SERVICES | ONE_SHOTS
    }, found


def service_of(name):
    return compose()[0][name]


def default(text):
    """A value of the compose file, where nobody sets the variable."""
    return re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", str(text))


def assignments(path):
    lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_service_of_ours_is_there_and_no_other():
    services = set(compose()[1]["services"])
    assert services - NOT_OURS - NOT_OURS_EITHER == SERVICES | ONE_SHOTS
    kinds = {name: found["kind"] for name, found in workloads().items()}
    assert kinds == dict.fromkeys(SERVICES, "Deployment") | dict.fromkeys(ONE_SHOTS, "Job")


@pytest.mark.parametrize("name", sorted(SERVICES | ONE_SHOTS))
class TestAService:
    def test_has_the_same_image_and_command(self, name):
        service, container = service_of(name), container_of(workloads()[name])
        assert container["image"] == default(service["image"])
        assert container.get("command") == service.get("entrypoint")
        assert container.get("args", []) == [default(word) for word in service.get("command", [])]

    def test_is_told_the_same(self, name):
        service, container = service_of(name), container_of(workloads()[name])
        told = {entry["name"]: entry["value"] for entry in container.get("env", [])}
        assert told == service.get("environment", {})
        maps = [
            re.sub(r"-[0-9a-z]{10}$", "", found["configMapRef"]["name"]) for found in container["envFrom"]
        ]
        files = {"settings": ".env_kafka", "settings-of-the-api": ".env_app"}
        assert [files[found] for found in maps] == service["env_file"]

    def test_may_read_the_same_secrets_at_the_same_places(self, name):
        volumes = {volume["name"]: volume for volume in pod_of(workloads()[name])["volumes"]}
        items = volumes.get("passwords", {"secret": {"items": []}})["secret"]["items"]
        assert all(item["key"] == item["path"] for item in items)
        assert [item["key"] for item in items] == service_of(name).get("secrets", [])
        mounts = {
            mount["name"]: mount["mountPath"] for mount in container_of(workloads()[name])["volumeMounts"]
        }
        assert mounts == {"tmp": "/tmp"} | ({"passwords": "/run/secrets"} if items else {})

    def test_has_the_same_memory_and_as_long_to_stop(self, name):
        service, workload = service_of(name), workloads()[name]
        limits = container_of(workload)["resources"]["limits"]
        assert limits == {"memory": service["mem_limit"].replace("m", "Mi")}
        if "stop_grace_period" in service:
            assert f"{pod_of(workload)['terminationGracePeriodSeconds']}s" == service["stop_grace_period"]

    def test_listens_where_its_image_says(self, name):
        ports = [port["containerPort"] for port in container_of(workloads()[name]).get("ports", [])]
        image = default(service_of(name)["image"]).split(":")[0]
        exposed = re.search(r"^EXPOSE (\d+)$", (ROOT / image / "Dockerfile").read_text(), re.MULTILINE)
        assert ports == ([int(exposed[1])] if name in SERVICES else [])


def test_the_api_is_published_under_the_same_port():
    (published,) = service_of("api")["ports"]
    (service,) = of_kind("Service")
    assert [port["port"] for port in service["spec"]["ports"]] == [int(default(published).split(":")[-1])]


@pytest.mark.parametrize("copied", ["env_kafka", "env_app"])
def test_the_settings_are_those_of_compose_but_for_the_brokers(copied):
    ours, theirs = assignments(INFRA / "kubernetes" / "base" / copied), assignments(INFRA / f".{copied}")
    (kafka,) = of_kind("Kafka")
    brokers = {"BOOTSTRAP_SERVERS": f"{kafka['metadata']['name']}-kafka-bootstrap:9092"}
    assert ours == theirs | (brokers if copied == "env_kafka" else {})
    told = [found["data"] for found in of_kind("ConfigMap")]
    assert ours in told


def test_brokers_have_the_properties_of_compose():
    given = compose()[1]["x-broker-environment"]
    properties = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in given.items()
        if name.startswith("KAFKA_")
    }
    wanted = {
        name: value for name, value in properties.items() if not name.startswith(BROKERS_TELL_ELSEWHERE)
    }
    (kafka,), (pool,) = of_kind("Kafka"), of_kind("KafkaNodePool")
    config = {name: str(value).lower() for name, value in kafka["spec"]["kafka"]["config"].items()}
    assert config == wanted
    assert len(wanted) == 13
    assert not [
        name for name in config if name.startswith("broker.")
    ]  # Strimzi forbids them, and says nothing
    heap = pool["spec"]["jvmOptions"]
    assert f"-Xms{heap['-Xms']} -Xmx{heap['-Xmx']}" == given["KAFKA_HEAP_OPTS"]
    image = default(compose()[1]["x-broker"]["image"])
    assert kafka["spec"]["kafka"]["version"] == image.split(":")[1]
    brokers = [name for name in compose()[1]["services"] if re.fullmatch(r"kafka-\d", name)]
    assert pool["spec"]["replicas"] == len(brokers)


def test_clickhouse_is_that_of_compose():
    service = compose()[1]["services"]["clickhouse-server"]
    (installation,) = of_kind("ClickHouseInstallation")
    templates = installation["spec"]["templates"]
    (pod,) = (found["spec"] for found in templates["podTemplates"])
    (container,) = pod["containers"]
    assert container["image"] == default(service["image"])
    assert container["resources"]["limits"] == {"memory": service["mem_limit"].replace("m", "Mi")}
    told = {entry["name"]: entry["value"] for entry in container["env"]}
    assert told == service["environment"] | {"CLICKHOUSE_SKIP_USER_SETUP": "1"}
    assert f"{pod['terminationGracePeriodSeconds']}s" == service["stop_grace_period"]
    (named,) = templates["serviceTemplates"]
    assert named["generateName"] == assignments(INFRA / ".env_kafka")["CLICKHOUSE_HOST"]
    ports = {port["port"] for port in named["spec"]["ports"]}
    assert ports == {int(default(published).split(":")[-1]) for published in service["ports"]}
    (volume,) = pod["volumes"]
    assert [item["path"] for item in volume["secret"]["items"]] == ["clickhouse_passwords"]


def test_every_secret_is_a_file_that_the_script_writes():
    pods = [pod_of(workload) for workload in workloads().values()]
    pods += [
        found["spec"] for found in of_kind("ClickHouseInstallation")[0]["spec"]["templates"]["podTemplates"]
    ]
    secrets = [volume["secret"] for pod in pods for volume in pod["volumes"] if "secret" in volume]
    assert {secret["secretName"] for secret in secrets} == {"clickhouse"}
    keys = set(chain.from_iterable((item["key"] for item in secret["items"]) for secret in secrets))
    assert keys <= set(compose()[1]["secrets"])


def test_consumers_are_scaled_by_the_lag_of_their_group_up_to_their_partitions():
    (scaled,) = of_kind("ScaledObject")
    (trigger,) = scaled["spec"]["triggers"]
    settings = assignments(INFRA / "kubernetes" / "base" / "env_kafka")
    own = {name: value for name, value in settings.items() if not name.endswith("_FILE")}
    assert trigger["metadata"]["consumerGroup"] == sink_group(Settings.from_env(own))
    assert trigger["metadata"]["bootstrapServers"] == settings["BOOTSTRAP_SERVERS"]
    assert "topic" not in trigger["metadata"]  # all that the group has committed
    assert (scaled["spec"]["minReplicaCount"] >= 1, scaled["spec"]["maxReplicaCount"]) == (
        True,
        int(settings["PARTITIONS"]),
    )
    target = scaled["spec"]["scaleTargetRef"]["name"]
    assert (
        "replicas" not in workloads("overlays/autoscaled")[target]["spec"]
    )  # an apply would undo the scaling
    assert "replicas" in workloads("overlays/complete")[target]["spec"]
