"""A lock that does not rest on ``flock``, for disks that other machines may write to.

Many file systems have no ``flock``, and on others (sshfs, some cluster file systems) it locks out this machine alone.
There a file beside the part file, made with O_EXCL, says who is at work: its boot, process and start, and a heart that
beats. Who finds it and can look the process up (same boot, same process numbers) knows whether it lives. Of another
machine's it watches the heart by its own clock, so that no two clocks are ever compared, and takes one that has not
beaten for `SILENCE` seconds for dead.

That may be wrong: a machine can be cut off from the disk and come back. So this lock only saves work twice done, and
what is safe does not depend on it: see `part_file`.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import socket
import stat
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Self

from ..retry import Clock

__all__ = ["HeldBy", "LockFile", "Watch", "is_old", "read_lock"]

BEAT: Final = 3.0
"""Seconds between two beats of a holder's heart."""
SILENCE: Final = 20.0
"""Seconds without a beat after which a holder that cannot be looked up is taken for dead. Longer than file systems
cache what they were asked for, shorter than a run waits for another one (`lock_wait`)."""
_DAY: Final = 86_400

_SIZE: Final = 512
"""Bytes of a lock file, always: a beat never changes its length, which other machines may have cached."""
_KIND: Final = "downloader lock 1"
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READING: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ROUNDS: Final = 10


@dataclass(frozen=True, slots=True)
class _Process:
    """This process among all that ever ran: `boot` and `space` (its process numbers) are those of no other machine."""

    boot: str
    space: str
    pid: int
    started: int


@lru_cache(maxsize=1)
def _process(pid: int) -> _Process:
    """`pid`: that of this process, which is another one after a fork."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    return _Process(boot, os.readlink("/proc/self/ns/pid"), pid, _started(pid) or 0)


def _started(pid: int) -> int | None:
    """When a process of this machine started, in ticks since its boot; 0 for one that hides it, None for none.

    One that was killed and is still listed has let go of all its files.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            facts = file.read().rpartition(")")[2].split()
    except OSError:
        return 0
    is_over = facts[0] in "ZX" and int(facts[17]) <= 1
    return None if is_over else int(facts[19])


def _is_alive(pid: int, started: int) -> bool:
    found = _started(pid)
    return found is not None and (not found or not started or found == started)


@dataclass(frozen=True, slots=True)
class HeldBy:
    """What a lock file says. `token`: what its part file is called by. `content`: all of it, the beat included."""

    content: bytes
    token: str = ""
    process: _Process = _Process("", "", 0, 0)
    disk: int = 0
    released: bool = False
    """Whether its holder ended in order, and closed the part file before."""

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Of a file that is just being made, or is none of ours, nothing is known."""
        try:
            found: dict[str, Any] = json.loads(content)
            if found["kind"] != _KIND:
                return cls(content)
            process = _Process(str(found["boot"]), str(found["space"]), int(found["pid"]), int(found["started"]))
            token = f"{int(found['token'], 16):016x}"
            return cls(content, token, process, int(found["disk"]), bool(found["released"]))
        except (ValueError, KeyError, TypeError):
            return cls(content)

    @property
    def lives(self) -> bool | None:
        """Whether its process runs; None where it cannot be looked up, on another machine."""
        here = _process(os.getpid())
        if (self.process.boot, self.process.space) != (here.boot, here.space):
            return None
        return _is_alive(self.process.pid, self.process.started)

    @property
    def is_over(self) -> bool:
        """Whether nobody works under this lock any more, as far as that can be known at once."""
        return self.released or self.lives is False

    def wrote_its_last(self, disk: int) -> bool:
        """Whether none of its bytes can still arrive: it closed its file, or died on this very mount."""
        return self.released or (self.lives is False and self.disk == disk)


class Watch:
    """Watches a heart from one look to the next, by the clock of this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._content = b""
        self._since = clock.now()

    def is_silent(self, content: bytes) -> bool:
        """Whether `content` has been the same for `SILENCE` seconds."""
        if content != self._content:
            self._content, self._since = content, self._clock.now()
        return self._clock.now() - self._since >= SILENCE


