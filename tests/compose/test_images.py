"""build-all.sh and what it makes."""

import os
import re
import shutil
import stat
import subprocess
import tomllib

import pytest

from tests.compose.project import ROOT

SERVICES = ("producer", "consumer", "api")
LARGEST_ADDED_BYTES = {"producer": 160_000_000, "consumer": 160_000_000, "api": 320_000_000}  # matplotlib


@pytest.fixture(params=SERVICES)
def image(request, images, engine):
    return engine.images.get(images[f"{request.param.upper()}_IMAGE"])


def test_it_says_what_it_built_and_how_large(build):
    assert build.returncode == 0, build.stderr
    for service in SERVICES:
        assert re.search(rf"^{service}:penstock-test +\d+ MB +\d+ s$", build.stdout, re.MULTILINE)
        assert f"  {service.upper()}_IMAGE={service}:penstock-test\n" in build.stdout  # for infra/.env


def test_a_failing_build_fails_the_script(stand_ins):
    done = subprocess.run(
        [ROOT / "build-all.sh", "--tag", "never"],
        env=os.environ | {"BASE_IMAGE": "Not a name"},
        capture_output=True,
        timeout=120,
    )
    assert done.returncode != 0


def test_it_writes_the_missing_secrets_once(build):
    folder = ROOT / "infra" / "secrets"
    passwords = {path.name: path.read_text() for path in folder.glob("*_password")}
    users = {f"clickhouse_{user}_password" for user in ("migrate", "ingest", "reader", "grafana")}
    assert set(passwords) == users | {
        "grafana_admin_password",
        "metabase_db_password",
        "metabase_admin_password",
    }
    assert len(set(passwords.values())) == len(passwords)
    assert all(len(password) == 48 for password in passwords.values())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in passwords:
        assert passwords[name] not in (folder / "clickhouse_passwords").read_text()


def test_an_image_runs_as_a_number_and_tells_of_itself(image):
    config = image.attrs["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"][:2] == ["python", "-m"]
    assert "common.probe" in " ".join(config["Healthcheck"]["Test"])
    labels = {name.removeprefix("org.opencontainers.image.") for name in config["Labels"]}
    assert {"title", "description", "licenses", "version"} <= labels


def test_an_image_adds_little_to_its_base(image, stand_ins, engine):
    added_bytes = image.attrs["Size"] - engine.images.get(stand_ins["BASE_IMAGE"]).attrs["Size"]
    assert added_bytes < LARGEST_ADDED_BYTES[image.tags[0].split(":")[0]]


def test_an_image_runs_read_only_and_without_rights(image, engine):
    said = engine.containers.run(
        image,
        entrypoint=[
            "python",
            "-c",
            "import os, common.settings.config, numpy; print(os.getuid(), os.access('/app', os.W_OK))",
        ],
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        network_mode="none",
        remove=True,
    )
    assert said.decode().split() == ["10001", "False"]


def test_an_image_holds_neither_pip_nor_tests_nor_secrets(image, engine):
    look = "ls -A /app; ls /opt/venv/bin | grep -c '^pip' || true; ls /app/infra 2>/dev/null || true"
    said = engine.containers.run(image, entrypoint=["sh", "-c", look], network_mode="none", remove=True)
    name = image.tags[0].split(":")[0]
    assert sorted(said.decode().split()) == sorted(["common", name, "0"])


def test_a_change_of_code_does_not_install_dependencies_again(stand_ins, images, engine, tmp_path):
    for folder in ("common", "consumer", "requirements"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "common" / "__init__.py").open("a") as file:
        file.write("# changed\n")
    dockerfile = "consumer/Dockerfile"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    arguments = {"BASE_IMAGE": stand_ins["BASE_IMAGE"], "VERSION": version}
    changed, _ = engine.images.build(
        path=str(tmp_path), dockerfile=dockerfile, buildargs=arguments, rm=True, forcerm=True
    )
    try:
        before = engine.images.get(images["CONSUMER_IMAGE"]).attrs["RootFS"]["Layers"]
        after = changed.attrs["RootFS"]["Layers"]
        different = [old != new for old, new in zip(before, after, strict=True)]
        assert not any(different[:-2])
        assert different[-2]
    finally:
        engine.images.remove(changed.id, force=True)


def test_sigterm_ends_a_container_at_once(images, engine):
    """Exec form: the signal reaches Python, which here waits for a first broker."""
    container = engine.containers.run(
        images["CONSUMER_IMAGE"], ["status"], detach=True, network_mode="none", init=True
    )
    try:
        container.stop(timeout=20)
        container.wait(timeout=30)
        container.reload()
        assert container.attrs["State"]["ExitCode"] != 137
    finally:
        container.remove(force=True)
