"""What earlier runs did, read from their reports: there is no other record of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from downloader.errors import DownloadError
from downloader.report import Report, ReportError, read, reports_in
from downloader.sources.slooh import Select

from ..wording import one_line

__all__ = ["LIST", "REPORT_ID", "known"]

REPORT_ID: Final = "slooh"
LIST: Final = "Slooh's list"
"""The name in a report for pictures that are not known, because the list could not be read."""

log = logging.getLogger(__name__)


def known(select: Select, folder: Path) -> Mapping[str, datetime]:
    """`Wish.known` for a run with its reports in `folder`. Raises DownloadError where that cannot be listed."""
    if select is Select.NEW:
        # What was downloaded, and when at the latest. The last report on a name counts.
        last: dict[str, datetime | None] = {}
        for report in _reports(folder):
            for result in report.results:
                last.setdefault(result.name, report.timestamp if result.ok else None)
        return {name: when for name, when in last.items() if when is not None}
    if select is Select.FAILED:
        # The failures of the latest report. One of a run that could not read the list says nothing about pictures.
        for report in _reports(folder):
            names = {result.name for result in report.results if not result.ok}
            if names != {LIST}:
                return dict.fromkeys(names, report.timestamp)
    return {}


def _reports(folder: Path) -> Iterator[Report]:
    """All that can be read, the newest first."""
    for path in reports_in(folder, REPORT_ID):
        try:
            yield read(path)
        except (ReportError, DownloadError) as error:
            log.warning("The report %s cannot be read and is ignored: %s", path.name, one_line(str(error)))
