"""Times, counts and lists of names for the log. Names and sizes are written as in the report."""

from __future__ import annotations

from collections.abc import Sequence

from downloader.report import escape as one_line
from downloader.report import shown_size

__all__ = ["a_few", "counted", "duration", "one_line", "shown_size"]


def counted(files: int) -> str:
    """``1 file``, ``2,000 files``."""
    return f"{files:,} file{'' if files == 1 else 's'}"


def duration(seconds: float) -> str:
    """``45 s``, ``12 min``, ``3 h 5 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def a_few(names: Sequence[str], most: int = 5) -> str:
    """The first of `names`, and how many more there are."""
    shown = ", ".join(one_line(name) for name in names[:most])
    more = len(names) - most
    return f"{shown} and {more:,} more" if more > 0 else shown
