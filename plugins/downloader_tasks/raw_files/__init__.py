"""`s3_downloader`: raw files of a catalogue, from S3."""

from __future__ import annotations

from .checks import Checks
from .download_run import RawFilesRun
from .restores import Restore, find_restore

__all__ = ["Checks", "RawFilesRun", "Restore", "find_restore"]
