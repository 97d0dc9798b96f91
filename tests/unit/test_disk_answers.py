"""What disks answer that lie on a file server or a stick: refusals told by their cause, and waited out."""

from __future__ import annotations

import errno
import fcntl
import itertools
import logging
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from downloader.disk import flushing
from downloader.errors import DiskError, DiskUnavailable, DownloadError, NameRefused, NameTooLong, from_os_error
from downloader.report import Report, read, write
from downloader.results import Outcome
from downloader.source import Capabilities
from downloader.sources.memory import MemorySource
from support.lanes import Lane, came_home, each_lane, settled
from support.restoring import KIB, content, files_for, quick_disk, restored, tree

__all__ = ["quick_disk"]

pytestmark = pytest.mark.usefixtures("quick_disk")

MOUNT = "check the destination's mount and its file server, then run it again; what is already there is kept"
UNUSUAL = set('<>:"|?*\\')

ways = pytest.mark.parametrize(
    ("size", "capabilities"),
    [(1000, Capabilities()), (200 * KIB, Capabilities()), (200 * KIB, Capabilities(parallel_ranges=1))],
    ids=["small", "ranged", "stream"],
)


def refuse(code: int, name: object = None) -> None:
    raise OSError(code, os.strerror(code), name)


class Patched:
    """A function of the system that is refused where `when` says so, `times` times."""

    def __init__(
        self, patch: pytest.MonkeyPatch, name: str, code: int, when: Callable[..., bool], times: int | None = None
    ) -> None:
        self.refused = 0
        original = getattr(os, name)

        def patched(*arguments: Any, **more: Any) -> Any:
            if when(*arguments) and (times is None or self.refused < times):
                self.refused += 1
                refuse(code, arguments[0] if isinstance(arguments[0], str) else None)
            return original(*arguments, **more)

        patch.setattr(os, name, patched)


def makes_part_file(path: object, flags: int, *_: object) -> bool:
    return (str(path).endswith(".part") and bool(flags & os.O_CREAT)) or makes_nameless(path, flags)


def makes_nameless(path: object, flags: int, *_: object) -> bool:
    return flags & os.O_TMPFILE == os.O_TMPFILE


def has_part_file(descriptor: int, *_: object) -> bool:
    return os.readlink(f"/proc/self/fd/{descriptor}").endswith((".part", " (deleted)"))


def has_folder(descriptor: int, *_: object) -> bool:
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


# --- locks ------------------------------------------------------------------------------------------------------------


def refused_with(code: int) -> Callable[[int, int], None]:
    return lambda descriptor, how: refuse(code)


@each_lane
@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EINVAL, errno.EIO, errno.ENOLCK, errno.ENOSYS, 0])
def test_a_disk_without_locks_is_restored_to_and_left_tidy(
    destination: Path, monkeypatch: pytest.MonkeyPatch, lane: Lane, code: int
) -> None:
    """0: locking succeeds, and locks nobody out."""
    monkeypatch.setattr(fcntl, "flock", refused_with(code) if code else lambda descriptor, how: None)
    came_home(lane, destination)


@each_lane
def test_inode_numbers_that_change_are_not_trusted(
    destination: Path, monkeypatch: pytest.MonkeyPatch, lane: Lane
) -> None:
    numbers, lstat = itertools.count(1), os.lstat

    def changing(path: Any, **more: Any) -> os.stat_result:
        found = lstat(path, **more)
        return os.stat_result((found[0], next(numbers), *found[2:]), {"st_ctime_ns": found.st_ctime_ns})

    monkeypatch.setattr(os, "lstat", changing)
    came_home(lane, destination)


# --- what passes by itself --------------------------------------------------------------------------------------------


@each_lane
@pytest.mark.parametrize("code", [errno.ESTALE, errno.EBUSY, errno.ETIMEDOUT, errno.ECONNRESET])
@pytest.mark.parametrize(("step", "when"), [("open", makes_part_file), ("name", lambda *_: True)])
def test_a_disk_that_does_not_answer_once_is_asked_again(
    destination: Path, monkeypatch: pytest.MonkeyPatch, lane: Lane, step: str, when: Callable[..., bool], code: int
) -> None:
    if step == "name":
        step = "link" if lane.name == "small" else "rename"
    patched = Patched(monkeypatch, step, code, when, times=1)
    came_home(lane, destination)
    assert patched.refused == 1


