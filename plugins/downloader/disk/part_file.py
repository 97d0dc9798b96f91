"""The one place that commits a file.

A part file lies hidden beside the final name: ``.<name>.<identity>.part``, where the identity stands for the remote
content, so that bytes of another content are never appended to. The holder of its lock (``flock``: released with its
process) may write; the file is flushed, renamed to the final name, and its folder flushed. Nothing else makes a final
name.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

from ..errors import DiskError, DownloadError, InUse, as_download_error, from_os_error, lacks_files
from ..paths import MAX_NAME_BYTES
from ..retry import Clock
from .destination import Destination, Place
from .flushing import flush_file, flush_file_system, start_writeback

__all__ = ["PartFile", "commit", "part_name", "part_size", "part_stem", "remove_unlocked"]

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITEBACK = 32 * 1024 * 1024
_POLL = 0.2
_ROUNDS = 100
"""Times that a part file may be gone once it is locked: other runs commit theirs meanwhile, but not that often."""
_TAIL = len(f".{'':.<16}.part") + 1


def part_stem(name: str) -> str:
    """What the names of all part files of `name` begin with: different for each `name`, however long it is."""
    if len(name.encode()) <= MAX_NAME_BYTES - _TAIL:
        return f".{name}"
    return f".{hashlib.sha256(name.encode()).hexdigest()}"


def part_name(name: str, identity: str) -> str:
    """The part file's name beside `name`: at most 255 bytes."""
    return f"{part_stem(name)}.{identity}.part"


def part_size(place: Place, identity: str) -> int:
    """Bytes in the part file of `place`, which is not opened; 0 where there is none."""
    try:
        return os.lstat(f"{place.folder}/{part_name(place.path.name, identity)}").st_size
    except OSError:
        return 0


class PartFile:
    """A locked part file, open for writing at its end. A context manager: leaving it releases the lock.

    What was written stays for the next run, unless it was committed or discarded.
    """

    def __init__(self, destination: Destination, place: Place, name: str, locked: tuple[int, os.stat_result]) -> None:
        """`locked`: what `_lock` answered for the absolute `name`."""
        self._destination = destination
        self.place = place
        self._name = name
        self.descriptor, self._seen = locked
        self.size = self._seen.st_size
        self.waited = False
        """Whether another run held the lock first: what lies under the final name may have changed."""
        self._written_back = self.size

    @classmethod
    def acquire(
        cls, destination: Destination, place: Place, identity: str, clock: Clock | None = None, wait: float = 0
    ) -> Self:
        """Makes or reopens the part file of `place`, and locks it.

        Raises:
            InUse: another run held the lock for `wait` seconds.
            DownloadError: the disk refused (see `from_os_error`).
        """
        clock = clock or Clock()
        name = part_name(place.path.name, identity)
        absolute = f"{place.folder}/{name}"
        deadline = clock.now() + wait if wait else 0.0
        waited = False
        try:
            destination.prepare(place)
            _refuse_long(absolute)
            while True:
                with destination.entered(place) as folder:
                    locked = _lock(f"{folder}/{name}")
                if locked is not None:
                    part = cls(destination, place, absolute, locked)
                    part.waited = waited
                    return part
                if not wait or clock.now() >= deadline:
                    raise InUse(f"another run is writing {place.path}")
                waited = True
                clock.sleep(_POLL)
        except OSError as error:
            raise from_os_error(error, str(place.path)) from error

    def write(self, data: bytes | memoryview) -> None:
        """Appends all of `data`. Raises OSError."""
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self.descriptor, rest, self.size)
            self.size += written
            rest = rest[written:]
        if self.size - self._written_back >= _WRITEBACK:
            start_writeback(self.descriptor, self._written_back, self.size - self._written_back)
            self._written_back = self.size

    def truncate(self, size: int = 0) -> None:
        """Keeps the first `size` bytes. Raises OSError."""
        os.ftruncate(self.descriptor, size)
        self.size = self._written_back = size

    def set_time(self, modified: float | None) -> None:
        """Gives the file the time `modified`, in seconds since 1970. None leaves it; so does a disk that refuses."""
        if modified is not None:
            with suppress(OSError, OverflowError, ValueError):  # the file matters more than its time
                nanoseconds = round(modified * 1e9)
                os.utime(self.descriptor, ns=(nanoseconds, nanoseconds))

    def rename(self) -> None:
        """Gives the file its final name. Only `commit` may call it, after the flush. Raises OSError."""
        if not self._has_its_name():
            raise OSError(errno.ENOENT, "its part file was removed while it was written, by another run or by hand")
        os.rename(self._name, self.place.final)
        self._name = ""
        self._seen = os.fstat(self.descriptor)

    def discard(self) -> None:
        """Removes the part file. What lies under the final name stays as it is. Raises OSError."""
        if self._name and self._has_its_name():
            os.unlink(self._name)
        self._name = ""

    def close(self) -> None:
        """Releases the lock. An empty part file is removed; one with bytes stays, to be resumed."""
        if self.descriptor < 0:
            return
        if not self.size:
            with suppress(OSError):
                self.discard()
        with suppress(OSError):
            os.close(self.descriptor)
        self.descriptor = -1

    def _has_its_name(self) -> bool:
        """Whether the name still is that of the locked file: once it is removed, another run may lock a new one."""
        return _is_named(self._seen, self._name)

    @property
    def disk(self) -> int:
        """The device that the file lies on."""
        return self._seen.st_dev

    @property
    def seen(self) -> os.stat_result:
        """What the file was when it was locked, or got its final name: this very one, whatever has that name by now."""
        return self._seen

    def flush_bytes(self) -> None:
        """Returns once what was written is on the disk. Raises OSError."""
        flush_file(self.descriptor)

    def flush_names(self) -> None:
        """Returns once the final name is on the disk. Raises OSError."""
        try:
            self._destination.flush(self.place)
        except OSError as error:
            # Where no folder more may be opened, the file's own descriptor serves to flush all of its disk.
            if not (lacks_files(error) and flush_file_system(self.descriptor)):
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def commit(parts: Sequence[PartFile]) -> dict[PartFile, DownloadError]:
    """Flushes verified part files, gives them their final names, flushes those, and closes them.

    Returns the refusals of the disk, by part file; the others are committed. A group is flushed by the file system, one
    file by itself.
    """
    refused: dict[PartFile, DownloadError] = {}
    _flush(parts, PartFile.flush_bytes, refused)
    for part in parts:
        if part not in refused:
            _attempt(part, part.rename, refused)
    _flush([part for part in parts if part not in refused], PartFile.flush_names, refused)
    for part in parts:
        part.close()
    return refused


