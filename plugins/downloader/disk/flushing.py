"""Getting bytes out of the page cache and onto the disk.

A large file is written back while it is written (`start_writeback`), so that its flush at the end finds little left.
Small files are flushed by the group: one `syncfs` for hundreds of them costs what three single flushes cost. It tells
of this machine's own disks alone: a file server, or a program behind FUSE, is asked file by file.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from .file_systems import is_local

__all__ = ["flush_all", "flush_file", "flush_file_system", "flush_folder", "start_writeback"]

_SYNC_FILE_RANGE_WRITE: Final = 2
_FIRST_THAT_TELLS: Final = (5, 8)
"""Before this version of Linux `syncfs` succeeds also where bytes did not reach the disk: see syncfs(2)."""


def _from_libc(name: str) -> Callable[..., int] | None:
    """A libc function that Python does not wrap, or None where this system has none."""
    try:
        function: Any = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (AttributeError, OSError):
        return None
    function.restype = ctypes.c_int
    return function  # type: ignore[no-any-return]


def _tells_of_errors(release: str) -> bool:
    """Whether `syncfs` fails where a write to the disk failed, on a kernel of this release (``6.1.0-18-amd64``)."""
    version = re.match(r"(\d+)\.(\d+)", release)
    return version is not None and (int(version[1]), int(version[2])) >= _FIRST_THAT_TELLS


_log = logging.getLogger(__name__)

_CANNOT: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOTTY, errno.ENOSYS, errno.EBADF})
"""What a file system answers that has no such flush: SMB, FUSE, folders of a host in its virtual machines."""
_warned: set[int] = set()
"""Device numbers of the disks that were warned of."""

_any_syncfs = _from_libc("syncfs")
_syncfs = _any_syncfs if _tells_of_errors(os.uname().release) else None
_sync_file_range = _from_libc("sync_file_range")


def flush_file(descriptor: int) -> None:
    """Returns once the file's bytes are on the disk. Raises OSError."""
    os.fsync(descriptor)


def flush_folder(folder: str) -> None:
    """Returns once the folder's names are on the disk. Where it cannot flush folders that is logged. Raises OSError."""
    with _opened(folder) as descriptor:
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
            _warn_of(os.fstat(descriptor).st_dev, folder, error)


def _warn_of(disk: int, folder: str, error: OSError) -> None:
    if disk not in _warned:
        _warned.add(disk)
        _log.warning(
            "The disk of %s cannot flush folders (%s): the newest names on it may not survive a power failure",
            folder,
            error.strerror,
        )


def flush_file_system(descriptor: int) -> bool:
    """Flushes all of the file system that `descriptor` lies on. False where the system cannot. Raises OSError."""
    if _syncfs is None or not is_local(f"/proc/self/fd/{descriptor}"):
        return False
    if _syncfs(ctypes.c_int(descriptor)) != 0:
        code = ctypes.get_errno()
        if code in _CANNOT:
            return False
        raise OSError(code, os.strerror(code))
    return True


def flush_all(folder: str) -> None:
    """Returns once all of the file system of `folder` is on the disk, whichever process wrote it. Raises OSError."""
    with _opened(folder) as descriptor:
        if flush_file_system(descriptor):
            return
        if _any_syncfs is None:
            os.sync()  # the disks of the whole machine: no more often than it has to be
        else:
            _any_syncfs(ctypes.c_int(descriptor))


@contextmanager
def _opened(folder: str) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def start_writeback(descriptor: int, start: int, length: int) -> None:
    """Asks the kernel to begin writing these bytes; does not wait, and is only ever a hint."""
    if _sync_file_range is not None:
        _sync_file_range(
            ctypes.c_int(descriptor),
            ctypes.c_int64(start),
            ctypes.c_int64(length),
            ctypes.c_uint(_SYNC_FILE_RANGE_WRITE),
        )
