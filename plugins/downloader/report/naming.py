"""The names of report files.

``_download_status_<id>_<YYYYMMDD_HHMMSS>.txt``; a second report of the same second has ``_2`` before the ``.txt``.
That of an audit begins with ``_audit_status_``, so that nobody who looks for downloads finds it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, NamedTuple

from ..paths import AUDIT_PREFIX, REPORT_PREFIX, marked
from .escaping import UNSAFE

__all__ = ["ReportName", "hidden_name", "parse_name", "report_name", "safe_id"]

_MOST_ID_BYTES: Final = 120
"""Leaves room for the rest of the name, and for the longer hidden name, below the usual limit of 255 bytes."""
_UNSAFE = re.compile(rf"[{UNSAFE}/<>:\"|?*]")
"""Unsafe on a screen, a separator, or refused by a file system that a lab may have mounted."""
_DIGITS: Final = 12
_CHANGED = re.compile(rf".*~[0-9a-f]{{{_DIGITS}}}", re.DOTALL)
_NAME = re.compile(
    REPORT_PREFIX + r"(?P<id>.+)_(?P<moment>[0-9]{8}_[0-9]{6})(?:_(?P<number>[2-9]|[1-9][0-9]{1,8}))?\.txt", re.DOTALL
)


class ReportName(NamedTuple):
    """The parts of the name of a report file. Sorts by age: by `moment`, then by `number` within its second."""

    moment: str
    number: int
    id: str


def report_name(report_id: str, moment: datetime, number: int = 1, *, audit: bool = False) -> str:
    """The file name of the `number`-th report on `report_id` within the second of `moment`."""
    shown = f"{moment.year:04}{moment:%m%d_%H%M%S}"
    suffix = f"_{number}" if number > 1 else ""
    return f"{AUDIT_PREFIX if audit else REPORT_PREFIX}{safe_id(report_id)}_{shown}{suffix}.txt"


def parse_name(name: str) -> ReportName | None:
    """The parts of a name that `report_name` made, with the id as `safe_id` answers it.

    None for any other name, and for that of an audit.
    """
    match = _NAME.fullmatch(name)
    return ReportName(match["moment"], int(match["number"] or 1), match["id"]) if match else None


def safe_id(report_id: str) -> str:
    """`report_id` as a part of a file name.

    An id that cannot be one is changed (``/`` and unsafe characters to ``_``, a long one cut) and gets ``~`` and a hash
    at its end, so that two ids never get the same name. So does an id that only looks as if it had been changed.
    """
    size = len(report_id.encode(errors="replace"))
    if 0 < size <= _MOST_ID_BYTES and not _UNSAFE.search(report_id) and not _CHANGED.fullmatch(report_id):
        return report_id
    return marked(_UNSAFE.sub("_", report_id), report_id, _DIGITS, room=_MOST_ID_BYTES)


def hidden_name(name: str, identity: str) -> str:
    """The name of a temporary file beside `name`, which no remote file may have. `identity`: 16 hex digits."""
    return f".{name}.{identity}.part"
