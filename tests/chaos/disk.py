"""A small disk of its own for ClickHouse's data, so that it can be full: an image file mounted through a loop device.

Only root on a machine that lets it mount can have one; where it is refused, `refusal` says why.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SIZE_BYTES = 8 << 30
LEFT_BYTES = 64 << 10
COMMAND_TIMEOUT_S = 60


class SmallDisk:
    """Mounted at `folder` from `mount` to `unmount`; `fill` takes all its space until `free`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._image = folder.parent / f"{folder.name}.img"
        self._filler = folder / "filler"
        self.refusal: str | None = None
        self.is_mounted = False

    def mount(self) -> bool:
        """Make it; False (and a refusal) where this machine does not allow it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._image.open("wb") as image:
            image.truncate(SIZE_BYTES)  # sparse: takes what is written
        try:
            self._run("mkfs.ext4", "-q", "-m", "0", str(self._image))
            self._run("mount", "-o", "loop", str(self._image), str(self._folder))
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", "") or str(error)
            self.refusal = f"no small disk can be mounted here ({said.strip().splitlines()[-1][:200]})"
            self._image.unlink()
            return False
        self.is_mounted = True
        return True

    def fill(self) -> int:
        """Take all space but a little; returns the bytes taken."""
        descriptor = os.open(self._filler, os.O_CREAT | os.O_WRONLY)
        try:
            step_bytes = self._free_bytes()
            while step_bytes > LEFT_BYTES:
                step_bytes = self._take(descriptor, step_bytes)
            return os.fstat(descriptor).st_blocks * 512
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int, step_bytes: int) -> int:
        """Take so much more, or (where that fails) what was left; how much to try next."""
        try:
            os.posix_fallocate(descriptor, os.fstat(descriptor).st_size, step_bytes)
        except OSError:
            step_bytes //= 2
        return min(step_bytes, self._free_bytes())

    def free(self) -> None:
        """Give the space back."""
        self._filler.unlink(missing_ok=True)

    def unmount(self) -> None:
        """Take it away, with all that is on it."""
        if self.is_mounted:
            self._run("umount", str(self._folder))
            self.is_mounted = False
        self._image.unlink(missing_ok=True)

    def _free_bytes(self) -> int:
        about = os.statvfs(self._folder)
        return about.f_bavail * about.f_frsize

    def _run(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S)
