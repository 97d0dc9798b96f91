"""The report: the receipt of a run, written once and read back without loss.

    store               reports as files: written atomically, listed newest first
    ├── parser          text to report, or a `ReportError` that names the line
    │   └── layout      report to text
    │       ├── file_line       the result of one file to a line, and back
    │       └── status_report   the report itself, its summary, and the numbers of its formats
    └── naming          the names of the files

`extract` is the text of a report within a limit, `escaping` makes text safe, `quantities` formats sizes and seconds.

`slooh_images` knows what it has downloaded from these reports alone, and reports stay on users' disks. So a report that
any version of this project wrote must be readable for ever: see `FORMAT` before you change a word of one.
"""

from __future__ import annotations

from .escaping import escape, visible
from .extract import excerpt
from .file_line import IS_FAILURE, IS_OK
from .layout import lines_of, render
from .parser import ReportError, parse
from .quantities import shown_size
from .status_report import AUDIT_FORMAT, DOWNLOAD_FORMAT, FORMAT, Pairs, Report, Status, Summary
from .store import read, reports_in, write

__all__ = [
    "AUDIT_FORMAT",
    "DOWNLOAD_FORMAT",
    "FORMAT",
    "IS_FAILURE",
    "IS_OK",
    "Pairs",
    "Report",
    "ReportError",
    "Status",
    "Summary",
    "escape",
    "excerpt",
    "lines_of",
    "parse",
    "read",
    "render",
    "reports_in",
    "shown_size",
    "visible",
    "write",
]
