"""The three tasks of `s3_downloader`."""

from __future__ import annotations

from .download import download
from .reporting import report
from .validate import validate

__all__ = ["download", "report", "validate"]
