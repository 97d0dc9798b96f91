"""A raw file to restore: its record, its plan, and the folder that it goes to.

Each task of a run makes it again from the catalogue, so that no list of files travels between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from downloader.catalogue import Catalogue, RawFile, UploadPath, find_raw_file, recorded_files
from downloader.disk import refuse_folded
from downloader.remote_file import Planned
from downloader.results import FileResult

from ..download_run import RunItem, Show, ignore
from ..execution import ThawLook, ThawTerms
from ..failures import Refusal
from ..folders import nearest
from ..settings import Configuration, LocationError, s3_access
from ..shards import Plan, RunTarget, ShardFiles
from ..wording import one_line
from ..xcoms import Shard, ShardThaw
from .request import Selection

if TYPE_CHECKING:
    from downloader.sources.s3 import S3Source

__all__ = ["Restore", "find_restore"]

_TITLE: Final = "S3 Download Status Report"
_AUDIT_TITLE: Final = "S3 Audit Status Report"


@dataclass(frozen=True, slots=True)
class Restore(RunItem):
    """What is restored from where to where, or in an audit: compared with what."""

    configuration: Configuration
    raw_file: RawFile
    upload: UploadPath
    destination: Path
    """The folder ``locations.output/<project_id>``; it may not exist yet."""
    plan: Plan
    """Its files are made each time they are asked for, if possible: see `RecordedFiles`."""
    audit: bool = False

    @property
    def run_target(self) -> RunTarget:
        """As `RunItem`."""
        raw_file, folder = self.raw_file, self.destination
        head = (
            ("Raw File ID", raw_file.id),
            ("Project ID", raw_file.project_id),
            ("S3 Bucket", raw_file.s3_upload_path or ""),
        )
        title = _AUDIT_TITLE if self.audit else _TITLE
        return RunTarget(folder, folder.parent, title, raw_file.id, head, self.audit)

    def listed(self, shard: Shard, show: Show = ignore) -> ShardFiles:
        """As `RunItem`. Raises PlanChanged."""
        # What is answered must not hold the record, which may be large: a download may take hours.
        bucket, configuration, planned = self.upload.bucket, self.configuration, self.plan.cut(shard)

        def connect() -> S3Source:
            from downloader.sources.s3 import S3Source

            return S3Source(bucket, s3_access(configuration))

        return ShardFiles(self.run_target, planned, connect, repeatable=True)

    def archived(self, files: ShardFiles) -> Mapping[str, bool]:
        """As `RunItem`."""
        from .thawing import Thawing

        return Thawing(self.upload.bucket, self.configuration, files).archived()

    def thaw(self, files: ShardFiles, terms: ThawTerms) -> ThawLook:
        """As `RunItem`."""
        from .thawing import Thawing

        return Thawing(self.upload.bucket, self.configuration, files).look(terms)

    def explained(self, files: ShardFiles, thaw: ShardThaw) -> ShardFiles:
        """As `RunItem`."""
        from .thawing import explained

        return explained(files, self.upload.bucket, thaw)

    def unplanned(self, last: Shard) -> Sequence[FileResult]:
        """As `RunItem`."""
        return self.plan.unplanned(last)


def find_restore(
    catalogue: Catalogue,
    configuration: Configuration,
    raw_file_id: str,
    patterns: Sequence[str],
    *,
    audit: bool = False,
) -> Restore:
    """The restore of a raw file, from its record.

    Raises:
        CatalogueError: no such record, or one of which nothing can be restored.
        LocationError: `locations.output` is not set.
        DownloadError: the disk cannot be asked whether it folds case. It is asked only where that matters.
        Refusal: there are no files, or none that `patterns` choose.
    """
    raw_file = find_raw_file(catalogue, raw_file_id)
    upload = raw_file.upload_path()
    if configuration.locations.output is None:
        raise LocationError(f"locations.output is not set in {configuration.file}: write the path of a folder there")
    destination = configuration.locations.output / raw_file.project_folder()
    recorded = recorded_files(raw_file)
    if not recorded:
        raise Refusal(
            f"raw file {one_line(raw_file.id)} has no files (its file_info is empty); "
            "repair the record in the catalogue, or choose another raw file"
        )
    selection = Selection(patterns)
    selection.refuse_empty(raw_file.id, recorded.names)
    chosen = recorded.chosen(lambda name: name in selection)
    files: Sequence[Planned] = chosen
    if not chosen.apart:
        files = refuse_folded(list(chosen), nearest(destination), touch=not audit)
    # Neither the name of a bucket nor that of a folder holds the separator.
    origin = "\n".join((upload.bucket, upload.prefix, str(destination)))
    plan = Plan(raw_file_id, origin, files, f"the record of raw file {raw_file_id}")
    return Restore(configuration, raw_file, upload, destination, plan, audit)
