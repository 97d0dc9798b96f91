"""Small files that have no name until they are whole, verified and flushed (``O_TMPFILE``).

Four system calls make one: open, write, link, close. A file without a name needs no lock, and nothing of it is left
where its process is killed. `os.link` never replaces: where another run was faster, that is noticed, and left to a part
file, as is a file system that has no such files.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, Self

from ..errors import DiskUnavailable, InUse
from .destination import Destination, Place
from .file_systems import is_local
from .flushing import flush_file, flush_file_system
from .part_file import set_time

__all__ = ["HeldFolders", "NamelessFile", "NoNamelessFiles", "lost_with_their_folders"]

_FLAGS: Final = os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC
_UNKNOWN_HERE: Final = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT, errno.ENOSYS})
"""What file systems and kernels answer that have no files without a name."""
_NOT_TO_BE_NAMED: Final = frozenset(
    {errno.EPERM, errno.EXDEV, errno.EOPNOTSUPP, errno.ENOENT, errno.ENOSYS, errno.ELOOP}
)
"""What they answer where such a file cannot get a name: no hard links, no /proc, a folder that was removed."""
_MOST_HELD: Final = 64
"""Folders held open besides those of the files under way."""


_LONGEST: Final = 3_800
"""Bytes of a folder's name: a file with a longer one could be made, and not be opened by its whole name."""


class NoNamelessFiles(Exception):
    """A file without a name cannot be made here."""


class HeldFolder:
    """A folder of the destination, open: whatever becomes of its name, files that are made in it lie in this one."""

    __slots__ = ("_real", "descriptor", "disk", "has_nameless_files")

    def __init__(self, descriptor: int, real: str) -> None:
        """`descriptor` is closed with the object. `real`: what the kernel called the folder when it was opened."""
        self.descriptor = descriptor
        self._real = real
        self.disk = os.fstat(descriptor).st_dev
        self.has_nameless_files = True

    def is_in_place(self) -> bool:
        """Whether the folder is still where it was when it was opened."""
        try:
            return os.readlink(f"/proc/self/fd/{self.descriptor}") == self._real
        except OSError:
            return False

    def __del__(self) -> None:
        with suppress(OSError):
            os.close(self.descriptor)


class HeldFolders:
    """The folders that small files are written to, each opened once. Safe to use from many threads."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._lock = threading.Lock()
        self._held: dict[str, HeldFolder] = {}

    def hold(self, place: Place) -> HeldFolder:
        """The folder of `place`, which is made where it is missing.

        Raises NoNamelessFiles, OSError, UnsafePath and PathConflict.
        """
        held = self._held.get(place.folder)
        if held is None:
            with self._lock:
                held = self._held.get(place.folder) or self._open(place)
        if not held.has_nameless_files:
            raise NoNamelessFiles
        return held

    def _open(self, place: Place) -> HeldFolder:
        self._destination.prepare(place)
        held = HeldFolder(*self._destination.open_folder(place))
        held.has_nameless_files = len(os.fsencode(place.folder)) <= _LONGEST and is_local(place.folder)
        if len(self._held) >= _MOST_HELD:
            del self._held[next(iter(self._held))]  # it is closed once its last file is
        self._held[place.folder] = held
        return held


class NamelessFile:
    """A whole file in a folder, without a name. What does not get one is gone once it is closed."""

    __slots__ = ("_destination", "descriptor", "folder", "place")

    def __init__(self, destination: Destination, place: Place, folder: HeldFolder, descriptor: int) -> None:
        self._destination = destination
        self.place = place
        self.folder = folder
        self.descriptor = descriptor

    @classmethod
    def write(
        cls,
        destination: Destination,
        place: Place,
        folder: HeldFolder,
        body: Iterable[bytes | memoryview],
        modified: float | None = None,
    ) -> Self:
        """Makes a file of `body`, with the time `modified` in seconds since 1970. Raises NoNamelessFiles, OSError."""
        try:
            descriptor = os.open(".", _FLAGS, 0o666, dir_fd=folder.descriptor)
        except OSError as error:
            if error.errno in _UNKNOWN_HERE:
                folder.has_nameless_files = False
                raise NoNamelessFiles from None
            error.filename = place.final
            raise
        try:
            at = 0
            for data in body:
                rest = memoryview(data)
                while rest:
                    written = os.pwrite(descriptor, rest, at)
                    at += written
                    rest = rest[written:]
            if modified is not None:
                set_time(descriptor, modified)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(destination, place, folder, descriptor)

    @property
    def disk(self) -> int:
        """The device that the file lies on."""
        return self.folder.disk

    def take_name(self) -> None:
        """Gives the file its final name. Only `commit` may call it, after the flush.

        Raises OSError; InUse where something has that name by now; DiskUnavailable where no name can be given here.
        """
        here = self.folder.descriptor
        try:
            os.link(
                f"/proc/self/fd/{self.descriptor}",
                self.place.path.name,
                src_dir_fd=here,
                dst_dir_fd=here,
                follow_symlinks=True,
            )
        except FileExistsError:
            raise InUse(f"another run has written {self.place.path} meanwhile") from None
        except OSError as error:
            error.filename, error.filename2 = self.place.final, None
            if error.errno not in _NOT_TO_BE_NAMED:
                raise
            self.folder.has_nameless_files = False
            raise DiskUnavailable(f"{self.place.path} could not be given its name ({error.strerror})") from error

    def flush_bytes(self) -> None:
        """Returns once its bytes are on the disk. Raises OSError."""
        flush_file(self.descriptor)

    def flush_names(self) -> None:
        """Returns once its name is on the disk. Raises OSError."""
        if not flush_file_system(self.descriptor):
            self._destination.flush(self.place)

    def discard(self) -> None:
        """Nothing: it has no name."""

    def close(self) -> None:
        """Closes it: what got no name is gone."""
        with suppress(OSError):
            os.close(self.descriptor)


def lost_with_their_folders(files: Iterable[object]) -> list[NamelessFile]:
    """Those of a group that must not be committed: their folder was moved away, or replaced, since they were made."""
    nameless = [file for file in files if isinstance(file, NamelessFile)]
    moved = {folder for folder in {file.folder for file in nameless} if not folder.is_in_place()}
    return [file for file in nameless if file.folder in moved]
