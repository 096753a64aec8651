"""What `make build` makes, installed into an environment of its own and run where no checkout is."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("producer", "consumer", "api")
PACKAGES = ("common", *SERVICES)
BUILD_TIMEOUT_S = 240  # two isolated environments, each with a back end from the package index
COMMAND_TIMEOUT_S = 60

pytestmark = pytest.mark.timeout(BUILD_TIMEOUT_S + COMMAND_TIMEOUT_S)


def run(*command, **options):
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def top_level():
    return {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """The folder with what is built; building leaves nothing in the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    before = top_level()
    command = [sys.executable, "-m", "build", "--outdir", folder, ROOT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    assert top_level() - before == set()
    return folder


@pytest.fixture(scope="module")
def wheel(dist):
    (path,) = dist.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """A Python that has the wheel, and of this environment what the wheel depends on."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    program = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", program, "--disable-pip-version-check"]
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel)
    ours = run(program, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    Path(ours, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return program


def test_the_wheel_has_the_version_and_any_platform(wheel):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert wheel.name == f"penstock-{version}-py3-none-any.whl"


def test_the_wheel_has_every_file_of_the_services_and_nothing_else(wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "Dockerfile"
    }
    assert "api/static/overview.html" in wanted
    assert names == wanted


def test_the_source_archive_has_what_the_wheel_is_built_from(dist, wheel):
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.split("/", 1)[1] for name in tar.getnames()}
    in_wheel = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert in_wheel <= names
    assert {name.split("/")[0] for name in names - in_wheel} == {
        "pyproject.toml",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "PKG-INFO",
        ".gitignore",
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_from_the_wheel(service, python, tmp_path):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    told = run(python, "-m", service, "--help", cwd=tmp_path, env=environment)
    assert told.startswith("usage: ")
    where = run(python, "-c", f"import {service}; print({service}.__file__)", cwd=tmp_path, env=environment)
    assert where.startswith(str(python.parents[1]))


def test_the_pages_are_found_from_the_wheel(python, tmp_path):
    code = (
        "from api.pages import PAGES, STATIC; print(*[(STATIC / name).is_file() for name in PAGES.values()])"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    assert set(run(python, "-c", code, cwd=tmp_path, env=environment).split()) == {"True"}


def test_infra_and_tests_stay_in_the_repository(python, tmp_path):
    code = "import importlib.util as u; print(u.find_spec('infra'), u.find_spec('tests'))"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    assert run(python, "-c", code, cwd=tmp_path, env=environment).split() == ["None", "None"]
