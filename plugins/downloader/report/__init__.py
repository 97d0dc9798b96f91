"""The report: the receipt of a run, written once and read back without loss.

    store               reports as files: written atomically, found newest first
    ├── parser          a text as a report again, or a `ReportError` that names the line
    │   └── layout      a report as a text
    │       ├── file_line       one file's result as a line, and back
    │       └── status_report   what a report is, and what its summary counts
    └── naming          what the files are called

How text is made safe is in `escaping`, how amounts are shown in `quantities`.
"""

from __future__ import annotations

from .escaping import escape, visible
from .layout import lines_of, render
from .parser import ReportError, parse
from .quantities import shown_size
from .status_report import Pairs, Report, Status, Summary
from .store import read, reports_in, write

__all__ = [
    "Pairs",
    "Report",
    "ReportError",
    "Status",
    "Summary",
    "escape",
    "lines_of",
    "parse",
    "read",
    "render",
    "reports_in",
    "shown_size",
    "visible",
    "write",
]
