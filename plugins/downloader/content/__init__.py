"""What stands in the files: NDJSON, pictures, and who looks."""

from __future__ import annotations

from .check import AnyContent, Content, ContentCheck, Finding, Witness
from .ndjson import NdjsonCheck
from .pictures import PictureCheck

__all__ = ["AnyContent", "Content", "ContentCheck", "Finding", "NdjsonCheck", "PictureCheck", "Witness"]
