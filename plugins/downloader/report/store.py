"""Reports as files. A final name never holds half a report, and is never given to a second one."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import stat
from contextlib import suppress
from functools import partial
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
"""Less the umask, as for any new file of the user."""
_RESERVATION: Final = "0" * 16
_MOST_BYTES: Final = 1024**3
"""Some millions of lines. No report is longer, and a longer file is not read into memory."""
_NO_HARD_LINKS: Final = frozenset(
    {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENOTTY, errno.EMLINK, errno.EXDEV}
)
"""Errors of file systems without hard links: FAT, many network and user-space ones."""


def write(report: Report, folder: Path, report_id: str) -> Path:
    """Writes `report` into `folder`, which must exist, and returns its path.

    The text is flushed to disk before it gets its name, and so are the files that it calls skipped; the name is flushed
    before this returns. Another report is never overwritten, also if several processes write at the same time. An error
    leaves nothing behind, except in the last step: then the report is complete, but its name may not survive a power
    failure.

    Raises:
        DownloadError: the disk refused (see `from_os_error`).
    """
    name = report_name(report_id, report.timestamp, audit=report.audit)
    try:
        return _write(report, folder, report_id)
    except OSError as error:
        raise from_os_error(error, name) from error


def read(path: Path) -> Report:
    """The report in the file `path`. Symbolic links are not followed.

    Raises:
        ReportError: the file does not hold a complete report that this version can read.
        DownloadError: the file cannot be read, or is not a regular file.
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
    """The reports of downloads in `folder`, newest first: all, or those on `report_id`. None if it does not exist.

    They are recognised by name; `read` checks what they hold. Symbolic links and folders are left out.

    Raises:
        DownloadError: the folder cannot be listed.
    """
    wanted = None if report_id is None else safe_id(report_id)
    found = []
    try:
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                parts = parse_name(entry.name) if entry.is_file(follow_symlinks=False) else None
                if parts and wanted in (None, parts.id):
                    found.append((parts, entry.name))
    except OSError as error:
        raise from_os_error(error, str(folder)) from error
    return [folder / name for _, name in sorted(found, reverse=True)]


def _bytes_of(path: Path) -> bytes:
    # Without O_NONBLOCK, opening a named pipe blocks until someone writes to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise DiskError(f"{path.name} is not a regular file")
        if seen.st_size > _MOST_BYTES:
            raise DiskError(f"{path.name} has {seen.st_size:,} bytes, so it is not a report", "move it away")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def _write(report: Report, folder: Path, report_id: str) -> Path:
    name = partial(report_name, report_id, report.timestamp, audit=report.audit)
    temporary = folder / hidden_name(name(), secrets.token_hex(8))
    descriptor = os.open(temporary, _NEW, _MODE)
    try:
        _flush_skipped(report, folder)
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines_of(report))
            file.flush()
            flush_file(descriptor)
        number = 1
        while not _take(temporary, final := folder / name(number)):
            number += 1
    finally:
        with suppress(OSError):  # must not hide an earlier error
            temporary.unlink(missing_ok=True)
    flush_folder(str(folder))
    return final


def _flush_skipped(report: Report, folder: Path) -> None:
    """Flushes the disks of the skipped files. Folders below `folder` may be on disks of their own.

    The run has flushed what it downloaded. A skipped file may be a moment old: renamed by another run that has not yet
    flushed its folder, or copied there by someone.
    """
    skipped = {os.path.dirname(result.name) for result in report.results if result.outcome is Outcome.SKIPPED}
    disks: dict[int, Path] = {}
    for inside in skipped:
        with suppress(OSError, ValueError):  # gone by now, or not a valid name of a folder
            disks.setdefault(os.stat(folder / inside).st_dev, folder / inside)
    for somewhere in disks.values():
        try:
            flush_all(str(somewhere))
        except OSError as error:
            # The error may be about a file of someone else. The report is written in any case.
            _log.warning("What was found in %s may not survive a power failure: %s", somewhere, error.strerror)


def _take(temporary: Path, final: Path) -> bool:
    """Whether `final` was free, and is the report now. Unlike a rename, a link never replaces a file."""
    try:
        os.link(temporary, final)
    except FileExistsError:
        # NFS repeats a request whose answer was lost: then the link that exists is the one just made.
        return os.path.samestat(os.lstat(temporary), os.lstat(final))
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        return _take_by_reservation(temporary, final)
    return True


def _take_by_reservation(temporary: Path, final: Path) -> bool:
    """`_take` for file systems without hard links: whoever creates the hidden reservation may rename to `final`.

    The reservation is not `final` itself, which would be an empty report if the process were killed here.
    """
    reservation = final.with_name(hidden_name(final.name, _RESERVATION))
    try:
        os.close(os.open(reservation, _NEW, _MODE))
    except FileExistsError:
        return False
    except PermissionError:  # what sshfs answers where a file exists
        if os.path.lexists(reservation):
            return False
        raise
    try:
        if os.path.lexists(final):
            return False
        os.rename(temporary, final)
        return True
    finally:
        os.unlink(reservation)