def _flush(parts: Sequence[PartFile], one: Callable[[PartFile], None], refused: dict[PartFile, DownloadError]) -> None:
    """Flushes disk by disk (a folder of the destination may lie on another one), or one by one where that cannot be."""
    disks: dict[int, list[PartFile]] = defaultdict(list)
    for part in parts:
        disks[part.disk].append(part)
    for group in disks.values():
        if len(group) > 1 and _flush_group(group, refused):
            continue
        for part in group:
            _attempt(part, partial(one, part), refused)


def _flush_group(parts: Sequence[PartFile], refused: dict[PartFile, DownloadError]) -> bool:
    try:
        return flush_file_system(parts[0].descriptor)
    except OSError as error:
        for part in parts:
            refused[part] = from_os_error(error, str(part.place.path))
        return True


def _attempt(part: PartFile, action: Callable[[], None], refused: dict[PartFile, DownloadError]) -> None:
    try:
        action()
    except Exception as error:  # noqa: BLE001 one bad file never stops the others
        refused[part] = as_download_error(error, str(part.place.path))


def _refuse_long(name: str) -> None:
    """Raises OSError where the system takes no name of that length: it is needed whole at the end."""
    with suppress(FileNotFoundError):
        os.lstat(name)


def _lock(name: str) -> tuple[int, os.stat_result] | None:
    """A locked descriptor of the part file, and what it is; None while another run holds it.

    Raises OSError, DiskError.
    """
    for _ in range(_ROUNDS):
        descriptor = _open(name)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            here = os.fstat(descriptor)
            if _is_ours(here, name):
                return descriptor, here
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise DiskError(
                    "the destination's file system has no locks, so two runs could mix their bytes",
                    "mount it with lock support",
                ) from error
            raise
        os.close(descriptor)
    raise DiskError("the part file was gone each time it had been made", "see what removes files at the destination")


def _open(name: str) -> int:
    try:
        return os.open(name, _FLAGS, 0o666)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
    os.unlink(name)  # a planted symbolic link: never followed, and in the way
    return os.open(name, _FLAGS, 0o666)


def _is_ours(here: os.stat_result, name: str) -> bool:
    """Whether `name` still is the locked file (a holder before us may have renamed it), and a plain one.

    A second hard link would let bytes flow into a file elsewhere: such a name is removed, and made anew.
    """
    if not _is_named(here, name):
        return False
    if not stat.S_ISREG(here.st_mode) or here.st_nlink != 1:
        os.unlink(name)
        return False
    return True


def _is_named(here: os.stat_result, name: str) -> bool:
    try:
        there = os.lstat(name)
    except FileNotFoundError:
        return False
    return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)


def remove_unlocked(name: str) -> None:
    """Removes a part file, unless a run holds its lock. Raises OSError.

    `name`: in a folder that `Destination.entered` answered.
    """
    descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_ours(os.fstat(descriptor), name):
            os.unlink(name)
    finally:
        os.close(descriptor)
