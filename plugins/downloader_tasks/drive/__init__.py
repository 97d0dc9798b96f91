"""`drive_datasets`: public data sets of a manifest, from Google Drive."""

from __future__ import annotations

from .download_run import DriveRun, api_key
from .request import empty_manifest, manifest_file

__all__ = ["DriveRun", "api_key", "empty_manifest", "manifest_file"]
