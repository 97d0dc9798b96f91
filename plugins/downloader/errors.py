"""Everything that can go wrong with one file, and what it does to the others.

DownloadError                 a sentence of three parts: kind, what happened, what to do
├── RetryableError            another try may help
│   ├── NetworkError          the connection broke, or could not be made
│   │   └── Unreachable       there was none: no such host, no answer, no way through the proxy
│   ├── StreamStalled         no byte came for longer than the stall limit
│   ├── ServerBusy            429, 500, 503: the server asks to wait
│   ├── CredentialsExpired    the credentials ended in the middle of a run
│   ├── ObjectChanged         the object was replaced while it was read
│   ├── Truncated             came without an end, and without a length to tell by
│   ├── TooManyFiles          this process, or the machine, has as many files open as it may
│   ├── DiskUnavailable       the destination's disk, or the server that it lies on, does not answer
│   └── InUse                 another run is writing the same file
├── PermanentError            another try does not help: fails at once
│   ├── ObjectNotFound        no such object (or bucket)
│   ├── AccessDenied          the credentials may not read it
│   ├── Misconfigured         the connection's settings do not fit the server
│   ├── Archived              in Glacier or Deep Archive, not restored
│   ├── QuotaExceeded         downloaded so often that the source refuses it for hours
│   ├── RangeRefused          the server does not grant ranges; read it from the start
│   ├── SizeMismatch          the length is not the expected one
│   ├── ChecksumMismatch      downloaded twice, wrong twice
│   ├── BrokenContent         equal to its source, and not what a file of its kind contains
│   ├── CorruptRecord         the catalogue's entry cannot be read
│   ├── UnsafePath            the name would leave the destination, or is not a file name
│   ├── ReservedName          the name belongs to this program's own files
│   ├── NameTooLong           longer than a file system takes
│   ├── NameCollision         two remote files would get one local name
│   ├── NameRefused           the destination's file system does not take the name
│   ├── PathConflict          a file here where a folder is due, or the other way round
│   ├── AuditError            an audit found that a file is not what it has to be
│   │   ├── MissingCopy       it is not there
│   │   ├── AlteredCopy       its bytes are others
│   │   └── IncompleteCopy    its end is missing
│   └── DiskError             the local disk refused
│       └── DiskFull          no room: stops the batch
├── Unexpected                a fault of this program
├── Interrupted               begun, and not ended, because its task died or was stopped
└── NotTried                  never begun, because the batch was stopped or its task died
"""

from __future__ import annotations

import errno
import logging
import os
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

__all__ = [
    "AUDIT_ERRORS",
    "AccessDenied",
    "AlteredCopy",
    "Archived",
    "AuditError",
    "BrokenContent",
    "ChecksumMismatch",
    "CorruptRecord",
    "CredentialsExpired",
    "DiskError",
    "DiskFull",
    "DiskUnavailable",
    "DownloadError",
    "InUse",
    "IncompleteCopy",
    "Interrupted",
    "Misconfigured",
    "MissingCopy",
    "NameCollision",
    "NameRefused",
    "NameTooLong",
    "NetworkError",
    "NotTried",
    "ObjectChanged",
    "ObjectNotFound",
    "PathConflict",
    "PermanentError",
    "QuotaExceeded",
    "RangeRefused",
    "ReservedName",
    "RetryableError",
    "ServerBusy",
    "SizeMismatch",
    "StreamStalled",
    "TooManyFiles",
    "Truncated",
    "Unexpected",
    "Unreachable",
    "UnsafePath",
    "as_download_error",
    "cut",
    "disk_errors",
    "from_os_error",
    "lacks_files",
]


class DownloadError(Exception):
    """What went wrong, and what to do: reads ``KIND: what happened; what to do``.

    `what` and `advice` are shown to users as they are: they never hold a secret, a token or a signed query.
    """

    kind: ClassVar[str]
    advice: ClassVar[str] = "look at the task's log"
    retryable: ClassVar[bool] = False
    stops_batch: ClassVar[bool] = False

    def __init__(self, what: str, advice: str | None = None, *, retry_after: float | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.to_do = advice or type(self).advice
        self.retry_after = retry_after
        """Seconds to wait that the server asked for; None if it did not."""

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}; {self.to_do}"


