"""A run of `drive_datasets`.

`validate` refuses what would fail every file: parameters, configuration, the manifest as a whole, room on the disk.
What concerns one file (private, quota exceeded, missing) is left to the report.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from downloader.datasets import Manifest, ManifestError, planned, read_manifest, select
from downloader.disk import refuse_folded
from downloader.planning import local_name
from downloader.report import Pairs
from downloader.results import FileResult
from downloader.retry import Clock
from downloader.source import Timeouts, probe
from downloader.sources.drive import DriveAccess, DriveSource, KeyRefused
from downloader.transfer import TransferOptions, TransferPolicy

from ..download_run import Show, SingleItemRun, ignore
from ..failures import Refusal
from ..folders import Space, first_to_come
from ..settings import Configuration, find_connection, service_options
from ..shards import Plan, RunTarget, ShardBounds, ShardFiles, bounds_of, cut
from ..wording import counted, one_line, shown_size
from ..xcoms import Shard, ShardResults, Validated
from .inventory import inventory
from .request import DatasetRequest, empty_manifest

__all__ = ["DriveRun", "api_key"]

_TITLE: Final = "Drive Datasets Status Report"
_MANY: Final = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DriveRun(SingleItemRun):
    """Downloads the data sets of a manifest."""

    request: DatasetRequest
    manifest: Manifest
    access: DriveAccess
    options: TransferOptions
    bounds: ShardBounds
    quiet: bool

    @classmethod
    def of(cls, params: Mapping[str, Any], configuration: Configuration) -> DriveRun:
        """As `DownloadRun`."""
        request, drive = DatasetRequest.from_params(params, configuration), configuration.drive
        try:
            manifest = read_manifest(request.manifest)
            select(manifest, request.patterns, request.manifest)
        except ManifestError as error:
            problem = str(error)
        else:
            access = DriveAccess(
                web_url=drive.web_url,
                download_url=drive.download_url,
                api_url=drive.api_url,
                key=api_key(drive.connection),  # without a key the web pages are asked
                key_place=f"the password of the connection {drive.connection}",
                timeouts=Timeouts(stall=drive.timeout),
            )
            policy, streams = TransferPolicy(resume=request.resume), request.concurrency
            options = service_options(configuration.transfer, policy, streams, drive.max_retries, drive.retry_delay)
            return cls(request, manifest, access, options, bounds_of(configuration), request.quiet)
        raise Refusal(problem)

    def about(self, name: str) -> str:
        """As `DownloadRun`."""
        return f"manifest {name}"

    @property
    def run_target(self) -> RunTarget:
        """As `RunItem`."""
        manifest, file = self.manifest, self.request.manifest
        head = [("Manifest", str(file))]
        head += [("Source", manifest.source)] if manifest.source else []
        head += [("Generated", manifest.generated)] if manifest.generated else []
        head += [("Datasets", ", ".join(self.request.patterns))] if self.request.patterns else []
        folder = self.request.location
        return RunTarget(folder, folder, _TITLE, file.stem, tuple(head))

    def plan(self) -> Plan:
        """The chosen data sets, sorted by their paths. Raises DownloadError where the disk cannot be asked."""
        file, location = self.request.manifest, self.request.location
        chosen = select(self.manifest, self.request.patterns, file)
        files = sorted(planned(chosen, checksums=self.request.verify), key=local_name)
        origin = f"{self.access.web_url}\n{location}"
        return Plan(file.name, origin, refuse_folded(files, location), f"the manifest {file}")

    def validated(self) -> Validated:
        """As `DownloadRun`."""
        request, plan = self.request, self.plan()
        if not plan.files:
            raise empty_manifest(request.manifest)
        if request.concurrency > _MANY:
            log.warning(
                "concurrency is %s: above %s Google Drive soon answers that there are too many requests",
                request.concurrency,
                _MANY,
            )
        size = sum(item.size or 0 for item in plan.files)
        log.info("Manifest: %s", one_line(str(request.manifest)))
        log.info("Destination: %s", request.location)
        log.info("%s, %s, %s streams at once", counted(len(plan.files)), shown_size(size), request.concurrency)
        Space().share(plan.files, request.location)
        first = first_to_come(plan.files, request.location)
        if first is not None:
            with suppress(KeyRefused):  # an answer on one file: the report says of each what became of it
                probe(self._source(), first)
        return Validated(cut([plan.outline()], self.bounds))

    def listed(self, shard: Shard, show: Show = ignore) -> ShardFiles:
        """As `RunItem`. Raises PlanChanged."""
        return ShardFiles(self.run_target, self.plan().cut(shard), connect=self._source)

    def _source(self) -> DriveSource:
        retry, request = self.options.retry, self.request
        clock = Clock(retry.clock.now, retry.pause)
        return DriveSource(self.access, request.concurrency, clock, checksums=request.verify)

    def summary(self, results: Sequence[FileResult], handed: Sequence[ShardResults]) -> Pairs:
        """As `RunItem`: the inventory of the destination. Raises DownloadError."""
        return inventory(self.manifest, self.request.location)


def api_key(connection_id: str) -> str:
    """The API key; ``""`` if there is none. Raises Refusal for what no header may hold."""
    connection = find_connection(connection_id)
    key = (connection.password or "").strip() if connection else ""
    if key.isascii() and key.isprintable() and " " not in key:
        return key
    raise Refusal(
        f"the password of the connection {connection_id} is not an API key: it holds spaces, line breaks or letters "
        "with accents; copy the key again, or leave the password empty to download without one"
    )
