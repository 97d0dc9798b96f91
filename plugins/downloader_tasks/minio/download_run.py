"""A run of `minio_downloader`, as each of its tasks sees it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from downloader.content import NdjsonCheck
from downloader.disk import folds_case, refuse_folded
from downloader.errors import DownloadError
from downloader.fhir import ExportLayout, NameLevel, is_export, type_of
from downloader.planning import refuse_conflicts
from downloader.remote_file import Planned, Refused
from downloader.report import Pairs
from downloader.results import FileResult
from downloader.sources.s3 import BucketListing, Listed, MinioSource, listed_file
from downloader.transfer import TransferOptions, TransferPolicy

from ..download_run import Handed, RunTarget
from ..settings import Configuration, load, options
from ..shards import ShardBounds, fingerprint_of
from ..space import nearest
from ..wording import counted
from .endpoint import endpoint
from .request import ExportRequest
from .survey import BucketSurvey, KeyRange, digest_of, unpack_levels

if TYPE_CHECKING:
    from downloader.sources.s3 import MinioServer, S3Access

__all__ = ["MinioRun"]

_TITLE: Final = "MinIO Download Status Report"
_ALL: Final = ShardBounds(2**62, 2**62)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MinioRun:
    """Brings the exports of a bucket home (`DownloadRun`)."""

    request: ExportRequest
    server: MinioServer
    access: S3Access
    options: TransferOptions
    check: NdjsonCheck
    quiet: bool = False

    @classmethod
    def of(cls, params: Mapping[str, Any], configuration: Configuration | None = None) -> MinioRun:
        """What the parameters and the configuration say. Raises Refusal, LocationError, ConfigurationError."""
        configuration = configuration or load()
        request = ExportRequest.from_params(params, configuration)
        server, access = endpoint(configuration)
        check = NdjsonCheck()
        policy = TransferPolicy(overwrite=request.overwrite)
        if request.check_ndjson:
            policy = TransferPolicy(overwrite=request.overwrite, content=check)
        return cls(request, server, access, options(configuration.transfer, policy), check)

    @property
    def target(self) -> RunTarget:
        """As `DownloadRun`."""
        request = self.request
        head = [("Source", f"{request.bucket}@{self.server.endpoint}")]
        if request.prefix:
            head.append(("Prefix", request.prefix))
        if request.types or request.unheard:
            head.append(("Filter", ", ".join([*sorted(request.types), *request.unheard])))
        if request.organize:
            head.append(("Organized", "by resource type"))
        return RunTarget(
            request.output, request.location, _TITLE, request.bucket, f"bucket {request.bucket}", tuple(head)
        )

    def listing(self) -> BucketListing:
        """The bucket's. Raises Misconfigured."""
        return BucketListing(self.server, self.request.bucket, self.options.retry)

    def planned(self, shard: Mapping[str, Any]) -> list[Planned]:
        """As `DownloadRun`."""
        keys = KeyRange.from_xcom(dict(shard))
        listed = list(self._exports(keys.after, keys.upto))
        if fingerprint_of(self.request.bucket, map(digest_of, listed)) == keys.fingerprint:
            levels = unpack_levels(keys.levels, len(listed))
        else:
            log.warning(
                "The bucket has changed since the run began: %s here now, %s then", counted(len(listed)), keys.files
            )
            levels = self._levels_now(listed)
        files = [self._file(item, level) for item, level in zip(listed, levels, strict=True)]
        return refuse_folded(refuse_conflicts(files), nearest(self.request.output))

    def source(self, planned: Sequence[Planned]) -> MinioSource:
        """As `DownloadRun`."""
        return MinioSource(self.request.bucket, planned, self.access)

    def found(self, results: Sequence[FileResult]) -> Mapping[str, Any]:
        """As `DownloadRun`: the resources by type, in the files that stand under their final names."""
        if not self.request.check_ndjson:
            return {}
        return {"resources": self.check.counts(result.name for result in results if result.ok)}

    def summary(self, results: Sequence[FileResult], handed: Handed) -> Pairs:
        """As `DownloadRun`: where the files are, and the resources by type."""
        lines = []
        if self.request.check_ndjson:
            counts: Counter[str] = Counter()
            for value in handed:
                counts.update(value.get("resources", {}))
            lines = [("Resources", f"{counts.total():,}")]
            lines += [(f"Resources of type {kind}", f"{count:,}") for kind, count in sorted(counts.items())]
        return (*lines, ("Location", str(self.request.output)))

    def _exports(self, after: str, upto: str | None) -> Iterator[Listed]:
        for listed in self.listing().objects(self.request.prefix, after, upto):
            if is_export(listed.key) and self.request.wants(type_of(listed.key)):
                yield listed

    def _levels_now(self, listed: Sequence[Listed]) -> list[NameLevel]:
        """The levels of these objects, from a look at all that is in the bucket now."""
        survey = BucketSurvey(self.request, _ALL)
        keys = [item.key for item in self.listing().objects(self.request.prefix) if survey.add(item)]
        folds = survey.folds_matter and folds_case(nearest(self.request.output))
        levels = dict(zip(keys, survey.levels(folds_case=folds), strict=True))
        return [NameLevel(levels.get(item.key, NameLevel.HASH)) for item in listed]

    def _file(self, listed: Listed, level: NameLevel) -> Planned:
        try:
            return listed_file(listed, ExportLayout(self.request.organize).path(listed.key, level))
        except DownloadError as error:
            return Refused(listed.key, error)