class RetryableError(DownloadError):
    """Another try may help."""

    retryable = True
    advice = "run it again; what is already there is kept"


class NetworkError(RetryableError):
    """The connection broke, or could not be made."""

    kind = "Network error"


class Unreachable(NetworkError):
    """No connection could be made: no such host, nobody answers there, or the proxy does not lead there."""


class StreamStalled(RetryableError):
    """No byte came for longer than the stall limit."""

    kind = "Stalled"


class ServerBusy(RetryableError):
    """The server answered 429, 500, 502, 503 or 504."""

    kind = "Server busy"


class CredentialsExpired(RetryableError):
    """The credentials ended during the run, and could not be renewed."""

    kind = "Credentials expired"
    advice = "renew the credentials of the connection, then run it again"


class ObjectChanged(RetryableError):
    """The object is not the one that the transfer began with."""

    kind = "Object changed"
    advice = "run it again when no program writes to it any more"


class Truncated(RetryableError):
    """The content does not end as a file of its kind does."""

    kind = "Truncated"


class TooManyFiles(RetryableError):
    """No more files and connections may be opened until others are closed."""

    kind = "Too many open files"
    advice = "raise the limit of open files (ulimit -n) where the worker is started, then run it again"


class DiskUnavailable(RetryableError):
    """The destination's disk did not answer, or lost what it was asked for: a file server, most often."""

    kind = "Disk unavailable"
    advice = "check the destination's mount and its file server, then run it again; what is already there is kept"


class InUse(RetryableError):
    """Another run holds the lock of this file's part file."""

    kind = "In use"
    advice = "wait for the other run to end, then run it again"


class PermanentError(DownloadError):
    """Another try does not help."""

    kind = "Refused"


class ObjectNotFound(PermanentError):
    """There is no such object."""

    kind = "Not found"
    advice = "check the bucket and the key"


class AccessDenied(PermanentError):
    """The credentials may not read the object."""

    kind = "Access denied"
    advice = "give the credentials of the connection the right to read it"


class Misconfigured(PermanentError):
    """The connection's settings do not fit the server: region, endpoint, TLS, certificate."""

    kind = "Wrong settings"
    advice = "correct the connection's settings"


class Archived(PermanentError):
    """The object lies in an archive tier and must be restored first."""

    kind = "Archived"


class QuotaExceeded(PermanentError):
    """The source has sent it, or has answered, as often as it does within a day. Too long for a retry."""

    kind = "Quota exceeded"
    advice = "run it again tomorrow"


class RangeRefused(PermanentError):
    """The server sends the whole object whatever range is asked for."""

    kind = "Ranges not supported"
    advice = "nothing to do: the file is read from the start"


class SizeMismatch(PermanentError):
    """The remote length is not the one that was expected."""

    kind = "Size mismatch"
    advice = "compare what is recorded of the file with the file at its source"


class ChecksumMismatch(PermanentError):
    """Downloaded twice from the start, wrong both times."""

    kind = "Checksum mismatch"
    advice = "the file at its source is damaged or was replaced, or the expected checksum is wrong: compare the two"


class BrokenContent(PermanentError):
    """The bytes are those of the source, and are not what a file of this kind holds."""

    kind = "Broken content"
    advice = "the file is like this at its source: replace it there"


class CorruptRecord(PermanentError):
    """The entry that describes this file cannot be understood."""

    kind = "Corrupt record"
    advice = "repair the entry in the catalogue"


class UnsafePath(PermanentError):
    """The name would lead out of the destination, or is not a file name."""

    kind = "Unsafe path"
    advice = "rename the remote file"


class ReservedName(PermanentError):
    """The name belongs to reports or part files."""

    kind = "Reserved name"
    advice = "rename the remote file: this name belongs to the downloader's own files"


class NameTooLong(PermanentError):
    """A file system does not take a name that long."""

    kind = "Name too long"
    advice = "shorten the remote name: a name may have 255 bytes, a path 4,096"


class NameCollision(PermanentError):
    """Two remote files would get the same local name."""

    kind = "Name collision"
    advice = "rename one of the two remote files"


