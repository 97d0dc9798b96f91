"""What the tests of whole restores share: a clock that nobody sits out, small limits, files, a look at the disk."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import stat
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from downloader.checksums import Checksum
from downloader.disk import flushing
from downloader.disk.destination import Destination
from downloader.disk.part_file import part_name
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.results import FileResult
from downloader.retry import Clock, RetryPolicy
from downloader.source import Source
from downloader.transfer.batch import restore
from downloader.transfer.concurrency import MemoryBudget
from downloader.transfer.context import BatchContext
from downloader.transfer.options import TransferLimits, TransferOptions

__all__ = [
    "KIB",
    "LIMITS",
    "RANGE",
    "FakeClock",
    "content",
    "context_for",
    "file_for",
    "files_for",
    "no_nameless_files",
    "part_files",
    "part_path",
    "plain_copy",
    "quick_disk",
    "restored",
    "transfer_options",
    "tree",
    "without_nameless_files",
]

KIB = 1024
RANGE = 64 * KIB
LIMITS = TransferLimits(
    threads=8,
    large_threads=3,
    range_size=RANGE,
    read_ahead=3,
    small_file=4 * KIB,
    memory=8 * RANGE,
    lock_wait=1.0,
)
"""A file of 200 KiB is a large one, of four ranges."""


@dataclass
class FakeClock:
    """Time that passes only where somebody would sleep."""

    time: float = 1000.0
    slept: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.time += seconds
            self.slept.append(seconds)

    @property
    def waited(self) -> float:
        """Seconds in all."""
        return sum(self.slept)

    @property
    def clock(self) -> Clock:
        return Clock(self.now, self.sleep)


@lru_cache(maxsize=32)
def content(size: int, seed: int = 0) -> bytes:
    """`size` bytes that no other seed shares. Kept: the tests of a file ask for the same few hundreds of times."""
    return random.Random(seed).randbytes(size)


def md5_of(data: bytes) -> Checksum:
    return Checksum("md5", hashlib.md5(data).hexdigest())


def file_for(name: str, data: bytes) -> RemoteFile:
    """A remote file with the MD5 of `data`, whose key is its path."""
    return RemoteFile(safe_path(name), len(data), name, (md5_of(data),))


def files_for(objects: Mapping[str, bytes]) -> list[RemoteFile]:
    return [file_for(name, data) for name, data in objects.items()]


def transfer_options(clock: FakeClock | None = None, limits: TransferLimits = LIMITS) -> TransferOptions:
    """Transfer options of a batch that never sleeps."""
    return TransferOptions(limits, RetryPolicy(clock=(clock or FakeClock()).clock))


def restored(source: Source, destination: Path, files: Iterable[RemoteFile]) -> dict[str, FileResult]:
    """The results of a restore, by name."""
    return {result.name: result for result in restore(list(files), source, destination, transfer_options())}


@contextmanager
def context_for(
    source: Source, destination: Path, clock: FakeClock | None = None, limits: TransferLimits = LIMITS
) -> Iterator[BatchContext]:
    """A context, for transfers without a batch."""
    with ThreadPoolExecutor(limits.threads) as ranges:
        budget = MemoryBudget(limits.memory)
        yield BatchContext(source, Destination(destination), transfer_options(clock, limits), ranges, budget)


def part_path(destination: Path, file: RemoteFile) -> Path:
    """Where the part file of `file` lies."""
    return destination / file.path.folder / part_name(file.path.name, file.identity)


def part_files(destination: Path) -> list[str]:
    """Names below `destination` that only part files have."""
    return [name for name in tree(destination) if name.endswith(".part")]


def tree(folder: Path) -> dict[str, bytes | str]:
    """Everything below `folder`: the bytes of files, ``folder``, ``-> destination`` of links, ``special``."""
    return {str(path.relative_to(folder)): _seen(path) for path in sorted(folder.rglob("*"))}


def _seen(path: Path) -> bytes | str:
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        return f"-> {os.readlink(path)}"
    if stat.S_ISDIR(mode):
        return "folder"
    return path.read_bytes() if stat.S_ISREG(mode) else "special"


def fingerprint(folder: Path) -> dict[str, tuple[int, ...]]:
    """Everything below `folder`, itself included, by inode, size, mode and times. Reading may set that of access."""
    paths = [folder, *folder.rglob("*")]
    return {
        str(path): (seen.st_ino, seen.st_size, seen.st_mode, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_nlink)
        for path in paths
        for seen in [path.lstat()]
    }


def plain_copy(destination: Path, name: str) -> bytes | None:
    """The bytes under a final name; None where nothing stands there."""
    path = destination / name
    return path.read_bytes() if path.exists() else None


@pytest.fixture
def no_nameless_files() -> Iterator[None]:
    """As on a file system that has no files without a name: small ones are written to part files too."""
    with without_nameless_files():
        yield


@contextmanager
def without_nameless_files() -> Iterator[None]:
    """The same, within a block."""
    opened = os.open

    def refused(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP), path)
        return opened(path, flags, *more, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", refused)
        yield


@pytest.fixture(scope="module")
def quick_disk() -> Iterator[None]:
    """Nothing is flushed: for tests that commit hundreds of files, and pull no plug."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        patch.setattr(flushing, "_syncfs", lambda descriptor: 0)
        yield
