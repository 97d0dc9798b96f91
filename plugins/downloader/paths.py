"""Relative paths that have been made safe, and nothing else, may be joined to a destination.

`SafePath` is the only thing that `Destination` (see `destination.py`) joins; it can be made only by `safe_path`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import DownloadError, NameTooLong, ReservedName, UnsafePath

__all__ = ["MAX_NAME_BYTES", "MAX_PATH_BYTES", "REPORT_PREFIX", "SafePath", "safe_path"]

MAX_NAME_BYTES = 255
"""NAME_MAX of ext4, xfs, btrfs, zfs, NFS and SMB."""
MAX_PATH_BYTES = 3_500
"""PATH_MAX is 4,096 on Linux with the destination's own path in front."""
REPORT_PREFIX = "_download_status_"

_PART_NAME = re.compile(r"\..*\.[0-9a-f]{16}\.part", re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class SafePath:
    """A relative path, ``/``-separated, that cannot leave the folder it is joined to.

    No empty, ``.`` or ``..`` segment, no NUL, encodable, no segment over 255 bytes. Made by `safe_path` alone.
    """

    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def folder(self) -> str:
        """All but the last segment, ``""`` for a file at the top."""
        return self.text.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The last segment."""
        return self.text.rpartition("/")[2]


def safe_path(raw: str) -> SafePath:
    """`raw` as a path below a destination.

    Empty and ``.`` segments are dropped (``a//b`` is ``a/b``: two raw names that become one are a collision, which the
    plan finds). A backslash is an ordinary character here, as it is in an object key and on the disk.

    Raises:
        UnsafePath: absolute, ``..``, NUL, not encodable, empty, or a folder's name.
        ReservedName: looks like a report or a part file.
        NameTooLong: a segment over 255 bytes, or the whole over 3,500.
    """
    problem = _problem(raw)
    if problem is not None:
        raise problem
    segments = [segment for segment in raw.split("/") if segment not in ("", ".")]
    _refuse_reserved(segments)
    _refuse_long(segments)
    return SafePath("/".join(segments))


def _problem(raw: str) -> DownloadError | None:
    if not raw or not raw.strip("/."):
        return UnsafePath("the name is empty" if not raw.strip("/") else f"{raw!r} is no file name")
    if raw.startswith("/"):
        return UnsafePath(f"{raw!r} is an absolute path")
    if raw.endswith("/"):
        return UnsafePath(f"{raw!r} names a folder, not a file")
    if ".." in raw.split("/"):
        return UnsafePath(f"{raw!r} would leave the destination")
    if "\0" in raw:
        return UnsafePath(f"{raw!r} holds a NUL character")
    if not _encodable(raw):
        return UnsafePath(f"{raw!r} cannot be written as UTF-8")
    return None


def _encodable(raw: str) -> bool:
    try:
        raw.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _refuse_reserved(segments: list[str]) -> None:
    if len(segments) == 1 and segments[0].startswith(REPORT_PREFIX):
        raise ReservedName(f"{segments[0]!r} would pass for a report")
    if _PART_NAME.fullmatch(segments[-1]):
        raise ReservedName(f"{segments[-1]!r} would pass for a part file")


def _refuse_long(segments: list[str]) -> None:
    for segment in segments:
        if len(segment.encode()) > MAX_NAME_BYTES:
            raise NameTooLong(f"{segment[:60]!r}... has {len(segment.encode())} bytes")
    whole = len("/".join(segments).encode())
    if whole > MAX_PATH_BYTES:
        raise NameTooLong(f"a path of {whole} bytes")
