"""What stands in the files: NDJSON, pictures, and who looks."""

from __future__ import annotations

from .check import AnyContent, Content, ContentCheck, ContentInfo, Tee, at_source
from .ndjson import NdjsonCheck, first_type
from .pictures import PictureCheck

__all__ = [
    "AnyContent",
    "Content",
    "ContentCheck",
    "ContentInfo",
    "NdjsonCheck",
    "PictureCheck",
    "Tee",
    "at_source",
    "first_type",
]
