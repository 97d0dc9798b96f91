"""The manifest of data sets: read, merged, written, and the folder it is made from."""

from __future__ import annotations

from .manifest import Dataset, Manifest, ManifestError, planned, read_manifest, select
from .merge import Merged, What, merge_datasets
from .paths import MappingError, Places
from .survey import FolderSurvey, survey_folder
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
    "merge_datasets",
    "planned",
    "read_manifest",
    "select",
    "survey_folder",
    "write_manifest",
]
