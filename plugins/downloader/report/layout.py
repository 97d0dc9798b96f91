"""A report as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..errors import AUDIT_ERRORS
from .escaping import escape, escape_label
from .file_line import render_line
from .quantities import shown_seconds, shown_size
from .status_report import Report

__all__ = [
    "DESTINATION",
    "DURATION",
    "FILES",
    "FORMAT_LABEL",
    "STATUS",
    "SUMMARY",
    "TIMESTAMP",
    "head_of",
    "lines_of",
    "render",
    "summary_of",
]

FORMAT_LABEL: Final = "Report Format"
TIMESTAMP: Final = "Timestamp"
DESTINATION: Final = "Destination"
FILES: Final = "Files:"
SUMMARY: Final = "Summary:"
DURATION: Final = "Duration"
STATUS: Final = "Status"


def render(report: Report) -> str:
    """The whole text of `report`, each line ended by a line feed. `parse` turns it back into an equal report."""
    return "".join(f"{line}\n" for line in lines_of(report))


def lines_of(report: Report) -> Iterator[str]:
    """The lines of `report`, without their line breaks."""
    yield from head_of(report)
    yield from map(render_line, report.results)
    yield from summary_of(report)


def head_of(report: Report) -> Iterator[str]:
    """The lines above those of the files."""
    yield from _underlined(escape(report.title), "=")
    if report.format > 1:
        yield f"{FORMAT_LABEL}: {report.format}"
    for label, value in report.head:
        yield _pair(label, value, FORMAT_LABEL)
    yield f"{TIMESTAMP}: {report.timestamp.replace(tzinfo=None).isoformat(sep=' ')} UTC"
    yield f"{DESTINATION}: {escape(report.destination)}"
    yield ""
    yield from _underlined(FILES, "-")


def summary_of(report: Report) -> Iterator[str]:
    """The lines below those of the files. The last one is the status."""
    yield ""
    yield from _underlined(SUMMARY, "-")
    summary = report.summary
    yield f"Total files: {summary.total}"
    yield f"Successful: {summary.successful}"
    yield f"Failed: {summary.failed}"
    if report.audit:
        yield f"Intact: {summary.intact}"
        yield from (f"{error.kind}: {summary.failures.get(error.kind, 0)}" for error in AUDIT_ERRORS)
    else:
        yield f"Downloaded: {summary.downloaded}"
        yield f"Resumed: {summary.resumed}"
        yield f"Self-healed: {summary.self_healed}"
        yield f"Skipped (already exist): {summary.skipped}"
    yield f"Total size: {shown_size(summary.size)}"
    yield f"{DURATION}: {shown_seconds(report.duration)}"
    for label, value in report.extra:
        # With a second status line, a report that was cut off after it would look complete.
        yield _pair(label, value, STATUS)
    yield f"{STATUS}: {summary.status}"


def _underlined(text: str, line: str) -> tuple[str, str]:
    return text, line * len(text)


def _pair(label: str, value: str, reserved: str) -> str:
    return f"{escape_label(label, reserved)}: {escape(value)}"
