"""`s3_downloader`: raw files of a catalogue, from S3."""

from __future__ import annotations

from .download_run import RawFilesRun

__all__ = ["RawFilesRun"]
