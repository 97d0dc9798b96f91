"""The run that all DAGs share."""

from __future__ import annotations

from .receipts import MOST_NAMES, named
from .run import DownloadRun, RunItem, Show, SingleItemRun, ignore
from .tasks import download, report, thaw, validate

__all__ = [
    "MOST_NAMES",
    "DownloadRun",
    "RunItem",
    "Show",
    "SingleItemRun",
    "download",
    "ignore",
    "named",
    "report",
    "thaw",
    "validate",
]
