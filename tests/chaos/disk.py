"""A small disk of its own for ClickHouse's data, so that it can be full: an image file mounted through a loop device.

Only root on a machine that lets it mount can have one; where it is refused, `refusal` says why. ClickHouse is told to
leave a reserve alone, and so does `fill`: on a disk filled to its last byte chdb-core 26.9 acknowledges INSERTs, and
finishes merges, whose files are empty (writes that fail go unnoticed), and no client can help that.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SIZE_BYTES = 8 << 30
SMALLEST_STEP_BYTES = 1 << 20
RESERVE_BYTES = 256 << 20
LEFT_BYTES = 64 << 20
RESERVE_CONFIG = f"""\
<clickhouse>
    <storage_configuration>
        <disks><default><keep_free_space_bytes>{RESERVE_BYTES}</keep_free_space_bytes></default></disks>
    </storage_configuration>
</clickhouse>
"""
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
        (self._folder.parent / "config.d").mkdir()
        (self._folder.parent / "config.d" / "reserve.xml").write_text(RESERVE_CONFIG)
        return True

    def fill(self) -> int:
        """Take all space but a part of the reserve; returns the bytes taken."""
        descriptor = os.open(self._filler, os.O_CREAT | os.O_WRONLY)
        try:
            step_bytes = self._room_bytes()
            while step_bytes > SMALLEST_STEP_BYTES:
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
        return min(step_bytes, self._room_bytes())

    def free(self) -> None:
        """Give the space back."""
        self._filler.unlink(missing_ok=True)

    def unmount(self) -> None:
        """Take it away; the image stays where it is: `mount -o loop IMAGE FOLDER` shows what was on it."""
        if self.is_mounted:
            self._run("umount", str(self._folder))
            self.is_mounted = False

    def _room_bytes(self) -> int:
        about = os.statvfs(self._folder)
        return about.f_bavail * about.f_frsize - LEFT_BYTES

    def _run(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S)