@each_lane
@pytest.mark.parametrize("step", ["fsync", "pwrite"])
def test_a_disk_that_does_not_answer_is_the_disk_and_not_the_network(
    destination: Path, monkeypatch: pytest.MonkeyPatch, lane: Lane, step: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(flushing, "_syncfs", None)
        Patched(patch, step, errno.ETIMEDOUT, has_part_file)
        failed = settled(lane, destination)
    assert (len(failed), set(failed.values())) == (
        lane.files,
        {f"Disk unavailable: NAME: Connection timed out; {MOUNT}"},
    )
    assert DiskUnavailable.retryable
    came_home(lane, destination)


@ways
def test_bytes_whose_flush_failed_are_fetched_anew(
    destination: Path, monkeypatch: pytest.MonkeyPatch, size: int, capabilities: Capabilities
) -> None:
    """The system calls them clean from then on, so a second flush proves nothing."""
    data = content(size)
    monkeypatch.setattr(flushing, "_syncfs", None)
    patched = Patched(monkeypatch, "fsync", errno.ESTALE, has_part_file, times=1)
    source = MemorySource({"x": data}, capabilities)
    result = restored(source, destination, files_for({"x": data}))["x"]
    assert (result.ok, patched.refused) == (True, 1)
    assert result.outcome is Outcome.DOWNLOADED, "not what was flushed in vain"
    assert tree(destination) == {"x": data}


@ways
def test_an_intact_copy_that_cannot_be_read_now_is_not_replaced(
    destination: Path, monkeypatch: pytest.MonkeyPatch, size: int, capabilities: Capabilities
) -> None:
    data = content(size)
    (destination / "x").write_bytes(data)
    for step in ("pread", "preadv"):
        Patched(monkeypatch, step, errno.ESTALE, lambda *_: True, times=1)
    result = restored(MemorySource({"x": data}, capabilities), destination, files_for({"x": data}))["x"]
    assert result.outcome is Outcome.SKIPPED


# --- what does not ----------------------------------------------------------------------------------------------------


@each_lane
@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            errno.EFBIG,
            (
                "Disk error: NAME is larger than its disk or the worker's limits allow (File too large); restore to a "
                "disk that takes larger files (FAT32 takes less than 4 GiB), or raise ulimit -f"
            ),
        ),
        (
            errno.EDQUOT,
            (
                "Disk full: no room to write NAME (Disk quota exceeded); "
                "remove files of the worker's user or group there, or raise their quota, then run it again"
            ),
        ),
    ],
)
def test_limits_of_a_disk_are_named(
    destination: Path, monkeypatch: pytest.MonkeyPatch, lane: Lane, code: int, sentence: str
) -> None:
    with monkeypatch.context() as patch:
        Patched(patch, "pwrite", code, has_part_file)
        failed = {line for line in settled(lane, destination).values() if not line.startswith("Not tried")}
    assert failed == {sentence}
    came_home(lane, destination)


REFUSED_NAMES = pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            errno.EINVAL,
            "the destination's file system does not take the name 12:30/run?.raw, which holds : ? (Invalid argument)",
        ),
        (
            errno.ENOENT,
            (
                "12:30/run?.raw could not be made (No such file or directory): the destination's file system may not "
                "take : ? in names, or the folder was removed meanwhile"
            ),
        ),
    ],
)