class NameRefused(PermanentError):
    """The destination's file system does not take the name: ``:`` on FAT and on many SMB servers, for example."""

    kind = "Name refused"
    advice = "restore to a disk that takes such names, or rename the remote file"


class PathConflict(PermanentError):
    """A file stands where a folder is due, or a folder where a file is due."""

    kind = "Path conflict"
    advice = "move one of the two away"


class AuditError(PermanentError):
    """A file is not what it has to be. An audit changes nothing about that."""

    advice = "run the restore (the same run without audit), which downloads it"


class MissingCopy(AuditError):
    """Nothing has the final name."""

    kind = "Missing"


class AlteredCopy(AuditError):
    """What has the final name holds other bytes, or more, or is no file."""

    kind = "Altered"
    advice = "run the restore (the same run without audit), which replaces it"


class IncompleteCopy(AuditError):
    """What has the final name is shorter."""

    kind = "Incomplete"
    advice = "run the restore (the same run without audit), which completes it"


AUDIT_ERRORS = (MissingCopy, AlteredCopy, IncompleteCopy)
"""In the order in which a summary counts them."""


class DiskError(PermanentError):
    """The local disk refused to read or write."""

    kind = "Disk error"
    advice = "check the disk and the rights of the destination"


class DiskFull(DiskError):
    """No room is left: nothing more can be written, so the batch stops."""

    kind = "Disk full"
    advice = "make room at the destination, then run it again"
    stops_batch = True


class Unexpected(DownloadError):
    """A fault of this program. Its text is left out: it may hold anything, secrets included."""

    kind = "Unexpected error"
    advice = "report it, with the task's log; the other files are not touched by it"


class Interrupted(DownloadError):
    """Begun, and not ended."""

    kind = "Interrupted"
    advice = "run it again: it is resumed, unless it was changed at its source"


class NotTried(DownloadError):
    """Never begun."""

    kind = "Not tried"
    advice = "run it again; what is already there is kept"


_log = logging.getLogger(__name__)

_ROOM = 1024 * 1024
"""Bytes that are more than a new name takes, in whatever way a disk keeps it."""
_FEWER_FILES = "remove files from the destination's disk (df -i counts them), then run it again"

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_LARGER_QUOTA = "remove files of the worker's user or group there, or raise their quota, then run it again"
_LARGER_FILES = "restore to a disk that takes larger files (FAT32 takes less than 4 GiB), or raise ulimit -f"

_UNAVAILABLE = frozenset(
    {
        errno.ESTALE,
        errno.EBUSY,
        errno.ETXTBSY,
        errno.EAGAIN,
        errno.EINTR,
        errno.ETIMEDOUT,
        errno.ENOTCONN,
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EPIPE,
        errno.ESHUTDOWN,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.ENOLINK,
        errno.ENOBUFS,
        errno.EREMOTEIO,
        errno.ENOLCK,
        errno.ENOMEM,
        errno.EPROTO,
        errno.ECOMM,
        errno.ECANCELED,
    }
)
"""What disks on other machines answer while these are restarted, overloaded or cut off."""
_KEY = frozenset({errno.EKEYEXPIRED, errno.EKEYREVOKED, errno.EKEYREJECTED, errno.ENOKEY})
_NEW_TICKET = (
    "renew the ticket or key of the worker's user for that disk (kinit for Kerberos, or its encryption key), then run "
    "it again"
)
_NAME = frozenset({errno.EINVAL, errno.EILSEQ})
_UNUSUAL = re.compile(r'[<>:"|?*\\\x01-\x1f\x7f]|[. ](?=/|$)')
"""What FAT, NTFS and SMB servers refuse in names."""
_USUAL_NAME = 255
_TOO_MANY = frozenset({errno.EMFILE, errno.ENFILE})
_CONFLICT = frozenset({errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY})


def cut(text: str, most: int) -> str:
    """`text` for a message; of a longer one the first `most` characters, and ``...``."""
    return text if len(text) <= most else f"{text[:most]}..."


