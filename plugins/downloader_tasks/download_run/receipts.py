"""Publishing reports: printed, written, and summed up in the sentence that the run fails with."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from downloader.errors import DownloadError, from_os_error
from downloader.report import Report, lines_of, write

from ..execution import FEW
from ..folders import make_below
from ..wording import counted

__all__ = ["MOST_NAMES", "Receipt", "named", "one_sentence", "publish"]

_OK: Final = ": OK - "
_FAILURE: Final = ": FAILURE - "
_MOST_PROBLEMS: Final = 20
MOST_NAMES: Final = 200
"""Names of a kind that a summary writes out."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A report, and where it is written: a folder, and the location above it. `about`: what it is on, for the log."""

    report: Report
    folder: Path
    location: Path
    report_id: str
    about: str


def publish(receipt: Receipt) -> str:
    """Prints the report and writes it. Answers what failed, ``""`` for nothing.

    A report that cannot be written is printed whole, however long it is.
    """
    few = len(receipt.report.results) <= FEW
    _print(receipt.report, whole=few)
    summary = receipt.report.summary
    counts = f"{summary.failed:,} of {counted(summary.total)} of {receipt.about} failed"
    try:
        make_below(receipt.location, receipt.folder)
        path = write(receipt.report, receipt.folder, receipt.report_id)
    except (DownloadError, OSError) as error:
        if not few:
            _print(receipt.report, whole=True)
        problem = from_os_error(error, str(receipt.folder)) if isinstance(error, OSError) else error
        return f"{counts}, and the report could not be written (it stands in the log): {problem}"
    log.info("Report: %s", path)
    return f"{counts}, see {path}" if summary.failed else ""


def named(label: str, names: Sequence[str], count: int | None = None) -> Iterator[tuple[str, str]]:
    """Lines of a summary: how many there are, and the first of them. `count`: where `names` are not all."""
    count = len(names) if count is None else count
    yield label, f"{count:,}"
    for name in names[:MOST_NAMES]:
        yield f"- {label}", name
    if count > min(len(names), MOST_NAMES):
        yield f"- {label}", f"and {count - min(len(names), MOST_NAMES):,} more"


def one_sentence(problems: Sequence[str]) -> str:
    """The first of `problems`, and how many more there are."""
    more = len(problems) - _MOST_PROBLEMS
    return "; ".join(problems[:_MOST_PROBLEMS]) + (f"; and {more:,} more, see the logs" if more > 0 else "")


def _print(text: Report, *, whole: bool) -> None:
    """The whole report, or the head, the first failures, and the summary."""
    failures = 0
    for line in lines_of(text):
        failures += _FAILURE in line
        if whole or not (_OK in line or (_FAILURE in line and failures > FEW)):
            log.info("%s", line)
