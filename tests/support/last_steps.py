"""The last steps of a commit, held up, written down or left out: in a process that does nothing else."""

from __future__ import annotations

import hashlib
import itertools
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from downloader.disk import commit_group, flushing
from downloader.disk.flushing import flush_file_system

__all__ = ["FLUSHES", "hold_group_flushes", "leave_out", "log_commits"]

FLUSHES: Final = ("files", "folders", "groups before their names", "groups behind their names")
"""What `leave_out` can leave out."""


def log_commits(destination: Path, log: Path) -> None:
    """Adds a line ``NAME DIGEST`` to `log` before each final name: what the file holds that is about to get it."""
    rename, link = os.rename, os.link
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

    def write_down(old: str, new: str) -> None:
        digest = hashlib.sha256(Path(old).read_bytes()).hexdigest()
        os.write(descriptor, f"{os.path.relpath(new, destination)} {digest}\n".encode())

    def logged(old: str, new: str) -> None:
        write_down(old, new)
        rename(old, new)

    def logged_link(old: str, new: str, *, dst_dir_fd: int | None = None, **more: Any) -> None:
        if dst_dir_fd is None:  # a report
            link(old, new, **more)
        else:
            write_down(old, f"{os.readlink(f'/proc/self/fd/{dst_dir_fd}')}/{new}")
            link(old, new, dst_dir_fd=dst_dir_fd, **more)

    os.rename, os.link = logged, logged_link  # type: ignore[assignment]


def hold_group_flushes(which: int, stop: Callable[[], None]) -> None:
    """Calls `stop` before a flush of a group: before the first, its files are written; before the second, named."""
    flushes = itertools.count(1)

    def held(descriptor: int) -> bool:
        if next(flushes) == which:
            stop()
        return flush_file_system(descriptor)

    commit_group.flush_file_system = held  # type: ignore[attr-defined]


def leave_out(which: str) -> None:
    """Makes one of `FLUSHES` do nothing."""
    if which.startswith("groups"):
        _leave_out_groups(every_second=which == FLUSHES[3])
    else:
        _leave_out_single(stat.S_ISDIR if which == "folders" else stat.S_ISREG)


def _leave_out_single(is_meant: Callable[[int], bool]) -> None:
    fsync = os.fsync

    def flush(descriptor: int) -> None:
        if not is_meant(os.fstat(descriptor).st_mode):
            fsync(descriptor)

    os.fsync = flush  # type: ignore[assignment]


def _leave_out_groups(*, every_second: bool) -> None:
    """A group is flushed twice, before and behind its names; one thread does it."""
    syncfs = flushing._syncfs
    count = 0

    def flush(descriptor: object) -> int:
        nonlocal count
        count += 1
        return 0 if (count % 2 == 0) == every_second or syncfs is None else syncfs(descriptor)

    flushing._syncfs = flush