def from_os_error(error: OSError, name: str) -> DownloadError:
    """The local disk's refusal as a DownloadError. `name` is the relative path it was about."""
    reason = error.strerror or type(error).__name__
    if error.errno in _FULL:
        return _full(error, name, reason)
    if error.errno in _TOO_MANY:
        return TooManyFiles(f"{name} could not be opened")
    if error.errno in _CONFLICT:
        return PathConflict(f"{name} cannot be written ({reason})")
    if error.errno in _UNAVAILABLE:
        return DiskUnavailable(f"{name}: {reason}")
    if error.errno in _KEY:
        return DiskError(f"{name}: the disk does not let the worker in ({reason})", _NEW_TICKET)
    if error.errno == errno.EFBIG:
        return DiskError(f"{name} is larger than its disk or the worker's limits allow ({reason})", _LARGER_FILES)
    return _name_refused(error, name, reason) or DiskError(f"{name}: {reason}")


@contextmanager
def disk_errors(name: str) -> Iterator[None]:
    """Raises an OSError of its block, which must come from the disk, as `from_os_error` answers it."""
    try:
        yield
    except OSError as error:
        raise from_os_error(error, name) from error


def _full(error: OSError, name: str, reason: str) -> DiskFull:
    if error.errno == errno.EDQUOT:
        return DiskFull(f"no room to write {name} ({reason})", _LARGER_QUOTA)
    if _lacks_inodes(error.filename):
        return DiskFull(f"no inode is left for {name}: the disk holds as many files as it can", _FEWER_FILES)
    return DiskFull(f"no room to write {name} ({reason})")


def _too_long(path: object, name: str) -> NameTooLong:
    """With the longest name that the disk takes, where that is not the usual one."""
    shown = f"{name[:80]}..." if len(name) > 80 else name
    try:
        most = os.statvfs(os.path.dirname(path)).f_namemax if isinstance(path, str | os.PathLike) else 0
    except OSError:
        most = 0
    other = f"shorten the remote name: a name may have {most} bytes on this disk" if 0 < most < _USUAL_NAME else None
    return NameTooLong(f"{shown} is too long for this file system", other)


def _name_refused(error: OSError, name: str, reason: str) -> NameTooLong | NameRefused | None:
    """The refusal of a name. An error about an open file has no name, and is another refusal."""
    if error.errno == errno.ENAMETOOLONG:
        return _too_long(error.filename, name)
    unusual = " ".join(dict.fromkeys(_shown_character(found) for found in _UNUSUAL.findall(name)))
    if not error.filename:
        return None
    if error.errno in _NAME:
        holds = f", which holds {unusual}" if unusual else ""
        return NameRefused(f"the destination's file system does not take the name {name}{holds} ({reason})")
    if error.errno == errno.ENOENT and unusual:
        return NameRefused(
            f"{name} could not be made ({reason}): the destination's file system may not take {unusual} in names, "
            "or the folder was removed meanwhile"
        )
    return None


def _shown_character(character: str) -> str:
    """A character as a message shows it."""
    return {".": "a dot at its end", " ": "a space at its end"}.get(character, ascii(character)[1:-1])


def lacks_files(error: BaseException | None) -> bool:
    """Whether `error`, or what caused it, is that no more files and connections could be opened."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _TOO_MANY:
            return True
        error = error.__cause__ or error.__context__
    return False


def _lacks_inodes(name: object) -> bool:
    """Whether there is room for bytes, but for no file, where `name` was to be. An error of writing has no name."""
    if not isinstance(name, str | os.PathLike):
        return False
    try:
        disk = os.statvfs(os.path.dirname(name))
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize >= _ROOM and disk.f_files > 0 and disk.f_favail == 0


def as_download_error(error: Exception, name: str) -> DownloadError:
    """Any exception as a DownloadError. A fault of this program is logged by type and place, without its text."""
    if isinstance(error, DownloadError):
        return error
    if isinstance(error, ConnectionError | TimeoutError):
        return NetworkError(f"the connection broke while {name} was fetched ({type(error).__name__})")
    if isinstance(error, OSError):
        return from_os_error(error, name)
    places = " < ".join(f"{f.filename}:{f.lineno}" for f in reversed(traceback.extract_tb(error.__traceback__)))
    _log.error("%s: %s at %s", ascii(name), type(error).__name__, places)
    return Unexpected(f"{type(error).__name__} while {name} was fetched")