@REFUSED_NAMES
@pytest.mark.parametrize("step", ["open", "mkdir"])
@pytest.mark.parametrize("size", [1000, 200 * KIB])
def test_a_name_that_the_disk_does_not_take_is_the_cause(
    destination: Path, monkeypatch: pytest.MonkeyPatch, step: str, code: int, sentence: str, size: int
) -> None:
    objects = {"a.raw": content(size), "12:30/run?.raw": content(size, 1)}
    when = makes_part_file if step == "open" else lambda *_: True
    Patched(monkeypatch, step, code, lambda path, *more: bool(UNUSUAL & set(str(path))) and when(path, *more))
    Patched(monkeypatch, "link", code, lambda _, name: bool(UNUSUAL & set(name)))
    results = restored(MemorySource(objects), destination, files_for(objects))
    advice = "restore to a disk that takes such names, or rename the remote file"
    assert results["12:30/run?.raw"].message == f"Name refused: {sentence}; {advice}"
    assert results["a.raw"].ok
    assert {name: data for name, data in tree(destination).items() if data != "folder"} == {"a.raw": objects["a.raw"]}


@pytest.mark.parametrize(
    ("error", "name", "kind", "words"),
    [
        (OSError(errno.EINVAL, "Invalid argument", "/d/con"), "con", NameRefused, "does not take the name con (Inv"),
        (OSError(errno.EILSEQ, "Illegal", "/d/é"), "é", NameRefused, "does not take the name é (Illegal)"),
        (OSError(errno.EINVAL, "Invalid argument", "/d/a."), "a.", NameRefused, "which holds a dot at its end"),
        (OSError(errno.EINVAL, "Invalid argument"), "a:b", DownloadError, "Disk error: a:b: Invalid argument"),
        (OSError(errno.ENOENT, "No such file", "/d/a"), "a", DownloadError, "Disk error: a: No such file"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "/x"), "short", NameTooLong, "short is too long for"),
        (ConnectionResetError(errno.ECONNRESET, "Reset"), "a", DiskUnavailable, "Disk unavailable: a: Reset"),
        (OSError(errno.ENOTCONN, "Not connected"), "a", DiskUnavailable, "a: Not connected"),
        (OSError(errno.EREMOTEIO, "Remote I/O error"), "a", DiskUnavailable, "a: Remote I/O error"),
        (OSError(errno.ENOLCK, "No locks available"), "a", DiskUnavailable, "a: No locks available"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "a", DiskUnavailable, "a: Cannot allocate memory"),
        (OSError(errno.EKEYEXPIRED, "Key has expired"), "a", DiskError, "(Key has expired); renew the ticket or key"),
        (OSError(errno.ENOKEY, "Required key not available", "/d/a"), "a", DiskError, "does not let the worker in"),
    ],
)
def test_refusals_are_told_by_their_cause(error: OSError, name: str, kind: type[DownloadError], words: str) -> None:
    found = from_os_error(error, name)
    assert isinstance(found, kind)
    assert words in str(found)


# --- folders that cannot be flushed -----------------------------------------------------------------------------------

REPORT = Report("S3 Download Status Report", datetime(2025, 2, 4, tzinfo=UTC), "/data")
CANNOT = [errno.EINVAL, errno.ENOTSUP, errno.ENOTTY, errno.EBADF, errno.ENOSYS]


@each_lane
@pytest.mark.parametrize("code", CANNOT)
def test_a_disk_that_cannot_flush_folders_is_warned_of_once(
    destination: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, lane: Lane, code: int
) -> None:
    monkeypatch.setattr(flushing, "_syncfs", None)
    monkeypatch.setattr(flushing, "_warned", set())
    Patched(monkeypatch, "fsync", code, has_folder)
    with caplog.at_level(logging.WARNING):
        came_home(lane, destination)
        assert read(write(REPORT, destination, "x")) == REPORT
    warned = [record.getMessage() for record in caplog.records if "flush" in record.getMessage()]
    assert len(warned) == 1
    assert f"cannot flush folders ({os.strerror(code)}): the newest names on it may not survive" in warned[0]


@each_lane
def test_a_folder_whose_flush_failed_is_a_failure(
    destination: Path, monkeypatch: pytest.MonkeyPatch, lane: Lane
) -> None:
    monkeypatch.setattr(flushing, "_syncfs", None)
    Patched(monkeypatch, "fsync", errno.EIO, has_folder)
    results = restored(lane.source(), destination, files_for(lane.objects))
    assert not any(result.ok for result in results.values())
    with pytest.raises(DownloadError, match=r"Disk error: _download_status_x_.*: Input/output error"):
        write(REPORT, destination, "x")
