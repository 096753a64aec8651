"""What a pod may do, how it is asked how it is, and how it is replaced."""

import pytest

from tests.support.manifests import built, container_of, of_kind, pod_of, workloads

NAMES = ("check", "topics", "migrate", "producer", "consumer", "transformer", "auditor", "api")
SERVICES = NAMES[3:]
MEMBERS = ("consumer", "transformer")


@pytest.mark.parametrize("name", NAMES)
def test_a_pod_has_no_rights_and_cannot_write(name):
    pod, container = pod_of(workloads()[name]), container_of(workloads()[name])
    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
    own = pod["securityContext"]
    assert (own["runAsNonRoot"], own["runAsUser"], own["runAsGroup"]) == (True, 10001, 10001)
    assert own["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "hostNetwork" not in pod
    assert all(set(volume) <= {"name", "emptyDir", "secret"} for volume in pod["volumes"])
    assert all(mount["name"] == "tmp" or mount["readOnly"] for mount in container["volumeMounts"])


@pytest.mark.parametrize("name", NAMES)
def test_a_pod_asks_for_what_it_may_take(name):
    resources = container_of(workloads()[name])["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"]
    assert "cpu" in resources["requests"]
    assert "cpu" not in resources["limits"]


@pytest.mark.parametrize("name", SERVICES)
def test_what_restarts_a_pod_does_not_ask_for_the_servers(name):
    """/health: the process is alive. /ready: it is at work. tests/compose/test_rolling.py tries it."""
    container = container_of(workloads()[name])
    (port,) = container["ports"]
    asked = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")}
    assert {kind: get["path"] for kind, get in asked.items()} == {
        "startup": "/health",
        "readiness": "/ready",
        "liveness": "/health",
    }
    assert {get["port"] for get in asked.values()} == {port["name"]}


@pytest.mark.parametrize("name", MEMBERS)
def test_members_are_replaced_one_at_a_time(name):
    spec = workloads()[name]["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert spec["minReadySeconds"] >= 10
    (budget,) = (found for found in of_kind("PodDisruptionBudget") if found["metadata"]["name"] == name)
    assert budget["spec"]["maxUnavailable"] == 1


def test_selectors_find_the_pods_they_mean():
    labels = {name: found["spec"]["template"]["metadata"]["labels"] for name, found in workloads().items()}
    for name, found in workloads().items():
        assert labels[name]["app.kubernetes.io/name"] == name
        wanted = found["spec"].get("selector", {}).get("matchLabels", {})
        assert wanted.items() <= labels[name].items()
        for spread in pod_of(found).get("topologySpreadConstraints", []):
            assert spread["labelSelector"]["matchLabels"].items() <= labels[name].items()
    for found in of_kind("PodDisruptionBudget"):
        assert found["spec"]["selector"]["matchLabels"].items() <= labels[found["metadata"]["name"]].items()
    (service,) = of_kind("Service")
    assert service["spec"]["selector"].items() <= labels["api"].items()
    policies = {found["metadata"]["name"]: found["spec"]["podSelector"] for found in of_kind("NetworkPolicy")}
    assert policies["api"]["matchLabels"].items() <= labels["api"].items()
    assert all(policies["services"]["matchLabels"].items() <= own.items() for own in labels.values())


def test_the_network_lets_through_what_the_pods_need():
    (policy,) = (found for found in of_kind("NetworkPolicy") if found["metadata"]["name"] == "services")
    (egress,) = policy["spec"]["egress"]
    allowed = {port["port"] for port in egress["ports"]}
    maps = [found["data"] for found in built("base") if found["kind"] == "ConfigMap"]
    needed = {int(told["CLICKHOUSE_PORT"]) for told in maps}
    needed |= {
        int(server.rsplit(":")[-1])
        for told in maps
        for server in told.get("BOOTSTRAP_SERVERS", "").split(",")
        if server
    }
    assert allowed == needed | {53}


def test_brokers_do_not_share_a_node():
    (pool,) = of_kind("KafkaNodePool")
    (spread,) = pool["spec"]["template"]["pod"]["topologySpreadConstraints"]
    assert (spread["maxSkew"], spread["whenUnsatisfiable"]) == (1, "DoNotSchedule")
    assert pool["metadata"]["labels"]["strimzi.io/cluster"] == of_kind("Kafka")[0]["metadata"]["name"]
