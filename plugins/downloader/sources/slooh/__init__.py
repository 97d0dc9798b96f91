"""Slooh: an astronomer's pictures and FITS frames."""

from __future__ import annotations

from .client import Account, SloohClient
from .hosts import ImageHosts
from .picture_names import Duplicates, PictureNames, TemplateError, object_of
from .rate_limit import RequestLimit
from .rows import MemberStatus
from .selection import FILE_TYPES, Filters, Select
from .source import SloohSource, image_client
from .survey import PictureLayout, PicturePlan, Scan, Wish, plan, survey_pictures

__all__ = [
    "FILE_TYPES",
    "Account",
    "Duplicates",
    "Filters",
    "ImageHosts",
    "MemberStatus",
    "PictureLayout",
    "PictureNames",
    "PicturePlan",
    "RequestLimit",
    "Scan",
    "Select",
    "SloohClient",
    "SloohSource",
    "TemplateError",
    "Wish",
    "image_client",
    "object_of",
    "plan",
    "survey_pictures",
]
