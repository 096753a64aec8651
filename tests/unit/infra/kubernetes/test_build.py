"""kustomize builds every folder, and every resource is what its schema allows, nothing more."""

import copy
import re
import shutil
import textwrap

import jsonschema  # type: ignore[import-untyped]
import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from tests.support.manifests import BUILDS, KUBERNETES, ROOT, built, container_of, definition, of_kind

CUSTOM = {"Kafka", "KafkaNodePool", "ClickHouseInstallation", "ScaledObject"}
KUBERNETES_VERSIONS = ("1.32.0", "1.37.0")
COPIES = {
    "base/env_app": ".env_app",
    "servers/config.xml": "clickhouse/config.d/penstock.xml",
    "servers/users.xml": "clickhouse/users.d/penstock.xml",
}


def like_kubernetes(resource, version=KUBERNETES_VERSIONS[-1]):
    kubernetes_validate.validate(resource, version, strict=True)


def like_its_definition(resource):
    jsonschema.validate(resource, definition(resource["kind"]))


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize("folder", BUILDS)
def test_kubernetes_accepts_its_own_kinds(folder, version):
    for resource in built(folder):
        if resource["kind"] not in CUSTOM:
            like_kubernetes(resource, version)


@pytest.mark.parametrize("kind", sorted(CUSTOM))
def test_an_operators_resource_is_as_it_defines_it(kind):
    found = of_kind(kind)
    assert found
    for resource in found:
        like_its_definition(resource)


def test_every_kind_is_one_that_is_checked():
    kinds = {resource["kind"] for folder in BUILDS for resource in built(folder)}
    assert kinds - CUSTOM == {
        "Namespace", "ConfigMap", "Deployment", "Job", "Service", "PodDisruptionBudget", "NetworkPolicy"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Kafka", "spec kafka"),
        ("KafkaNodePool", "spec storage"),
        ("ClickHouseInstallation", "spec defaults"),
        ("ScaledObject", "spec scaleTargetRef"),
    ],
)
def test_a_name_that_an_operator_does_not_know_is_refused(kind, path):
    resource = copy.deepcopy(of_kind(kind)[0])
    part = resource
    for name in path.split():
        part = part[name]
    part["mistyped"] = 1
    with pytest.raises(jsonschema.ValidationError, match="mistyped"):
        like_its_definition(resource)


def test_what_the_operator_of_clickhouse_leaves_open_is_as_kubernetes_defines_it():
    (installation,) = of_kind("ClickHouseInstallation")
    templates = installation["spec"]["templates"]
    meta = {"apiVersion": "v1", "metadata": {"name": "template"}}
    (pod,), (claim,), (service,) = (
        templates[f"{name}Templates"] for name in ("pod", "volumeClaim", "service")
    )
    like_kubernetes({**meta, "kind": "Pod", "spec": pod["spec"]})
    like_kubernetes({**meta, "kind": "PersistentVolumeClaim", "spec": claim["spec"]})
    like_kubernetes({**meta, "kind": "Service", "spec": service["spec"]})
    names = installation["spec"]["defaults"]["templates"]
    assert names == {
        "podTemplate": pod["name"], "dataVolumeClaimTemplate": claim["name"], "serviceTemplate": service["name"]
    }  # fmt: skip


def test_everything_is_in_the_namespace_penstock():
    for folder in BUILDS:
        for resource in built(folder):
            name = resource["metadata"]["name" if resource["kind"] == "Namespace" else "namespace"]
            assert name == "penstock", resource


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_like_what_it_is_a_copy_of(name):
    original = ROOT / "infra" / COPIES[name]
    copied = ROOT / "infra" / "kubernetes" / name
    assert copied.read_text() == original.read_text(), f"cp infra/{COPIES[name]} infra/kubernetes/{name}"


def test_the_files_of_clickhouse_get_into_its_resource():
    (installation,) = of_kind("ClickHouseInstallation")
    folder = ROOT / "infra" / "clickhouse"
    wanted = {
        f"{name}/penstock.xml": (folder / name / "penstock.xml").read_text()
        for name in ("config.d", "users.d")
    }
    assert installation["spec"]["configuration"]["files"] == wanted


def overlay_of_the_documentation(number, folder, *more):
    """The resources of an overlay that docs/kubernetes.md shows, with more lines at its end."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "kubernetes.md").read_text(), re.DOTALL)
    shutil.copytree(KUBERNETES, folder / "infra" / "kubernetes")
    (folder / "kustomization.yaml").write_text("\n".join([textwrap.dedent(blocks[number]), *more]))
    return built(folder)


def test_the_overlay_of_the_documentation_builds(tmp_path):
    found = overlay_of_the_documentation(0, tmp_path)
    images = {container_of(each)["image"] for each in found if each["kind"] in ("Deployment", "Job")}
    assert images == {f"registry.example/penstock/{name}:0.3.0" for name in ("producer", "consumer", "api")}


def test_the_overlay_for_servers_of_ones_own_names_them_and_brings_none(tmp_path):
    found = overlay_of_the_documentation(1, tmp_path)
    assert {each["kind"] for each in found} & CUSTOM == set()
    assert {each["kind"] for each in found} == {
        each["kind"] for folder in ("namespace", "base") for each in built(folder)
    }
    (ours,), (theirs,) = (
        [each["data"] for each in resources if each["metadata"]["name"].startswith("settings-")
         and "BOOTSTRAP_SERVERS" in each.get("data", {})]
        for resources in (built("base"), found)
    )  # fmt: skip
    own = {"BOOTSTRAP_SERVERS": "kafka.example:9092", "CLICKHOUSE_HOST": "clickhouse.example"}
    assert theirs == ours | own
    for each in found:
        like_kubernetes(each)


def test_consumers_by_lag_are_one_more_line_of_that_overlay(tmp_path):
    found = overlay_of_the_documentation(1, tmp_path, "components: [infra/kubernetes/keda]")
    (scaled,) = [each for each in found if each["kind"] in CUSTOM]
    assert scaled["kind"] == "ScaledObject"
    (consumer,) = [
        each for each in found if each["kind"] == "Deployment" and each["metadata"]["name"] == "consumer"
    ]
    assert "replicas" not in consumer["spec"]


def test_every_pod_of_that_overlay_reads_its_settings(tmp_path):
    found = overlay_of_the_documentation(1, tmp_path)
    maps = {each["metadata"]["name"] for each in found if each["kind"] == "ConfigMap"}
    told = {
        source["configMapRef"]["name"]
        for each in found
        if each["kind"] in ("Deployment", "Job")
        for source in container_of(each)["envFrom"]
    }
    assert told == maps


def test_no_password_is_in_a_manifest():
    assert of_kind("Secret") == []
    for folder in BUILDS:
        for resource in built(folder):
            assert not re.search(r"'[^']*password': '(?!/run/secrets/)[^']+'", str(resource), re.IGNORECASE)
