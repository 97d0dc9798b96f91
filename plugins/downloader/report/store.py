"""Reports as files. A final name never holds half a report, and never another report than the first it was given to."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..disk import flush_all, flush_file, flush_folder
from ..errors import DiskError, from_os_error
from ..results import Outcome
from .layout import lines_of
from .naming import hidden_name, parse_name, report_name, safe_id
from .parser import ReportError, parse
from .status_report import Report

__all__ = ["read", "reports_in", "write"]

_log = logging.getLogger(__name__)

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE: Final = 0o666
"""Less the umask, as for every file that a user makes."""
_CLAIM: Final = "0" * 16
_MOST_BYTES: Final = 1024**3
"""Some millions of lines. Nobody writes a longer report; what is longer is not read into memory."""
_NO_HARD_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
"""What file systems without hard links answer: FAT, many network and user-space ones."""


def write(report: Report, folder: Path, report_id: str) -> Path:
    """Writes `report` into `folder`, which must exist, and answers its path.

    The text is on the disk before it gets its name, and so is what it says was found; the name is before this returns.
    Another report is never overwritten, whoever writes at the same time. A failure leaves nothing behind, but for one
    of the very last step: then the whole report stands there, and it is only not known whether its name would outlive a
    power cut.

    Raises:
        DownloadError: the disk refused (see `from_os_error`).
    """
    name = report_name(report_id, report.timestamp)
    try:
        return _write(report, folder, report_id)
    except OSError as error:
        raise from_os_error(error, name) from error


def read(path: Path) -> Report:
    """The report in the file `path`; a symbolic link is not followed.

    Raises:
        ReportError: it holds no whole report.
        DownloadError: it cannot be read, or is no regular file.
    """
    try:
        data = _bytes_of(path)
    except OSError as error:
        raise from_os_error(error, path.name) from error
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ReportError(data.count(b"\n", 0, error.start) + 1, "not UTF-8") from error
    return parse(text)


def reports_in(folder: Path, report_id: str | None = None) -> list[Path]:
    """The reports in `folder`, newest first: all, or those on `report_id`. A folder that is missing has none.

    Goes by their names. Symbolic links, folders and files of other names are no reports; whether a file holds one is
    seen by whoever reads it.

    Raises:
        DownloadError: the folder cannot be listed.
    """
    wanted = None if report_id is None else safe_id(report_id)
    found = []
    try:
        for name in _files_in(folder):
            parts = parse_name(name)
            if parts and wanted in (None, parts.id):
                found.append((parts, name))
    except OSError as error:
        raise from_os_error(error, str(folder)) from error
    return [folder / name for _, name in sorted(found, reverse=True)]


def _files_in(folder: Path) -> Iterator[str]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                yield entry.name


def _bytes_of(path: Path) -> bytes:
    # Without O_NONBLOCK a named pipe would keep us waiting for someone to write into it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise DiskError(f"{path.name} is no regular file")
        if seen.st_size > _MOST_BYTES:
            raise DiskError(f"{path.name} has {seen.st_size:,} bytes, and is no report", "move it away")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def _write(report: Report, folder: Path, report_id: str) -> Path:
    temporary = folder / hidden_name(report_name(report_id, report.timestamp), secrets.token_hex(8))
    descriptor = os.open(temporary, _NEW, _MODE)
    try:
        _flush_found(report, folder)
        _fill(descriptor, report)
        final = _publish(temporary, report, report_id)
    finally:
        with suppress(OSError):  # must not hide what went wrong before
            temporary.unlink(missing_ok=True)
    flush_folder(str(folder))
    return final


def _flush_found(report: Report, folder: Path) -> None:
    """Returns once what the run found is on its disk; of its folders some may lie on disks of their own.

    What a run brings home it flushes. What it found may have come a moment ago by any way: another run that has renamed
    it and not yet flushed its folder, or somebody's copy.
    """
    found = {os.path.dirname(result.name) for result in report.results if result.outcome is Outcome.SKIPPED}
    disks: dict[int, Path] = {}
    for inside in found:
        with suppress(OSError, ValueError):  # gone by now, or no name that a folder may have
            disks.setdefault(os.stat(folder / inside).st_dev, folder / inside)
    for somewhere in disks.values():
        try:
            flush_all(str(somewhere))
        except OSError as error:
            # A disk fails here for anybody's file. A report is due all the same.
            _log.warning("What was found in %s may not outlive a power cut: %s", somewhere, error.strerror)


def _fill(descriptor: int, report: Report) -> None:
    with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines_of(report))
        file.flush()
        flush_file(descriptor)


def _publish(temporary: Path, report: Report, report_id: str) -> Path:
    """Gives the report the first name that is free."""
    number = 1
    while True:
        final = temporary.with_name(report_name(report_id, report.timestamp, number))
        if _take(temporary, final):
            return final
        number += 1


def _take(temporary: Path, final: Path) -> bool:
    """Whether `final` was free, and is the report now. A link, other than a rename, never replaces anything."""
    try:
        os.link(temporary, final)
    except FileExistsError:
        # Over NFS an answer may be lost and the question asked again: then it is our own link that exists.
        return os.path.samestat(os.lstat(temporary), os.lstat(final))
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        return _take_by_claim(temporary, final)
    return True


def _take_by_claim(temporary: Path, final: Path) -> bool:
    """`_take` for file systems without hard links: whoever makes the hidden claim beside `final` may rename to it.

    The claim is not `final` itself, because that would be an empty report if we were killed here.
    """
    claim = final.with_name(hidden_name(final.name, _CLAIM))
    try:
        os.close(os.open(claim, _NEW, _MODE))
    except FileExistsError:
        return False
    try:
        if os.path.lexists(final):
            return False
        os.rename(temporary, final)
        return True
    finally:
        os.unlink(claim)
