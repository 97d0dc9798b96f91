"""Times, counts and lists of names for the log. Names and sizes are written as in the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from downloader.errors import cut
from downloader.report import escape as one_line
from downloader.report import shown_size
from downloader.results import FileResult

__all__ = ["a_few", "counted", "duration", "failed_files", "one_line", "shown_size", "within"]

LONGEST_SENTENCE: Final = 199
"""Characters of the last line of a log. Whoever is notified by a message reads no more."""
_LONGEST_NAME: Final = 40
"""Characters of a name in a sentence that has to stay short."""


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


def within(sentence: str, behind: str = "") -> str:
    """`sentence` and `behind`, with as much of `sentence` as `LONGEST_SENTENCE` leaves room for."""
    room = LONGEST_SENTENCE - len(behind)
    return (sentence if len(sentence) <= room else f"{sentence[: room - 3]}...") + behind


def failed_files(results: Sequence[FileResult], about: str = "", before: str = "") -> str:
    """``2 of 5 files of raw file 20250115_sample failed, first b.raw: Not found: ...``, as the last line of a log."""
    failures = [result for result in results if not result.ok]
    whose = f" of {cut(about, _LONGEST_NAME)}" if about else ""
    name = cut(one_line(failures[0].name), _LONGEST_NAME)
    counts = f"{len(failures):,} of {counted(len(results))}{whose} failed"
    return within(f"{before}{counts}, first {name}: {one_line(failures[0].message)}")
