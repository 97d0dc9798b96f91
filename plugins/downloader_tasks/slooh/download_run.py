"""A run of `slooh_images`, as each of its tasks sees it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from downloader.content import PictureCheck
from downloader.disk import refuse_folded
from downloader.errors import NotTried
from downloader.planning import refuse_conflicts
from downloader.remote_file import Planned, Refused
from downloader.report import Pairs
from downloader.results import FileResult
from downloader.sources.http import HttpClient, Timeouts
from downloader.sources.slooh import (
    Account,
    Duplicates,
    ImageHosts,
    PictureLayout,
    PictureNames,
    PicturePlan,
    RequestLimit,
    Select,
    SloohClient,
    SloohSource,
    Wish,
    image_client,
    plan,
    survey,
)
from downloader.transfer import TransferOptions, TransferPolicy

from ..download_run import Handed, RunTarget
from ..settings import Configuration, Slooh, load, service_options
from ..wording import one_line
from .account import account_of
from .request import PictureRequest
from .tally import lines, tally
from .tracker import LIST, REPORT_ID, known
from .watch import ListingWatch

__all__ = ["SloohReport", "SloohRun"]

_TITLE: Final = "Slooh Images Status Report"
_FEW: Final = 20
"""Pictures left out that the log names."""

log = logging.getLogger(__name__)


def _nowhere(figures: Mapping[str, Any]) -> None: ...


@dataclass(slots=True)
class SloohRun:
    """Downloads a member's pictures (`DownloadRun`). What `planned` read of Slooh's list is kept for what follows."""

    request: PictureRequest
    account: Account
    options: TransferOptions
    client: SloohClient
    images: HttpClient
    layout: PictureLayout
    unknown: str
    """What stands for what is not known of a picture."""
    watch: ListingWatch
    _wish: Wish = field(init=False, default_factory=Wish)
    _survey: PicturePlan | None = field(init=False, default=None)

    @classmethod
    def of(
        cls,
        params: Mapping[str, Any],
        configuration: Configuration | None = None,
        show: Callable[[Mapping[str, Any]], None] = _nowhere,
    ) -> Self:
        """What parameters, configuration and connection say. Raises Refusal, LocationError, ConfigurationError.

        `show` takes the figures of how far the list has been read.
        """
        configuration = configuration or load()
        request, account, slooh = _asked(params, configuration)
        options, hosts = _means(configuration, request), ImageHosts(account.base_url, slooh.image_hosts)
        # One limit for both: what is asked of the API and of the image hosts counts alike.
        limit, timeouts = RequestLimit(slooh.rate_limit, options.retry), Timeouts(stall=slooh.timeout)
        return cls(
            request,
            account,
            options,
            SloohClient(account, options.retry, limit, timeouts),
            image_client(hosts, limit, timeouts, slooh.threads),
            PictureLayout(_names(slooh), hosts, request.duplicates, slooh.batch_size),
            slooh.unknown_object,
            ListingWatch(show, quiet=request.quiet),
        )

    @property
    def quiet(self) -> bool:
        """As `DownloadRun`."""
        return self.request.quiet

    @property
    def target(self) -> RunTarget:
        """As `DownloadRun`."""
        folder = self.request.location
        head = (("Source", self.account.base_url), *self.request.head)
        return RunTarget(folder, folder, _TITLE, REPORT_ID, "Slooh's pictures", head)

    def planned(self, shard: Mapping[str, Any]) -> list[Planned]:
        """As `DownloadRun`. Reads Slooh's list."""
        request = self.request
        self._wish = Wish(
            request.select,
            request.mission_id,
            request.filters,
            request.include_fits,
            request.max_scan,
            known(request.select, request.location),
        )
        self._survey = self._surveyed(self._wish)
        files = refuse_conflicts(list(self._survey.planned), lambda file: file.path.text)
        return refuse_folded(files, request.location)

    def source(self, planned: Sequence[Planned]) -> SloohSource:
        """As `DownloadRun`, for what `planned` answered."""
        addresses = self._survey.addresses if self._survey else {}
        return SloohSource(planned, addresses, self.images, self.options.limits.threads)

    def found(self, results: Sequence[FileResult]) -> Mapping[str, Any]:
        """As `DownloadRun`: the tally."""
        return {"tally": tally(self._survey, self._wish, results, self.unknown)} if self._survey else {}

    def summary(self, results: Sequence[FileResult], handed: Handed) -> Pairs:
        """As `DownloadRun`: the tally. There is one shard."""
        return lines(results, handed[0].get("tally", {}) if handed else {})

    def _surveyed(self, wish: Wish) -> PicturePlan:
        if wish.select is Select.FAILED and not wish.known:
            log.info("The latest report names no failure, so that Slooh's list is not read")
            return plan((), wish, self.layout)
        found = survey(self.client, wish, self.layout, self.watch)
        _tell(found, wish)
        return found


class SloohReport(SloohRun):
    """The same for the task `report`, which stands in no pool: it asks Slooh for nothing."""

    def planned(self, shard: Mapping[str, Any]) -> list[Planned]:
        """As `DownloadRun`: one line that says that no picture can be named."""
        return [Refused(LIST, NotTried("the list was not read to its end"))]


def _asked(params: Mapping[str, Any], configuration: Configuration) -> tuple[PictureRequest, Account, Slooh]:
    return PictureRequest.from_params(params, configuration), account_of(configuration), configuration.slooh


def _means(configuration: Configuration, request: PictureRequest) -> TransferOptions:
    slooh = configuration.slooh
    policy = TransferPolicy(overwrite=request.duplicates is Duplicates.OVERWRITE, content=PictureCheck())
    return service_options(configuration.transfer, policy, slooh.threads, slooh.max_retries, slooh.retry_delay)


def _names(slooh: Slooh) -> PictureNames:
    return PictureNames(slooh.folder_template, slooh.filename_template, slooh.unknown_object)


def _tell(found: PicturePlan, wish: Wish) -> None:
    counts = found.counts
    log.info(
        "%s of %s pictures looked at: %s home already, %s left out, %s to bring",
        *(f"{count:,}" for count in (counts.scanned, counts.available, counts.home, counts.duplicates, counts.queued)),
    )
    for one in found.dropped[:_FEW]:
        log.warning("Picture %s is left out: %s", one.record.key, one_line(one.why))
    if wish.include_fits and not any(picture.is_frame for picture in found.pictures.values()):
        log.info("No FITS frames are to be brought: they are home already, or the membership does not include them")
