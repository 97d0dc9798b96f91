"""Real disks that are small, and that go wrong while they are written to.

They are mounted where no other process sees them, and are gone with this one however it ends. Where nothing can be
mounted the test is skipped.
"""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from support.machine import require, require_root, unable

__all__ = ["BreakingDisk", "Disk", "allow_mounts", "bound", "disks", "ext4_disk", "memory_disk"]

_CLONE_NEWNS: Final = 0x00020000
_FILLERS: Final = "of-somebody-else"
_IN_A_CONTAINER: Final = "run where root may mount (in a container: docker run --privileged)"


class Disk:
    """A mounted disk, and what happens to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fillers = path / _FILLERS

    @property
    def free(self) -> int:
        """Bytes that are left."""
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Somebody else writes to it until `leave` bytes are left."""
        self._fillers.mkdir(exist_ok=True)
        with (self._fillers / "bytes").open("ab", buffering=0) as file:
            os.posix_fallocate(file.fileno(), file.tell(), self.free - leave)

    def fill_with_names(self, leave: int = 0) -> None:
        """Somebody else makes files on it until `leave` inodes are left."""
        self._fillers.mkdir(exist_ok=True)
        for number in range(os.statvfs(self.path).f_favail - leave):
            (self._fillers / f"{number}").touch()

    def make_room(self) -> None:
        """Somebody else takes away what filled it."""
        shutil.rmtree(self._fillers)

    def change(self, *options: str) -> None:
        """Mounts it anew, with other options. Raises CalledProcessError for ``ro`` while a file is open for writing."""
        _run("mount", "-o", ",".join(["remount", *options]), str(self.path))


class BreakingDisk(Disk):
    """An ext4 that finds itself damaged."""

    def __init__(self, path: Path, image: Path) -> None:
        super().__init__(path)
        self._image = image

    def break_down(self) -> None:
        """It takes no more writing from now on, whoever is at it."""
        self.change("abort")

    def repair(self) -> None:
        """Somebody checks it, and mounts it for writing."""
        _run("umount", str(self.path))
        subprocess.run(["e2fsck", "-fy", str(self._image)], check=False, capture_output=True)
        _run("mount", "-o", "loop", str(self._image), str(self.path))


@pytest.fixture
def disks() -> Iterator[ExitStack]:
    """Where disks are entered, to be unmounted behind the test."""
    allow_mounts()
    with ExitStack() as held:
        yield held


def allow_mounts() -> None:
    """Lets this process mount where no other one sees it. Raises LackingError."""
    require_root()
    require("mount", "umount")
    why_not = _mounts_of_our_own()
    if why_not:
        raise unable("mounts of its own", why_not, _IN_A_CONTAINER)


@contextmanager
def memory_disk(path: Path, *options: str) -> Iterator[Disk]:
    """A tmpfs at `path`, made with options such as ``size=1m`` and ``nr_inodes=20``. Blocks have 4 KiB."""
    with _mounted(path, "-t", "tmpfs", "-o", ",".join(options), "tmpfs"):
        yield Disk(path)


@contextmanager
def ext4_disk(path: Path, size: int, names: int = 1024) -> Iterator[BreakingDisk]:
    """An ext4 of `size` bytes with some `names` inodes at `path`. Blocks have 1 KiB."""
    require("mkfs.ext4", "e2fsck")
    image = path.with_name(f"{path.name}.ext4")
    with image.open("wb") as file:
        file.truncate(size)
    _run("mkfs.ext4", "-q", "-b", "1024", "-m", "0", "-N", str(names), str(image))
    with _mounted(path, "-o", "loop", str(image)):
        yield BreakingDisk(path, image)


@contextmanager
def bound(path: Path, to: Path) -> Iterator[Disk]:
    """The folder `to`, at `path` as well."""
    with _mounted(path, "--bind", str(to)):
        yield Disk(path)


@contextmanager
def _mounted(path: Path, *what: str) -> Iterator[None]:
    path.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *what, str(path)], check=False, capture_output=True, text=True)
    if done.returncode:
        raise unable("mounts of this kind", done.stderr.strip(), _IN_A_CONTAINER)
    try:
        yield
    finally:
        _run("umount", "--lazy", str(path))


@functools.cache
def _mounts_of_our_own() -> str:
    """Gives this thread, and all that it starts, mounts that nobody else sees. Answers why not, ``""`` if it does."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(ctypes.c_int(_CLONE_NEWNS)):
        return os.strerror(ctypes.get_errno())
    done = subprocess.run(["mount", "--make-rprivate", "/"], check=False, capture_output=True, text=True)
    return done.stderr.strip()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
