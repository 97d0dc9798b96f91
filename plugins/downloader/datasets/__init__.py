"""The manifest of data sets: read, merged, written, and the folder it is made from."""

from __future__ import annotations

from .manifest import Dataset, Manifest, ManifestError, planned, read_manifest, select
from .merge import Merged, What, merge
from .paths import MappingError, Places
from .survey import FolderSurvey, survey
from .write import write_manifest

__all__ = [
    "Dataset",
    "FolderSurvey",
    "Manifest",
    "ManifestError",
    "MappingError",
    "Merged",
    "Places",
    "What",
    "merge",
    "planned",
    "read_manifest",
    "select",
    "survey",
    "write_manifest",
]
