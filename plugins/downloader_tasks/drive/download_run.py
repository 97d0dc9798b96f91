"""A run of `drive_datasets`, as each of its tasks sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from downloader.datasets import Manifest, ManifestError, planned, read_manifest, select
from downloader.disk import refuse_folded
from downloader.planning import local_name
from downloader.remote_file import Planned
from downloader.report import Pairs
from downloader.results import FileResult
from downloader.retry import Clock
from downloader.sources.drive import DriveAccess, DriveSource
from downloader.sources.http import Timeouts
from downloader.transfer import TransferOptions, TransferPolicy

from ..download_run import Handed, RunTarget
from ..failures import Refusal
from ..settings import Configuration, Drive, load, service_options
from ..settings import found as found_connection
from ..shards import Plan, PlanChanged, Shard
from .inventory import inventory
from .request import DatasetRequest

__all__ = ["DriveRun"]

_TITLE: Final = "Drive Datasets Status Report"


@dataclass(frozen=True, slots=True)
class DriveRun:
    """Brings the data sets of a manifest home (`DownloadRun`)."""

    request: DatasetRequest
    manifest: Manifest
    access: DriveAccess
    options: TransferOptions
    quiet: bool = False

    @classmethod
    def of(cls, params: Mapping[str, Any], configuration: Configuration | None = None) -> DriveRun:
        """What parameters, configuration and manifest say. Raises Refusal, LocationError, ConfigurationError."""
        configuration = configuration or load()
        request = DatasetRequest.from_params(params, configuration)
        try:
            manifest = read_manifest(request.manifest)
            select(manifest, request.patterns, request.manifest)
        except ManifestError as error:
            problem = str(error)
        else:
            access, how = _access(configuration.drive), _means(configuration, request)
            return cls(request, manifest, access, how, quiet=request.quiet)
        raise Refusal(problem)

    @property
    def plan(self) -> Plan:
        """What is to come home, sorted by its path. Raises DownloadError where nothing can be written there."""
        chosen = select(self.manifest, self.request.patterns, self.request.manifest)
        files = sorted(planned(chosen, checksums=self.request.verify), key=local_name)
        origin = f"{self.access.web_url}\n{self.request.location}"
        return Plan(self.request.manifest.name, origin, refuse_folded(files, self.request.location))

    @property
    def target(self) -> RunTarget:
        """As `DownloadRun`."""
        manifest, file = self.manifest, self.request.manifest
        head = [("Manifest", str(file))]
        head += [("Source", manifest.source)] if manifest.source else []
        head += [("Generated", manifest.generated)] if manifest.generated else []
        head += [("Datasets", ", ".join(self.request.patterns))] if self.request.patterns else []
        folder = self.request.location
        return RunTarget(folder, folder, _TITLE, file.stem, f"manifest {file.name}", tuple(head))

    def planned(self, shard: Mapping[str, Any]) -> list[Planned]:
        """As `DownloadRun`. Raises PlanChanged."""
        wanted = Shard.from_xcom({key: value for key, value in shard.items() if key != "number"})
        files = wanted.cut(self.plan)
        if files is None:
            raise PlanChanged(f"the manifest {self.request.manifest} was changed after the run began")
        return list(files)

    def source(self, planned: Sequence[Planned]) -> DriveSource:
        """As `DownloadRun`."""
        policy, request = self.options.retry, self.request
        clock = Clock(policy.clock.now, policy.pause)
        return DriveSource(planned, self.access, request.concurrency, clock, checksums=request.verify)

    def found(self, results: Sequence[FileResult]) -> Mapping[str, Any]:
        """As `DownloadRun`: nothing."""
        return {}

    def summary(self, results: Sequence[FileResult], handed: Handed) -> Pairs:
        """As `DownloadRun`: the inventory of the destination. Raises DownloadError."""
        return inventory(self.manifest, self.request.location)


def _means(configuration: Configuration, request: DatasetRequest) -> TransferOptions:
    drive, policy = configuration.drive, TransferPolicy(resume=request.resume)
    return service_options(configuration.transfer, policy, request.concurrency, drive.max_retries, drive.retry_delay)


def _access(drive: Drive) -> DriveAccess:
    return DriveAccess(
        web_url=drive.web_url,
        download_url=drive.download_url,
        api_url=drive.api_url,
        key=_api_key(drive.connection),
        timeouts=Timeouts(stall=drive.timeout),
    )


def _api_key(connection_id: str) -> str:
    """The key in the connection, ``""`` where there is no such connection: then the web is asked."""
    connection = found_connection(connection_id)
    return (connection.password or "") if connection else ""
