"""`drive_datasets`: public data sets of a manifest, from Google Drive."""

from __future__ import annotations

from .download_run import DriveRun

__all__ = ["DriveRun"]
