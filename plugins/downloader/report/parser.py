"""A text as the report that it is, or the line that says it is none.

The parser takes from the text what cannot be computed, renders the report that it found, and compares: it accepts the
very texts that `render` makes, and no others. So counts that disagree with the lines, a size in words that disagrees
with the bytes, lines out of order, an escape that was not needed are all refused, by one rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from ..results import FileResult
from .escaping import unescape
from .file_line import parse_line
from .layout import DESTINATION, DURATION, FILES, STATUS, SUMMARY, TIMESTAMP, lines_of
from .status_report import Pairs, Report

__all__ = ["ReportError", "parse"]

_COUNTS = 8
"""Lines of the summary above the duration: they follow from the files."""
_MOST_SHOWN = 120
_LONGEST_PROBLEM = 400


class ReportError(ValueError):
    """Not a whole report. `line` counts from 1; `problem` says what is wrong there."""

    def __init__(self, line: int, problem: str) -> None:
        self.line = line
        self.problem = problem if len(problem) <= _LONGEST_PROBLEM else f"{problem[:_LONGEST_PROBLEM]}..."
        super().__init__(f"line {line}: {self.problem}")


def parse(text: str) -> Report:
    """The report that `render` made `text` of.

    Raises:
        ReportError: it is not the whole text of a report: cut off, altered, or something else altogether.
    """
    lines = _Lines(text)
    title = lines.take()
    lines.expect("=" * len(title))
    head, timestamp, destination = _head(lines)
    lines.expect(FILES, "-" * len(FILES))
    results = tuple(_results(lines))
    lines.expect(SUMMARY, "-" * len(SUMMARY))
    duration, extra = _summary(lines)
    try:
        report = Report(unescape(title), timestamp, destination, head, results, duration, extra)
    except ValueError as error:
        raise ReportError(lines.number, str(error)) from error
    lines.compare(lines_of(report))
    return report


class _Lines:
    """A text's lines, taken one by one. `number` is that of the line taken last."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self.number = len(self._lines)
        if self._lines.pop():
            raise ReportError(self.number, "cut off in the middle of the line")
        self.number = 0

    def take(self) -> str:
        if self.number == len(self._lines):
            raise ReportError(self.number + 1, "cut off")
        self.number += 1
        return self._lines[self.number - 1]

    @property
    def left(self) -> int:
        return len(self._lines) - self.number

    def expect(self, *wanted: str) -> None:
        for line in wanted:
            found = self.take()
            if found != line:
                raise _other(self.number, found, line)

    def compare(self, wanted: Iterable[str]) -> None:
        """Raises ReportError for the first line that is not the wanted one."""
        for number, (found, line) in enumerate(zip(self._lines, wanted, strict=True), 1):
            if found != line:
                raise _other(number, found, line)


def _other(number: int, found: str, wanted: str) -> ReportError:
    return ReportError(number, f"{found[:_MOST_SHOWN]!r} where {wanted[:_MOST_SHOWN]!r} is due")


def _head(lines: _Lines) -> tuple[Pairs, datetime, str]:
    pairs = []
    while line := lines.take():
        pairs.append(_pair(lines, line))
    if [label for label, _ in pairs[-2:]] != [TIMESTAMP, DESTINATION]:
        raise ReportError(lines.number, f"no {TIMESTAMP} and {DESTINATION} above this line")
    try:
        timestamp = datetime.fromisoformat(pairs[-2][1].removesuffix(" UTC")).replace(tzinfo=UTC)
    except ValueError as error:
        raise ReportError(lines.number - 2, f"{TIMESTAMP}: {error}") from error
    return tuple(pairs[:-2]), timestamp, pairs[-1][1]


def _results(lines: _Lines) -> Iterable[FileResult]:
    while line := lines.take():
        try:
            yield parse_line(line)
        except ValueError as error:
            raise ReportError(lines.number, f"{error}: {line[:_MOST_SHOWN]!r}") from error


def _summary(lines: _Lines) -> tuple[float, Pairs]:
    for _ in range(_COUNTS):
        lines.take()
    label, shown = _pair(lines, lines.take())
    try:
        duration = float(shown.removesuffix("s"))
    except ValueError:
        raise ReportError(lines.number, f"{label}: {shown!r} where a {DURATION} is due") from None
    extra = []
    while lines.left > 1:
        extra.append(_pair(lines, lines.take()))
    if not lines.take().startswith(f"{STATUS}: "):
        raise ReportError(lines.number, f"cut off: the last line is no {STATUS}")
    return duration, tuple(extra)


def _pair(lines: _Lines, line: str) -> tuple[str, str]:
    label, colon, value = line.partition(": ")
    if not colon:
        raise ReportError(lines.number, f"{line[:_MOST_SHOWN]!r} where a label and a value are due")
    return unescape(label), unescape(value)
