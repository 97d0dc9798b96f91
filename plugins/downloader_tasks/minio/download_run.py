"""A run of `minio_downloader`.

`validate` refuses what would fail every file: parameters, configuration, connection, bucket, rights, room on the disk.
What concerns one file is left to the report.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from downloader.content import NdjsonCheck
from downloader.disk import folds_case, refuse_folded
from downloader.errors import DownloadError
from downloader.fhir import ExportLayout, NameLevel, is_export, type_of
from downloader.planning import refuse_conflicts
from downloader.remote_file import Planned, Refused
from downloader.report import Pairs
from downloader.results import FileResult
from downloader.sources.s3.minio import BucketListing, Listed, MinioSource, listed_file
from downloader.transfer import TransferOptions, TransferPolicy

from ..download_run import Show, SingleItemRun, ignore
from ..failures import Refusal
from ..folders import Space, nearest
from ..settings import Configuration, transfer_options
from ..shards import RunTarget, ShardBounds, ShardFiles, bounds_of, fingerprint_of
from ..wording import a_few, counted, one_line, shown_size
from ..xcoms import Shard, ShardResults, Validated, read
from .endpoint import endpoint
from .request import ExportRequest
from .survey import BucketSurvey, digest_of, unpack_levels

if TYPE_CHECKING:
    from downloader.sources.s3 import S3Access
    from downloader.sources.s3.minio import MinioServer

__all__ = ["MinioRun", "Resources"]

_TITLE: Final = "MinIO Download Status Report"
_ALL: Final = ShardBounds(2**62, 2**62)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Resources:
    """How many FHIR resources there are in the files of a shard, by their type."""

    by_type: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MinioRun(SingleItemRun):
    """Downloads the exports of a bucket."""

    request: ExportRequest
    server: MinioServer
    access: S3Access
    options: TransferOptions
    check: NdjsonCheck
    quiet: bool = False
    bounds: ShardBounds = _ALL

    @classmethod
    def of(cls, params: Mapping[str, Any], configuration: Configuration) -> MinioRun:
        """As `DownloadRun`."""
        request = ExportRequest.from_params(params, configuration)
        server, access = endpoint(configuration)
        check = NdjsonCheck()
        policy = TransferPolicy(overwrite=request.overwrite)
        if request.check_ndjson:
            policy = TransferPolicy(overwrite=request.overwrite, content=check)
        how = transfer_options(configuration.transfer, policy)
        return cls(request, server, access, how, check, bounds=bounds_of(configuration))

    def about(self, name: str) -> str:
        """As `DownloadRun`."""
        return f"bucket {name}"

    @property
    def run_target(self) -> RunTarget:
        """As `RunItem`."""
        request = self.request
        head = [("Source", f"{request.bucket}@{self.server.endpoint}")]
        if request.prefix:
            head.append(("Prefix", request.prefix))
        if request.types or request.unheard:
            head.append(("Filter", ", ".join([*sorted(request.types), *request.unheard])))
        if request.organize:
            head.append(("Organized", "by resource type"))
        return RunTarget(request.output, request.location, _TITLE, request.bucket, tuple(head))

    def validated(self) -> Validated:
        """As `DownloadRun`."""
        request = self.request
        log.info("=== MinIO Resource Downloader ===")
        log.info("Source: %s@%s", one_line(request.bucket), self.server.endpoint)
        log.info("Destination: %s", request.output)
        survey, to_come = BucketSurvey(request, self.bounds), 0
        fresh = request.overwrite or not request.output.is_dir()
        for listed in self.listing().objects(request.prefix):
            if survey.add(listed) and (fresh or not self._is_there(listed)):
                to_come += listed.size
        _warn_of_filter(request, survey)
        if not survey.files:
            raise Refusal(_nothing_to_download(request, survey))
        Space().room(to_come, request.output)
        log.info("Found %s to download (%s)...", counted(survey.files), shown_size(survey.bytes))
        folds = survey.folds_matter and folds_case(nearest(request.output))
        return Validated(survey.shards(folds_case=folds))

    def listing(self) -> BucketListing:
        """The bucket's. Raises Misconfigured."""
        return BucketListing(self.server, self.request.bucket, self.options.retry)

    def listed(self, shard: Shard, show: Show = ignore) -> ShardFiles:
        """As `RunItem`."""
        request = self.request
        objects = self.listing().objects(request.prefix, shard.after, shard.upto)
        exports = [each for each in objects if is_export(each.key) and request.wants(type_of(each.key))]
        if fingerprint_of(request.bucket, map(digest_of, exports)) == shard.fingerprint:
            levels = unpack_levels(shard.levels, len(exports))
        else:
            log.warning(
                "The bucket has changed since the run began: %s here now, %s then", counted(len(exports)), shard.files
            )
            levels = self._levels_now(exports)
        files = [self._file(item, level) for item, level in zip(exports, levels, strict=True)]
        planned = refuse_folded(refuse_conflicts(files), nearest(request.output))
        return ShardFiles(
            self.run_target,
            planned,
            connect=lambda: MinioSource(request.bucket, self.access),
            added=self._resources,
        )

    def summary(self, results: Sequence[FileResult], handed: Sequence[ShardResults]) -> Pairs:
        """As `RunItem`: where the files are, and the resources by type."""
        lines = []
        if self.request.check_ndjson:
            counts: Counter[str] = Counter()
            for each in handed:
                counts.update((read(Resources, each.added) or Resources()).by_type)
            lines = [("Resources", f"{counts.total():,}")]
            lines += [(f"Resources of type {kind}", f"{count:,}") for kind, count in sorted(counts.items())]
        return (*lines, ("Location", str(self.request.output)))

    def _resources(self, results: Sequence[FileResult]) -> Resources | None:
        """Those in the files that are complete."""
        if not self.request.check_ndjson:
            return None
        return Resources(dict(self.check.counts(result.name for result in results if result.ok)))

    def _is_there(self, listed: Listed) -> bool:
        """Whether a file of that size has one of the names that the object may get."""
        for path in ExportLayout(self.request.organize).paths(listed.key):
            with suppress(OSError):
                if os.lstat(self.request.output / path).st_size == listed.size:
                    return True
        return False

    def _levels_now(self, exports: Sequence[Listed]) -> list[NameLevel]:
        """The levels of these objects, from a look at all that is in the bucket now."""
        survey = BucketSurvey(self.request, _ALL)
        keys = [item.key for item in self.listing().objects(self.request.prefix) if survey.add(item)]
        folds = survey.folds_matter and folds_case(nearest(self.request.output))
        levels = dict(zip(keys, survey.levels(folds_case=folds), strict=True))
        return [NameLevel(levels.get(item.key, NameLevel.HASH)) for item in exports]

    def _file(self, listed: Listed, level: NameLevel) -> Planned:
        try:
            return listed_file(listed, ExportLayout(self.request.organize).path(listed.key, level))
        except DownloadError as error:
            return Refused(listed.key, error)


def _warn_of_filter(request: ExportRequest, survey: BucketSurvey) -> None:
    missing = [*request.unheard, *sorted(kind for kind in request.types if kind not in survey.present)]
    if missing:
        log.warning(
            "The filter names %s, of which there is nothing in %s; there are %s",
            a_few(missing),
            one_line(request.bucket),
            _kinds(survey),
        )


def _kinds(survey: BucketSurvey) -> str:
    """``Observation (12), Patient (1)``; ``no exports at all``."""
    return ", ".join(f"{kind} ({count:,})" for kind, count in sorted(survey.present.items())) or "no exports at all"


def _nothing_to_download(request: ExportRequest, survey: BucketSurvey) -> str:
    where = f"bucket {one_line(request.bucket)}" + (f" below {one_line(request.prefix)}" if request.prefix else "")
    if survey.present:
        return f"the filter leaves nothing of what is in {where}; there are {_kinds(survey)}"
    return f"there is no .ndjson file in {where}; check the bucket and the prefix"
