"""Google Drive: public files and folders, by the web or by an API key."""

from __future__ import annotations

from .access import DriveAccess
from .errors import KeyRefused
from .folder import FolderEntry, FolderListing, FolderReader, list_folder
from .folder_api import FolderByKey
from .folder_link import parse_folder
from .folder_view import FolderView
from .key import DriveKey
from .source import DriveSource

__all__ = [
    "DriveAccess",
    "DriveKey",
    "DriveSource",
    "FolderByKey",
    "FolderEntry",
    "FolderListing",
    "FolderReader",
    "FolderView",
    "KeyRefused",
    "list_folder",
    "parse_folder",
]
