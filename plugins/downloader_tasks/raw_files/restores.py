"""A raw file about to be restored: its record, its plan, and the folder that it goes to.

Each task of a run makes it anew from the catalogue, so that no list of files travels between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from downloader.catalogue import Catalogue, RawFile, RecordedFiles, UploadPath, find_raw_file, recorded_files
from downloader.disk import refuse_folded
from downloader.remote_file import Planned

from ..failures import Refusal
from ..settings import Configuration, LocationError
from ..shards import Plan
from ..space import nearest
from ..wording import one_line
from .request import Selection

__all__ = ["Restore", "find_restore"]


@dataclass(frozen=True, slots=True)
class Restore:
    """What is to be brought from where to where."""

    raw_file: RawFile
    upload: UploadPath
    destination: Path
    """The folder ``locations.output/<project_id>``; it may not exist yet."""
    plan: Plan
    """Its files are made when they are asked for, if that can be: see `RecordedFiles`."""

    def made(self) -> Restore:
        """The same with every file made: for who looks at all of them, and more than once."""
        return replace(self, plan=replace(self.plan, files=list(self.plan.files)))


def find_restore(
    catalogue: Catalogue, configuration: Configuration, raw_file_id: str, patterns: Sequence[str]
) -> Restore:
    """Looks the record up and plans.

    Raises:
        CatalogueError: no such record, or one of which nothing can be restored.
        LocationError: `locations.output` is not set.
        DownloadError: nothing can be written there, which is asked only where names differ in nothing but their case.
        Refusal: there are no files, or none that `patterns` choose.
    """
    raw_file = find_raw_file(catalogue, raw_file_id)
    upload = raw_file.upload_path()
    if configuration.locations.output is None:
        raise LocationError(f"locations.output is not set in {configuration.file}: write the path of a folder there")
    destination = configuration.locations.output / raw_file.project_folder()
    chosen = _chosen(raw_file, patterns)
    files: Sequence[Planned] = chosen if chosen.apart else refuse_folded(list(chosen), nearest(destination))
    # The separator stands in neither a bucket's name nor a folder's.
    origin = "\n".join((upload.bucket, upload.prefix, str(destination)))
    return Restore(raw_file, upload, destination, Plan(raw_file_id, origin, files))


def _chosen(raw_file: RawFile, patterns: Sequence[str]) -> RecordedFiles:
    files = recorded_files(raw_file)
    if not files:
        raise Refusal(
            f"raw file {one_line(raw_file.id)} has no files (its file_info is empty); "
            "repair the record in the catalogue, or choose another raw file"
        )
    selection = Selection(patterns)
    selection.refuse_empty(raw_file.id, files.names)
    return files.chosen(lambda name: name in selection)
