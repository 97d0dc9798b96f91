"""A report as text that is never longer than a limit, for those who cannot read its file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..errors import cut
from .file_line import render_line
from .layout import head_of, lines_of, summary_of
from .status_report import Report

__all__ = ["excerpt"]

_LONGEST_LINE: Final = 1000
"""Characters of a line of the head or the summary, where the report is too long: a name may have thousands."""
_COUNTS: Final = 12
"""Lines of a summary from its heading to the duration."""
_NOTE: Final = 200
"""Bytes, more than the line takes that says what is left out."""


def excerpt(report: Report, most: int) -> tuple[str, int]:
    """The text of `report` in at most `most` bytes of UTF-8, and the number of files that it leaves out.

    Where the whole is longer, it is the head, the failures and the summary, as many lines of each as fit, and a line
    that says what is left out. `most`: at least 16 KiB.
    """
    whole, complete = _fitting(lines_of(report), most)
    if complete:
        return _joined(whole), 0
    head, _ = _fitting((cut(line, _LONGEST_LINE) for line in head_of(report)), most // 4)
    summary = [cut(line, _LONGEST_LINE) for line in summary_of(report)]
    extra, _ = _fitting(summary[_COUNTS:-1], most // 4)
    summary = [*summary[:_COUNTS], *extra, summary[-1]]
    failures = (render_line(result) for result in report.results if not result.ok)
    shown, _ = _fitting(failures, most - _size([*head, *summary]) - _NOTE)
    left_out = len(report.results) - len(shown)
    note = f"({left_out:,} of {len(report.results):,} files are left out here; the report has a line for each)"
    return _joined([*head, *shown, note, *summary]), left_out


def _fitting(lines: Iterable[str], most: int) -> tuple[list[str], bool]:
    """The first of `lines`, as many as have at most `most` bytes together, and whether these are all."""
    kept: list[str] = []
    for line in lines:
        most -= _size([line])
        if most < 0:
            return kept, False
        kept.append(line)
    return kept, True


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
