"""A run of `slooh_images`.

`validate` refuses what would fail every picture: parameters, configuration, the connection, the login, the way to the
image host. Of Slooh's list it reads the first row; the list is read in `download` alone, once: each request counts
against the limit, and the pool of that task has one slot.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from downloader.content import PictureCheck
from downloader.disk import refuse_folded
from downloader.errors import DownloadError, NotTried, PermanentError, RetryableError
from downloader.planning import refuse_conflicts
from downloader.remote_file import Planned, Refused
from downloader.report import Pairs
from downloader.results import FileResult
from downloader.source import Timeouts, probe
from downloader.sources.http import HttpClient
from downloader.sources.slooh import (
    Account,
    Duplicates,
    ImageHosts,
    MemberStatus,
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
    survey_pictures,
)
from downloader.transfer import TransferOptions, TransferPolicy

from ..download_run import Show, SingleItemRun, ignore
from ..folders import first_to_come
from ..settings import Configuration, service_options
from ..shards import RunTarget, ShardFiles
from ..wording import one_line
from ..xcoms import Shard, ShardResults, Validated, read
from .account import account_of
from .request import PictureRequest
from .tally import Tally, lines, tally
from .tracker import LIST, REPORT_ID, known
from .watch import ListingWatch

__all__ = ["SloohRun"]

_TITLE: Final = "Slooh Images Status Report"
_FEW: Final = 20
"""Pictures left out that the log names."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SloohRun(SingleItemRun):
    """Downloads a member's pictures."""

    request: PictureRequest
    account: Account
    options: TransferOptions
    client: SloohClient
    images: HttpClient
    layout: PictureLayout
    unknown: str
    """What stands for what is not known of a picture."""
    quiet: bool

    @classmethod
    def of(cls, params: Mapping[str, Any], configuration: Configuration) -> Self:
        """As `DownloadRun`."""
        request, slooh = PictureRequest.from_params(params, configuration), configuration.slooh
        account = account_of(configuration)
        policy = TransferPolicy(overwrite=request.duplicates is Duplicates.OVERWRITE, content=PictureCheck())
        options = service_options(configuration.transfer, policy, slooh.threads, slooh.max_retries, slooh.retry_delay)
        hosts = ImageHosts(account.base_url, slooh.image_hosts)
        names = PictureNames(slooh.folder_template, slooh.filename_template, slooh.unknown_object)
        # One limit for both: requests to the API and to the image hosts count alike.
        limit, timeouts = RequestLimit(slooh.rate_limit, options.retry), Timeouts(stall=slooh.timeout)
        return cls(
            request,
            account,
            options,
            SloohClient(account, options.retry, limit, timeouts),
            image_client(hosts, limit, timeouts, slooh.threads),
            PictureLayout(names, hosts, request.duplicates, slooh.batch_size),
            slooh.unknown_object,
            request.quiet,
        )

    def about(self, name: str) -> str:
        """As `DownloadRun`."""
        return "Slooh's pictures"

    @property
    def run_target(self) -> RunTarget:
        """As `RunItem`."""
        folder = self.request.location
        head = (("Source", self.account.base_url), *self.request.head)
        return RunTarget(folder, folder, _TITLE, REPORT_ID, head)

    def validated(self) -> Validated:
        """As `DownloadRun`: one shard for the whole list."""
        request, base_url = self.request, self.account.base_url
        log.info("=== Slooh Image Downloader ===")
        log.info("Source: %s", base_url)
        log.info("Destination: %s", request.location)
        log.info("Select: %s", request.what)
        if base_url.startswith("http:"):
            log.warning(
                "The login is sent to %s unencrypted; if that is Slooh's own server, write https into the connection",
                base_url,
            )
        if request.lacks_frames:
            log.warning(
                "file_types contains FITS, but include_fits is off: raw frames are only downloaded with include_fits"
            )
        self._log_in()
        self._probe()
        return Validated([Shard(0, REPORT_ID, f"slooh: {request.what}")])

    def listed(self, shard: Shard, show: Show = ignore) -> ShardFiles:
        """As `RunItem`. Reads Slooh's list."""
        wish = self._wish()
        found = self._surveyed(wish, show)
        files = refuse_conflicts(list(found.planned), lambda file: file.path.text)
        planned = refuse_folded(files, self.request.location)
        return ShardFiles(
            self.run_target,
            planned,
            connect=lambda: SloohSource(found.addresses, self.images, self.options.limits.threads),
            added=lambda results: tally(found, wish, results, self.unknown),
        )

    def planned(self, shard: Shard) -> Sequence[Planned]:
        """As `RunItem`: one line that says that no picture can be named. The report has no slot to ask Slooh."""
        return [Refused(LIST, NotTried("the list was not read to its end"))]

    def summary(self, results: Sequence[FileResult], handed: Sequence[ShardResults]) -> Pairs:
        """As `RunItem`: the tally. There is one shard."""
        return lines(results, read(Tally, handed[0].added) if handed else None)

    def _surveyed(self, wish: Wish, show: Show) -> PicturePlan:
        if wish.select is Select.FAILED and not wish.known:
            log.info("The latest report names no failure, so Slooh's list is not read")
            return plan((), wish, self.layout)
        found = survey_pictures(self.client, wish, self.layout, ListingWatch(show, quiet=self.quiet))
        counts = found.counts
        log.info(
            "Looked at %s of %s pictures: %s downloaded before, %s left out, %s to download",
            *(
                f"{count:,}"
                for count in (counts.scanned, counts.available, counts.home, counts.duplicates, counts.queued)
            ),
        )
        for one in found.dropped[:_FEW]:
            log.warning("Picture %s is left out: %s", one.record.key, one_line(one.why))
        if counts.without_mission:
            log.warning(
                "Slooh's list names no mission for %s of the selected pictures, so their FITS frames cannot be "
                "requested; look for the frames on Slooh's site, or give a mission by its number (mission_id)",
                f"{counts.without_mission:,}",
            )
        elif wish.include_fits and not any(picture.is_frame for picture in found.pictures.values()):
            log.info("No FITS frames to download: they were downloaded before, or the membership does not include them")
        return found

    def _wish(self) -> Wish:
        request = self.request
        return Wish(
            request.select,
            request.mission_id,
            request.filters,
            request.include_fits,
            request.max_scan,
            known(request.select, request.location),
        )

    def _probe(self) -> None:
        """Reads a byte of the newest picture, if it is to come, by the client that will download pictures."""
        wish = self._wish()
        if wish.select is Select.FAILED and not wish.known:
            return
        try:
            newest = self.client.pictures(1, 1, wish.mission_id if wish.select is Select.MISSION else 0)
        except DownloadError:
            return  # the list is read, and its troubles are told, in `download`
        found = plan(newest.rows, wish, self.layout)
        overwrite = self.options.policy.overwrite
        first = first_to_come(found.planned, self.request.location, overwrite=overwrite)
        if first is not None:
            probe(SloohSource(found.addresses, self.images), first)

    def _log_in(self) -> None:
        name, status = self.client.login(), MemberStatus()
        try:
            status = self.client.status()
        except (RetryableError, PermanentError) as error:
            log.warning("The member's status cannot be read, which no download needs (%s)", one_line(error.what))
        log.info("Logged in as %s", one_line(status.display_name or name or "a member without a name"))
        for label, value in (
            ("Tier", status.tier),
            ("Gravity points", None if status.gravity_points is None else f"{status.gravity_points:,}"),
            ("Member since", status.member_since),
        ):
            if value:
                log.info("%s: %s", label, one_line(value))
