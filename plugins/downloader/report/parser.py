"""Text to report, or a `ReportError` that names the line.

Each format has its reader. It takes from the text what cannot be computed, renders the report that it found, and
compares: it accepts the texts that `render` makes, and no others. So counts that disagree with the lines, a rounded
size that disagrees with the bytes, lines out of order and an escape that was not needed are all refused by one rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final

from ..errors import cut
from ..results import FileResult
from .escaping import quoted, unescape
from .file_line import parse_line
from .layout import DESTINATION, DURATION, FILES, FORMAT_LABEL, STATUS, SUMMARY, TIMESTAMP, lines_of
from .status_report import AUDIT_FORMAT, DOWNLOAD_FORMAT, FORMAT, Pairs, Report

__all__ = ["ReportError", "parse"]

_COUNTS: Final = 8
"""Lines of the summary above the duration. They follow from the files."""
_WRITTEN_NUMBER: Final = re.compile(r"[2-9]|[1-9][0-9]{1,8}")
"""A number of a format as a report holds it; format 1 is not written."""
_LONGEST_PROBLEM: Final = 400


class ReportError(ValueError):
    """Not a complete report that this version can read. `line` counts from 1; `problem` says what is wrong there."""

    def __init__(self, line: int, problem: str) -> None:
        self.line = line
        self.problem = cut(problem, _LONGEST_PROBLEM)
        super().__init__(f"line {line}: {self.problem}")


def parse(text: str) -> Report:
    """The report that `render` made `text` of, in this version or any earlier one.

    Raises:
        ReportError: `text` is not a complete report: cut off, altered, something else, or of a newer format.
    """
    lines = _Lines(text)
    title = lines.take()
    lines.expect("=" * len(title))
    return _READERS[_format_of(lines)](lines, unescape(title))


class _Lines:
    """The lines of a text, taken one by one. `number` is that of the line taken last."""

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

    def take_value_of(self, label: str) -> str | None:
        """The value of the next line if it has this label; None, and the line is left, if it does not."""
        if not self.left or not self._lines[self.number].startswith(f"{label}: "):
            return None
        return self.take().removeprefix(f"{label}: ")

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
    return ReportError(number, f"expected {quoted(wanted)}, found {quoted(found)}")


def _format_of(lines: _Lines) -> int:
    """The number in the third line; 1 where that line is another one."""
    shown = lines.take_value_of(FORMAT_LABEL)
    if shown is None:
        return 1
    if not _WRITTEN_NUMBER.fullmatch(shown):
        raise ReportError(lines.number, f"{quoted(shown)} is not the number of a report format")
    number = int(shown)
    if number > FORMAT:
        raise ReportError(
            lines.number,
            f"the report has format {number}, and this version reads formats up to {FORMAT}; "
            "read it with the version of the downloader that wrote it, or a newer one",
        )
    return number


# --- formats 1 (downloads) and 2 (audits) -----------------------------------------------------------------------------


def _read(lines: _Lines, title: str, number: int) -> Report:
    head, timestamp, destination = _head(lines)
    lines.expect(FILES, "-" * len(FILES))
    results: list[FileResult] = []
    while line := lines.take():
        try:
            results.append(parse_line(line))
        except ValueError as error:
            raise ReportError(lines.number, f"{error}: {quoted(line)}") from error
    lines.expect(SUMMARY, "-" * len(SUMMARY))
    duration, extra = _summary(lines)
    try:
        report = Report(title, timestamp, destination, head, tuple(results), duration, extra, format=number)
    except ValueError as error:
        raise ReportError(lines.number, str(error)) from error
    lines.compare(lines_of(report))
    return report


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


def _summary(lines: _Lines) -> tuple[float, Pairs]:
    for _ in range(_COUNTS):
        lines.take()
    label, shown = _pair(lines, lines.take())
    try:
        duration = float(shown.removesuffix("s"))
    except ValueError:
        raise ReportError(lines.number, f"expected a {DURATION}, found {label}: {shown!r}") from None
    extra = []
    while lines.left > 1:
        extra.append(_pair(lines, lines.take()))
    if not lines.take().startswith(f"{STATUS}: "):
        raise ReportError(lines.number, f"cut off: the last line is not the {STATUS}")
    return duration, tuple(extra)


def _pair(lines: _Lines, line: str) -> tuple[str, str]:
    label, colon, value = line.partition(": ")
    if not colon:
        raise ReportError(lines.number, f"expected a label and a value, found {quoted(line)}")
    return unescape(label), unescape(value)


# --- all formats ------------------------------------------------------------------------------------------------------

_READERS: Final[Mapping[int, Callable[[_Lines, str], Report]]] = {
    number: partial(_read, number=number) for number in (DOWNLOAD_FORMAT, AUDIT_FORMAT)
}
"""By the number of the format: reads the lines below the title and the number. None of them is ever removed."""
