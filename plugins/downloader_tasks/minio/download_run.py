"""A run of `minio_downloader`.

`validate` refuses what would fail every file: parameters, configuration, connection, bucket, rights, room on the disk.
What concerns one file is left to the report.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from downloader.content import NdjsonCheck
from downloader.disk import folds_case, refuse_folded
from downloader.errors import DownloadError, cut
from downloader.fhir import UNKNOWN, ExportLayout, NameLevel
from downloader.planning import refuse_conflicts
from downloader.remote_file import Planned, Refused, RemoteFile
from downloader.report import Pairs
from downloader.results import FileResult
from downloader.source import probe
from downloader.sources.s3.minio import BucketListing, Listed, MinioSource, listed_file
from downloader.transfer import TransferOptions, TransferPolicy

from ..download_run import Show, SingleItemRun, ignore
from ..failures import Refusal
from ..folders import Space, nearest
from ..settings import Configuration, transfer_options
from ..shards import PlanChanged, RunTarget, ShardBounds, ShardFiles, bounds_of, fingerprint_of
from ..wording import a_few, counted, one_line, shown_size
from ..xcoms import Shard, ShardResults, Validated, read
from .endpoint import endpoint
from .export_types import ExportTypes
from .request import ExportRequest
from .survey import BucketSurvey, digest_of, shown_counts, unpack_levels

if TYPE_CHECKING:
    from downloader.sources.s3 import S3Access
    from downloader.sources.s3.minio import MinioServer

__all__ = ["MinioRun", "Resources"]

_TITLE: Final = "MinIO Download Status Report"
_AUDIT_TITLE: Final = "MinIO Audit Status Report"
_ALL: Final = ShardBounds(2**62, 2**62)
_MOST_SHOWN: Final = 200
"""Characters of a key in a message."""

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
        if request.is_filtered:
            head.append(("Filter", ", ".join([*sorted(request.types), *request.unheard])))
        if request.organize:
            head.append(("Organized", "by resource type"))
        title = _AUDIT_TITLE if request.audit else _TITLE
        return RunTarget(request.output, request.location, title, request.bucket, tuple(head), request.audit)

    def validated(self) -> Validated:
        """As `DownloadRun`."""
        request = self.request
        log.info("=== MinIO Resource Downloader ===")
        log.info("Source: %s@%s", one_line(request.bucket), self.server.endpoint)
        log.info("Destination: %s", request.output)
        survey, to_come = BucketSurvey(request, self.bounds), 0
        first: Listed | None = None
        fresh = request.overwrite or not request.output.is_dir()
        for listed, kind in self._typed(self.listing().objects(request.prefix)):
            if survey.add(listed, kind) and not request.audit and (fresh or not self._is_there(listed, kind)):
                to_come += listed.size
                first = first or listed
        _log_what_is_left_out(request, survey)
        if not survey.files:
            raise Refusal(self._nothing_to_download(survey))
        if first is not None:
            self._probe(first)
        if not request.audit:
            Space().room(to_come, request.output)
        purpose = "audit" if request.audit else "download"
        log.info("Found %s to %s (%s)...", counted(survey.files), purpose, shown_size(survey.bytes))
        return Validated(survey.shards(folds_case=self._folds(survey)))

    def listing(self) -> BucketListing:
        """The bucket's. Raises Misconfigured."""
        return BucketListing(self.server, self.request.bucket, self.options.retry)

    def listed(self, shard: Shard, show: Show = ignore) -> ShardFiles:
        """As `RunItem`. Raises PlanChanged where nothing is left of it."""
        request = self.request
        objects = self.listing().objects(request.prefix, shard.after, shard.upto)
        exports = [(each, kind) for each, kind in self._typed(objects) if kind and request.wants(kind)]
        if fingerprint_of(request.bucket, (digest_of(each) for each, _ in exports)) == shard.fingerprint:
            levels = unpack_levels(shard.levels, len(exports))
        elif not exports:
            gone = counted(shard.files)
            raise PlanChanged(
                f"nothing is left in bucket {one_line(request.bucket)} of the {gone} that validate listed"
            )
        else:
            log.warning(
                "The bucket has changed since validate listed it: %s in this shard now, %s then",
                counted(len(exports)),
                shard.files,
            )
            levels = self._levels_now([each.key for each, _ in exports])
        files = [self._file(*export, level) for export, level in zip(exports, levels, strict=True)]
        planned = refuse_folded(refuse_conflicts(files), nearest(request.output), touch=not request.audit)
        return ShardFiles(
            self.run_target,
            planned,
            connect=lambda: MinioSource(request.bucket, self.access),
            added=self._resources,
        )

    def plan_summary(self, first: Shard) -> Pairs:
        """As `RunItem`: what the filter left out."""
        return (("Left out by the filter", first.left_out),) if first.left_out else ()

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

    def _typed(self, objects: Iterable[Listed]) -> Iterator[tuple[Listed, str]]:
        """The exports with their types, other objects with ``""``.

        Contents are looked at where the run checks them all the same, and types matter.
        """
        request = self.request
        looks = request.check_ndjson and (request.organize or request.is_filtered)
        source = MinioSource(request.bucket, self.access) if looks else None
        return ExportTypes(source, self.options.retry).of_all(objects)

    def _nothing_to_download(self, survey: BucketSurvey) -> str:
        """Why there is nothing to download: what there is instead, and what is the matter with the prefix."""
        request = self.request
        bucket, prefix = one_line(request.bucket), one_line(cut(request.prefix, _MOST_SHOWN))
        where = f"bucket {bucket}" + (f" below {prefix}" if prefix else "")
        if survey.present:
            return f"the filter matches no file in {where}; it has {shown_counts(survey.present)}"
        if survey.others:
            return (
                f"there is no .ndjson file in {where}, but {counted(survey.others.total())} of other kinds: "
                f"{shown_counts(survey.others)}; only *.ndjson and *.ndjson.gz are downloaded"
            )
        first = next(self.listing().objects(), None)
        if first is None:
            return f"bucket {bucket} is empty"
        shorter = request.prefix.lstrip("/")
        if shorter != request.prefix and next(self.listing().objects(shorter), None):
            return f"no key in bucket {bucket} begins with {prefix}; leave out the slash: {prefix.lstrip('/')}"
        wildcard = "; * and ? are no wildcards in a prefix" if {"*", "?"} & set(prefix) else ""
        return (
            f"no key in bucket {bucket} begins with {prefix}{wildcard}; correct the prefix: the first key there is "
            f"{one_line(cut(first.key, _MOST_SHOWN))}"
        )

    def _probe(self, listed: Listed) -> None:
        """Reads a byte by the client that will download, which is not the one that lists."""
        file = self._file(listed, UNKNOWN, NameLevel.HASH)
        if isinstance(file, RemoteFile):
            probe(MinioSource(self.request.bucket, self.access), file)

    def _is_there(self, listed: Listed, kind: str) -> bool:
        """Whether a file of that size has one of the names that the object may get."""
        for path in ExportLayout(self.request.organize).paths(listed.key, kind):
            with suppress(OSError):
                if os.lstat(self.request.output / path).st_size == listed.size:
                    return True
        return False

    def _levels_now(self, exports: Sequence[str]) -> list[NameLevel]:
        """The levels of the objects of these keys, from a look at all that is in the bucket now."""
        survey = BucketSurvey(self.request, _ALL)
        objects = self._typed(self.listing().objects(self.request.prefix))
        keys = [item.key for item, kind in objects if survey.add(item, kind)]
        levels = dict(zip(keys, survey.levels(folds_case=self._folds(survey)), strict=True))
        return [NameLevel(levels.get(key, NameLevel.HASH)) for key in exports]

    def _folds(self, survey: BucketSurvey) -> bool:
        """Whether some paths would be one on the disk. Raises DownloadError."""
        return survey.folds_matter and folds_case(nearest(self.request.output), touch=not self.request.audit)

    def _file(self, listed: Listed, kind: str, level: NameLevel) -> Planned:
        try:
            return listed_file(listed, ExportLayout(self.request.organize).path(listed.key, level, kind))
        except DownloadError as error:
            return Refused(listed.key, error)


def _log_what_is_left_out(request: ExportRequest, survey: BucketSurvey) -> None:
    missing = [*request.unheard, *sorted(kind for kind in request.types if kind not in survey.present)]
    if missing:
        log.warning(
            "The filter names %s, but %s has no such exports; it has %s",
            a_few(missing),
            one_line(request.bucket),
            shown_counts(survey.present) or "none at all",
        )
    left_out = survey.left_out
    if left_out:
        log.info("The filter leaves out %s: %s", counted(left_out.total()), shown_counts(left_out))
    if left_out[UNKNOWN]:
        log.warning(
            "The filter leaves out %s of type Unknown: %s",
            counted(left_out[UNKNOWN]),
            "neither the key nor the first resource tells one type"
            if request.check_ndjson
            else "the key tells no type, or several; with check_ndjson the first resource is looked at",
        )
    if survey.others:
        log.info("Only *.ndjson and *.ndjson.gz are downloaded, and not: %s", shown_counts(survey.others))