class LockFile:
    """A lock that this process holds, until `release`. A thread of its own beats its heart."""

    def __init__(self, path: str, disk: int) -> None:
        """Makes the file `path`. Raises OSError, FileExistsError among them."""
        self.token = secrets.token_hex(8)
        self.left: HeldBy | None = None
        """Who held the lock before and did not end in order, or left bytes."""
        self.path = path
        self.disk = disk
        self._beats = 0
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat_on, name="lock-beat", daemon=True)
        self._descriptor = os.open(path, _NEW, 0o666)
        try:
            self.beat()
        except OSError:
            os.close(self._descriptor)
            with suppress(OSError):
                os.unlink(path)
            raise

    @classmethod
    def take(cls, path: str, disk: int, watch: Watch, beside: str) -> Self | None:
        """Takes the lock `path`; None while another holds it. Raises OSError. `beside`: a name that is free."""
        refused: OSError | None = None
        for _ in range(_ROUNDS):
            try:
                lock = cls(path, disk)
            except (FileExistsError, PermissionError) as error:  # sshfs answers the second where a file exists
                refused = error
                found = read_lock(path)
            else:
                lock.begin()
                return lock
            if found is None:
                continue  # it was gone between the two
            if not found.is_over and (found.lives or not watch.is_silent(found.content)):
                return None
            return cls._inherited(path, disk, found, beside)
        if isinstance(refused, PermissionError):
            raise refused
        return None

    @classmethod
    def _inherited(cls, path: str, disk: int, found: HeldBy, beside: str) -> Self | None:
        """Puts a lock of ours in the place of `found`, in one step; None where another run was first."""
        lock = cls(beside, disk)
        try:
            now = read_lock(path)
            if now is None or now.content != found.content:
                os.unlink(beside)
                os.close(lock._descriptor)
                return None
            os.rename(beside, path)
            lock.path = path
        except OSError:
            os.close(lock._descriptor)
            with suppress(OSError):
                os.unlink(beside)
            raise
        if not lock._is_here():
            os.close(lock._descriptor)
            return None
        lock.left = found
        lock.begin()
        return lock

    def begin(self) -> None:
        """Starts the heart."""
        self._heart.start()

    def beat(self, *, released: bool = False) -> None:
        """Shows others that the holder lives, or that it has ended. Raises OSError."""
        here = _process(os.getpid())
        self._beats += 1
        facts = {
            "kind": _KIND,
            "host": socket.gethostname()[:64].encode("ascii", "replace").decode(),
            "boot": here.boot,
            "space": here.space,
            "pid": here.pid,
            "started": here.started,
            "disk": self.disk,
            "token": self.token,
            "beat": self._beats,
            "released": released,
        }
        os.pwrite(self._descriptor, json.dumps(facts).ljust(_SIZE - 1)[: _SIZE - 1].encode() + b"\n", 0)
        os.fsync(self._descriptor)

    def release(self, *, keep: bool) -> None:
        """Ends it. `keep`: a part file stays, and the lock file tells the next run which one it is."""
        self._ended.set()
        self._heart.join()
        if keep:
            with suppress(OSError):
                self.beat(released=True)
        with suppress(OSError):
            os.close(self._descriptor)
        if not keep:
            with suppress(OSError):  # one that stays by mistake is seen through once its process has ended
                if self._is_here():
                    os.unlink(self.path)

    def _is_here(self) -> bool:
        """Whether the name still is that of this lock: another run may have taken it over."""
        found = read_lock(self.path)
        return found is not None and found.token == self.token

    def _beat_on(self) -> None:
        while not self._ended.wait(BEAT):
            with suppress(OSError):
                self.beat()


def read_lock(path: str) -> HeldBy | None:
    """What the lock file `path` says; None where there is none. What is no plain file is removed. Raises OSError."""
    try:
        descriptor = os.open(path, _READING)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESTALE):  # another machine removed it
            return None
        if error.errno != errno.ELOOP:
            raise
        os.unlink(path)  # a planted symbolic link: never followed, and in the way
        return None
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if not stat.S_ISREG(mode):
            os.unlink(path)
            return None
        return HeldBy.parse(os.pread(descriptor, _SIZE, 0))
    finally:
        os.close(descriptor)


def is_old(seen: os.stat_result) -> bool:
    """Whether a file was last written to more than a day ago, which is more than clocks differ by."""
    return time.time() - max(seen.st_mtime, seen.st_ctime) > _DAY
