"""Who may write to a part file.

Bytes of two runs never mix, and nobody writes to what has a final name. How that is kept depends on the disk:

- On a disk of this machine the part file is called ``.<name>.<identity>.part``, where the identity stands for the
  remote content, so that bytes of another content are never appended to. The holder of its lock may write (``flock``,
  released with its process).
- On a disk that other machines may write to, or where ``flock`` is refused or locks nobody out, each run fills a file
  of its own: made with O_EXCL, under a name that was drawn by chance, and opened by nobody else. A lock file (see
  `lock_file`) keeps a second run from doing the same work, and tells the next one which file to go on with. That one
  goes on in the file itself only where its holder closed it, or died on this very mount. Else it copies what is there
  into a file of its own. So whatever locks and clocks do, and whenever a machine that was cut off comes back: a file
  under a final name was written by one process alone, the one that verified it. A lock that failed costs a download.

Both may be at work in one folder (a file server and its clients): neither writes to the other's files.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from ..errors import DiskError
from ..retry import Clock
from .destination import Destination, Place
from .file_systems import is_local
from .lock_file import LockFile, Watch
from .part_names import lock_name, part_name

__all__ = ["Acquisition", "Held", "is_same", "numbers_change", "try_flock"]

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = _FLAGS | os.O_EXCL
_THERE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_COPIED_AT_ONCE = 8 * 1024 * 1024
_ROUNDS = 100
"""Times that a part file may be gone once it is locked: other runs commit theirs meanwhile, but not that often."""


@dataclass(frozen=True, slots=True)
class Held:
    """A part file that is this process's own for now. `lock`: None where ``flock`` holds it, or nothing has to."""

    name: str
    descriptor: int
    seen: os.stat_result
    is_private: bool = False
    lock: LockFile | None = None


class _NoFlockError(Exception):
    """Nobody can be locked out by ``flock`` here."""


class Acquisition:
    """One call of `PartFile.acquire`: tries again and again to hold the part file."""

    def __init__(self, destination: Destination, place: Place, identity: str, clock: Clock, whole: bool) -> None:
        self._flock_works = destination.flock_works
        self._folder = place.folder
        self._file = place.path.name
        self._identity = identity
        self._pause = partial(clock.sleep, 0)
        self._watch = Watch(clock)
        self._whole = whole

    def hold(self, folder: str) -> Held | None:
        """The part file; None while another run holds it. `folder`: what `Destination.entered` answered.

        Raises OSError, DiskError.
        """
        works = self._flock_works.get(self._folder)
        if works is None and not is_local(folder):
            works = self._flock_works[self._folder] = False
        if works is not False:
            try:
                return self._hold_by_flock(folder, known=works is True)
            except _NoFlockError:
                self._flock_works[self._folder] = False
        return self._hold_new(folder) if self._whole else self._hold_by_lock_file(folder)

    def _hold_by_flock(self, folder: str, *, known: bool) -> Held | None:
        name = part_name(self._file, self._identity)
        locked = _lock(f"{folder}/{name}")
        if locked is not None and not known:
            exclusive = False
            try:
                exclusive = _is_exclusive(locked[0])
            finally:  # also where no file more may be opened to find that out
                if not exclusive:
                    _let_go(locked[0], f"{folder}/{name}")
            if not exclusive:
                raise _NoFlockError
        self._flock_works[self._folder] = True
        return locked and Held(name, *locked)

    def _hold_new(self, folder: str) -> Held:
        name = part_name(self._file, secrets.token_hex(8))
        descriptor = os.open(f"{folder}/{name}", _NEW, 0o666)
        return Held(name, descriptor, _shown_alive(descriptor), is_private=True)

    def _hold_by_lock_file(self, folder: str) -> Held | None:
        lock_file = lock_name(self._file, self._identity)
        beside = f"{folder}/{part_name(self._file, secrets.token_hex(8))}"
        lock = LockFile.take(f"{folder}/{lock_file}", os.stat(folder).st_dev, self._watch, beside)
        if lock is None:
            return None
        lock.path = f"{self._folder}/{lock_file}"
        name = part_name(self._file, lock.token)
        try:
            descriptor = self._file_of_its_own(folder, f"{folder}/{name}", lock)
            return Held(name, descriptor, _shown_alive(descriptor), is_private=True, lock=lock)
        except BaseException as error:
            with suppress(OSError):
                os.unlink(f"{folder}/{name}")
            lock.release(keep=False)
            if isinstance(error, BlockingIOError):
                return None
            raise

    def _file_of_its_own(self, folder: str, mine: str, lock: LockFile) -> int:
        """A new file, with the bytes that an earlier run left, or what that run left itself. Raises OSError."""
        left = lock.left
        theirs = f"{folder}/{part_name(self._file, left.token)}" if left and left.token else ""
        if left and theirs and left.wrote_its_last(lock.disk):
            descriptor = _moved(theirs, mine)
            if descriptor is not None:
                return descriptor
        descriptor = os.open(mine, _NEW, 0o666)
        try:
            for name in filter(None, (theirs, f"{folder}/{part_name(self._file, self._identity)}")):
                if self._copy(name, descriptor):
                    with suppress(OSError):  # it is removed with the complete file at the latest
                        os.unlink(name)
                    break
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _copy(self, name: str, to: int) -> bool:
        """Copies a part file into an open, empty one. False where there is none. Raises OSError, NotTried.

        Raises BlockingIOError where it is locked: there ``flock`` tells of life, though not of death.
        """
        try:
            descriptor = _opened_plain(name, os.O_RDONLY)
        except FileNotFoundError:
            return False
        if descriptor is None:
            return True
        try:
            try_flock(descriptor, fcntl.LOCK_SH)
            at = 0
            while data := os.pread(descriptor, _COPIED_AT_ONCE, at):
                self._pause()
                at += _write_all(to, data, at)
        finally:
            os.close(descriptor)
        return True


