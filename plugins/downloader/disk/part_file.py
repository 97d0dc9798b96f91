"""A file on its way: hidden beside its final name, filled by the one that holds it (see `holding`).

What was written stays for the next run. `commit_group` gives it its final name once it is verified.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from ..errors import DiskError, DiskUnavailable, DownloadError, InUse, disk_errors, from_os_error, lacks_files
from ..retry import Clock
from .copying import copy_some
from .destination import Destination, Place
from .file_systems import is_local
from .flushing import flush_file, flush_file_system, start_writeback
from .holding import Acquisition, Held, is_same, numbers_change
from .lock_file import read_lock
from .part_names import lock_name, part_name

__all__ = ["PartFile", "part_name", "part_size", "refusal", "set_time"]

_WRITEBACK = 32 * 1024 * 1024
_POLL = 0.2


def part_size(place: Place, identity: str) -> int:
    """Bytes in the part file of `place`, which is not opened; 0 where there is none."""
    name = place.path.name
    try:
        return os.lstat(f"{place.folder}/{part_name(name, identity)}").st_size
    except OSError:
        pass
    try:
        held = read_lock(f"{place.folder}/{lock_name(name, identity)}")
        return os.lstat(f"{place.folder}/{part_name(name, held.token)}").st_size if held else 0
    except OSError:
        return 0


class PartFile:
    """A locked part file, open for writing at its end. A context manager: leaving it releases the lock.

    What was written stays for the next run, unless it was committed or discarded.
    """

    def __init__(self, destination: Destination, place: Place, held: Held) -> None:
        self._destination = destination
        self.place = place
        self._name = f"{place.folder}/{held.name}"
        self.descriptor, self._seen = held.descriptor, held.seen
        self._is_private, self._lock = held.is_private, held.lock
        self._is_unwanted = False
        self.size = self._seen.st_size
        self.waited = False
        """Whether another run held the lock first: what lies under the final name may have changed."""
        self._written_back = self.size

    @classmethod
    def acquire(
        cls,
        destination: Destination,
        place: Place,
        identity: str,
        clock: Clock | None = None,
        wait: float = 0,
        *,
        whole: bool = False,
    ) -> Self:
        """Makes or reopens the part file of `place`, and locks it.

        `whole`: the file is written at once, so nothing is resumed, and on a disk that needs lock files none is made.

        Raises:
            InUse: another run held the lock for `wait` seconds.
            DownloadError: the disk refused (see `from_os_error`).
        """
        clock = clock or Clock()
        deadline = clock.now() + wait if wait else 0.0
        waited = False
        try:
            destination.prepare(place)
            _refuse_long(f"{place.folder}/{part_name(place.path.name, identity)}")
            acquisition = Acquisition(destination, place, identity, clock, whole)
            while True:
                with destination.entered(place) as folder:
                    held = acquisition.hold(folder)
                if held is not None:
                    part = cls(destination, place, held)
                    part.waited = waited
                    return part
                if not wait or clock.now() >= deadline:
                    raise InUse(f"another run is writing {place.path}")
                waited = True
                clock.sleep(_POLL)
        except OSError as error:
            raise refusal(error, place) from error

    def write(self, data: bytes | memoryview, at: int | None = None) -> None:
        """Writes all of `data`, behind what is there or from byte `at`. Raises DownloadError (see `from_os_error`)."""
        rest = memoryview(data)
        position = self.size if at is None else at
        try:
            while rest:
                written = os.pwrite(self.descriptor, rest, position)
                position += written
                self._reach(position)
                rest = rest[written:]
        except OSError as error:
            raise from_os_error(error, str(self.place.path)) from error

    def copy(self, descriptor: int, span: range, copied: Callable[[int], None]) -> None:
        """Takes over the bytes `span` of another open file, as far as it has them; they keep their place.

        `copied` is called with the bytes of each step, and may raise. Raises DownloadError (see `from_os_error`).
        """
        while span:
            with disk_errors(str(self.place.path)):
                count = copy_some(descriptor, self.descriptor, span)
            if not count:
                break
            self._reach(span.start + count)
            span = span[count:]
            copied(count)

    def _reach(self, end: int) -> None:
        self.size = max(self.size, end)
        if self.size - self._written_back >= _WRITEBACK:
            start_writeback(self.descriptor, self._written_back, self.size - self._written_back)
            self._written_back = self.size

    def truncate(self, size: int = 0) -> None:
        """Keeps the first `size` bytes. Raises DownloadError (see `from_os_error`)."""
        with disk_errors(str(self.place.path)):
            os.ftruncate(self.descriptor, size)
        self.size = self._written_back = size

    def set_time(self, modified: float | None) -> None:
        """Gives the file the time `modified`, in seconds since 1970. None leaves it; so does a disk that refuses."""
        if modified is not None:
            set_time(self.descriptor, modified)

    def take_name(self) -> None:
        """Gives the file its final name. Only `commit` may call it, after the flush. Raises OSError, InUse."""
        try:
            self._rename()
        except FileNotFoundError as error:
            if self._is_private:
                lost = f"the part file of {self.place.path} was taken over by another run, or removed"
                raise InUse(lost, "run it again; what is already there is kept") from error
            raise
        self._name = ""
        self._seen = os.fstat(self.descriptor)

    def _rename(self) -> None:
        there = self._under_its_name()
        if there is None:
            raise FileNotFoundError(
                errno.ENOENT, "its part file was removed while it was written, by another run or by hand"
            )
        if there.st_size != self.size:
            raise OSError(errno.EIO, f"its part file has {there.st_size} bytes, and {self.size} were written to it")
        os.rename(self._name, self.place.final)

    def discard(self) -> None:
        """Removes the part file. What lies under the final name stays as it is. Raises OSError."""
        if self._is_private:
            self._is_unwanted = True  # until it is closed: FUSE renames files that are removed while they are open
            return
        if self._name and self._under_its_name() is not None:
            os.unlink(self._name)
        self._name = ""

    def close(self) -> None:
        """Releases the lock. An empty part file is removed; one with bytes stays where it can be resumed."""
        if self.descriptor < 0:
            return
        if not self.size or (self._is_private and self._lock is None):
            with suppress(OSError):
                self.discard()
        with suppress(OSError):
            os.close(self.descriptor)
        self.descriptor = -1
        if self._name and self._is_unwanted:
            with suppress(OSError):
                os.unlink(self._name)
            self._name = ""
        if self._lock is not None:
            self._lock.release(keep=bool(self._name))

    def _under_its_name(self) -> os.stat_result | None:
        """What its name stands for if that is this file: once it is removed, another run may lock a new one.

        A name of its own stands for nothing else. So no inode numbers are compared there: some servers change them.
        """
        try:
            there = os.lstat(self._name)
        except FileNotFoundError:
            return None
        if self._is_private:
            return there if stat.S_ISREG(there.st_mode) else None
        return there if is_same(self._seen, there) or numbers_change(there, self._name) else None

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


def set_time(descriptor: int, modified: float) -> None:
    """Gives an open file the time `modified`, in seconds since 1970. A disk that refuses leaves it."""
    with suppress(OSError, OverflowError, ValueError):  # the file matters more than its time
        nanoseconds = round(modified * 1e9)
        os.utime(descriptor, ns=(nanoseconds, nanoseconds))


def refusal(error: OSError, place: Place) -> DownloadError:
    """As `from_os_error`. What another machine has made a moment ago may still be missing here, and come soon."""
    found = from_os_error(error, str(place.path))
    if type(found) is DiskError and error.errno == errno.ENOENT and not is_local(place.folder):
        return DiskUnavailable(found.what)
    return found


def _refuse_long(name: str) -> None:
    """Raises OSError where the system takes no name of that length: it is needed whole at the end."""
    with suppress(FileNotFoundError):
        os.lstat(name)
