"""Relative paths that have been made safe, and nothing else, may be joined to a destination.

`SafePath` is the only thing that `Destination` (see `destination.py`) joins; it can be made only by `safe_path`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from .errors import NameTooLong, ReservedName, UnsafePath

__all__ = [
    "AUDIT_PREFIX",
    "MAX_FOLDERS",
    "MAX_NAME_BYTES",
    "MAX_PATH_BYTES",
    "PART_NAME",
    "REPORT_PREFIX",
    "REPORT_PREFIXES",
    "SafePath",
    "fitted",
    "is_plain",
    "marked",
    "safe_path",
    "short_digest",
]

MAX_NAME_BYTES = 255
"""NAME_MAX of ext4, xfs, btrfs, zfs, NFS and SMB."""
MAX_PATH_BYTES = 3_500
"""PATH_MAX is 4,096 on Linux with the destination's own path in front."""
REPORT_PREFIX = "_download_status_"
AUDIT_PREFIX = "_audit_status_"
REPORT_PREFIXES = (REPORT_PREFIX, AUDIT_PREFIX)
"""How names of reports begin, and no name of a file."""
PART_NAME = re.compile(r"(\..*)\.[0-9a-f]{16}\.part", re.DOTALL)
"""Names of part files, and of other hidden files while they are written. The group: what comes before the identity."""

MAX_FOLDERS = 255
"""Folders in folders. Each step is looked at for every file; and a path of 3,500 bytes has room for 1,749."""
_LONGEST_SHOWN = 120

_PLAIN = re.compile(rf"(?!{'|'.join(REPORT_PREFIXES)})\.?[ -\-0-~][ -.0-~]*(?:/\.?[ -\-0-~][ -.0-~]*)*")
"""Segments of printable ASCII, none of them empty, ``.`` or ``..``."""


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
        NameTooLong: a segment over 255 bytes, the whole over 3,500, or more than 255 folders.
    """
    if is_plain(raw):
        return SafePath(raw)
    if not raw.strip("/"):
        raise UnsafePath("the name is empty")
    fault = _fault(raw)
    if fault:
        raise UnsafePath(f"{_shown(raw)} {fault}")
    segments = [segment for segment in raw.split("/") if segment not in ("", ".")]
    if len(segments) == 1 and segments[0].startswith(REPORT_PREFIXES):
        raise ReservedName(f"{_shown(segments[0])} would pass for a report")
    if PART_NAME.fullmatch(segments[-1]):
        raise ReservedName(f"{_shown(segments[-1])} would pass for a part file")
    _refuse_long(segments)
    return SafePath("/".join(segments))


def is_plain(raw: str) -> bool:
    """Whether `raw` is safe at a glance, and its own path. Where it is not at a glance, it may still be.

    Most names are, and to hold one against all rules takes five times as long.
    """
    return len(raw) <= MAX_NAME_BYTES and not raw.endswith(".part") and _PLAIN.fullmatch(raw) is not None


def marked(stem: str, hashed: str, digits: int, ending: str = "", room: int | None = None, trim: str = "") -> str:
    """`stem`, ``~`` with `digits` hex digits of the hash of `hashed`, and `ending`: a name for `hashed` alone.

    With `room`, `stem` is cut so that all of it has at most that many bytes. What is left of it loses the characters of
    `trim` at its end.
    """
    end = f"~{short_digest(hashed, digits)}{ending}"
    return (stem if room is None else fitted(stem, "", room - len(end.encode()))).rstrip(trim) + end


def fitted(stem: str, end: str, room: int) -> str:
    """As much of `stem` as fits into `room` bytes before `end`, and `end`. `stem` has no surrogates."""
    return stem.encode()[: room - len(end.encode())].decode(errors="ignore") + end


def short_digest(text: str, digits: int) -> str:
    """The first `digits` hex digits of the SHA-256 of `text`, which may be no valid Unicode."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:digits]


def _fault(raw: str) -> str:
    """What makes a path of `raw` unsafe, ``""`` for nothing."""
    faults = (
        (not raw.strip("/."), "is not a file name"),
        (raw.startswith("/"), "is an absolute path"),
        (raw.endswith("/"), "names a folder, not a file"),
        (".." in raw.split("/"), "would leave the destination"),
        ("\0" in raw, "holds a NUL character"),
        (not _encodable(raw), "cannot be written as UTF-8"),
    )
    return next((fault for is_so, fault in faults if is_so), "")


def _shown(raw: str) -> str:
    """A name in quotes, on one line, not too much of it."""
    return repr(raw) if len(raw) <= _LONGEST_SHOWN else f"{raw[:_LONGEST_SHOWN]!r}..."


def _encodable(raw: str) -> bool:
    try:
        raw.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _refuse_long(segments: list[str]) -> None:
    for segment in segments:
        if len(segment.encode()) > MAX_NAME_BYTES:
            raise NameTooLong(f"{segment[:60]!r}... has {len(segment.encode())} bytes")
    if len(segments) > MAX_FOLDERS + 1:
        raise NameTooLong(f"a path of {len(segments) - 1:,} folders", f"a path may have {MAX_FOLDERS} folders")
    whole = len("/".join(segments).encode())
    if whole > MAX_PATH_BYTES:
        raise NameTooLong(f"a path of {whole} bytes")
