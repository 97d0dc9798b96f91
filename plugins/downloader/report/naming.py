"""What reports' files are called.

``_download_status_<id>_<YYYYMMDD_HHMMSS>.txt``; the second one of the same second has ``_2`` before the ``.txt``.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Final, NamedTuple

from ..paths import REPORT_PREFIX
from .escaping import UNSAFE

__all__ = ["ReportName", "hidden_name", "parse_name", "report_name", "safe_id"]

_MOST_ID_BYTES: Final = 120
"""Leaves room for the rest of the name, and for a hidden one that is longer, below the usual 255."""
_UNSAFE = re.compile(rf"[{UNSAFE}/<>:\"|?*]")
"""What ends a name, forges one on a screen, or is refused by a file system that a lab may have mounted."""
_CHANGED = re.compile(r".*~[0-9a-f]{12}", re.DOTALL)
_NAME = re.compile(
    REPORT_PREFIX + r"(?P<id>.+)_(?P<moment>[0-9]{8}_[0-9]{6})(?:_(?P<number>[2-9]|[1-9][0-9]{1,8}))?\.txt", re.DOTALL
)


class ReportName(NamedTuple):
    """A report's file name, taken apart. Sorts by age: by `moment`, then by `number` within its second."""

    moment: str
    number: int
    id: str


def report_name(report_id: str, moment: datetime, number: int = 1) -> str:
    """The file name of the `number`-th report on `report_id` in the second of `moment`."""
    shown = f"{moment.year:04}{moment:%m%d_%H%M%S}"
    suffix = f"_{number}" if number > 1 else ""
    return f"{REPORT_PREFIX}{safe_id(report_id)}_{shown}{suffix}.txt"


def parse_name(name: str) -> ReportName | None:
    """What `report_name` made `name` of, the id as `safe_id` spells it; None for any other name."""
    match = _NAME.fullmatch(name)
    return ReportName(match["moment"], int(match["number"] or 1), match["id"]) if match else None


def safe_id(report_id: str) -> str:
    """`report_id` as a part of a file name.

    What cannot be one is changed (``/`` and control characters to ``_``, the rest of a long one cut off), and gets
    ``~`` and a hash behind it, so that two ids never meet. So does one that only looks as if it had been changed.
    """
    size = len(report_id.encode(errors="replace"))
    if 0 < size <= _MOST_ID_BYTES and not _UNSAFE.search(report_id) and not _CHANGED.fullmatch(report_id):
        return report_id
    shown = _UNSAFE.sub("_", report_id).encode()[: _MOST_ID_BYTES - 13].decode(errors="ignore")
    return f"{shown}~{hashlib.sha256(report_id.encode(errors='surrogatepass')).hexdigest()[:12]}"


def hidden_name(name: str, identity: str) -> str:
    """A name beside `name` that a listing hides and no remote file may have. `identity`: 16 hex digits."""
    return f".{name}.{identity}.part"
