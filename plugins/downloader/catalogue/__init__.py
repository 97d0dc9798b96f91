"""The catalogue of raw files: read-only, behind one small interface. Drivers are imported on demand."""

from __future__ import annotations

from .errors import CatalogueError, CatalogueRefused, CatalogueUnreachable, NoSuchRawFile, RecordUnusable
from .file_info import parse_file_info, read_entry
from .interface import Catalogue, CatalogueAddress, DocumentNames, each_id, find_raw_file
from .opening import open_catalogue
from .raw_file import BACKED_UP, RawFile, UploadPath, parse_upload_path, plan, recorded_files
from .recorded import RecordedFiles

__all__ = [
    "BACKED_UP",
    "Catalogue",
    "CatalogueAddress",
    "CatalogueError",
    "CatalogueRefused",
    "CatalogueUnreachable",
    "DocumentNames",
    "NoSuchRawFile",
    "RawFile",
    "RecordUnusable",
    "RecordedFiles",
    "UploadPath",
    "each_id",
    "find_raw_file",
    "open_catalogue",
    "parse_file_info",
    "parse_upload_path",
    "plan",
    "read_entry",
    "recorded_files",
]