def _write_all(descriptor: int, data: bytes, at: int) -> int:
    rest = memoryview(data)
    while rest:
        rest = rest[os.pwrite(descriptor, rest, at + len(data) - len(rest)) :]
    return len(data)


def _moved(name: str, mine: str) -> int | None:
    """An open part file, given the name `mine`; None where it is gone, or no plain file. Raises OSError."""
    try:
        os.rename(name, mine)
        descriptor = _opened_plain(mine, os.O_RDWR)
    except FileNotFoundError:
        return None
    if descriptor is None:
        os.unlink(mine)
    return descriptor


def _opened_plain(name: str, how: int) -> int | None:
    """A part file that is there; None where it is a planted link, which is not followed, or no plain file.

    Raises OSError, FileNotFoundError among them.
    """
    try:
        descriptor = os.open(name, how | _THERE)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return None
    if _is_plain(os.fstat(descriptor)):
        return descriptor
    os.close(descriptor)
    return None


def _shown_alive(descriptor: int) -> os.stat_result:
    """What an open part file is. It is locked where that works: it tells others, and never has to."""
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return os.fstat(descriptor)


def try_flock(descriptor: int, how: int) -> None:
    """Raises BlockingIOError where another holds it. What cannot be locked is not."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass


def _is_exclusive(locked: int) -> bool:
    """Whether the lock of an open file locks others out. Raises OSError."""
    other = os.open(f"/proc/self/fd/{locked}", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(other)
    return False


def _let_go(descriptor: int, name: str) -> None:
    """Closes a part file that was made or opened in vain: an empty one is not left behind."""
    with suppress(OSError):
        if not os.fstat(descriptor).st_size:
            os.unlink(name)
    os.close(descriptor)


def _lock(name: str) -> tuple[int, os.stat_result] | None:
    """A locked descriptor of the part file, and what it is; None while another run holds it.

    Raises OSError, DiskError, and _NoFlockError where locks are refused, or inode numbers are of no use.
    """
    for _ in range(_ROUNDS):
        descriptor = _open(name)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            _let_go(descriptor, name)
            raise _NoFlockError from None
        try:
            here = os.fstat(descriptor)
            if _is_ours(here, name):
                return descriptor, here
        except _NoFlockError:
            _let_go(descriptor, name)
            raise
        except OSError:
            os.close(descriptor)
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

    A second hard link would let bytes flow into a file elsewhere: such a name is removed, and made anew. Raises
    OSError, and _NoFlockError where a name stands for another inode number at each look.
    """
    try:
        there = os.lstat(name)
    except FileNotFoundError:
        return False
    if not is_same(here, there):
        if numbers_change(there, name):
            raise _NoFlockError
        return False
    if not _is_plain(here):
        os.unlink(name)
        return False
    return True


def _is_plain(here: os.stat_result) -> bool:
    return stat.S_ISREG(here.st_mode) and here.st_nlink == 1


def is_same(here: os.stat_result, there: os.stat_result) -> bool:
    """Whether two looks met one file, as far as inode numbers tell."""
    return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)


def numbers_change(there: os.stat_result, name: str) -> bool:
    """Whether `name`, which was `there` a moment ago, has another inode number now. Raises OSError."""
    try:
        return not is_same(there, os.lstat(name))
    except FileNotFoundError:
        return False
