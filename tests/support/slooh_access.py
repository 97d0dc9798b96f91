"""A client of the stand-in for Slooh, as a run makes one, on a clock that nobody sits out."""

from __future__ import annotations

from collections.abc import Callable

from downloader.retry import RetryPolicy
from downloader.source import Timeouts
from downloader.sources.slooh import SloohSource, image_client
from downloader.sources.slooh.client import Account, SloohClient
from downloader.sources.slooh.hosts import ImageHosts
from downloader.sources.slooh.picture_names import Duplicates, PictureNames
from downloader.sources.slooh.survey import PictureLayout, PicturePlan
from include.stand_ins.slooh_server import SloohServer
from support.restoring import FakeClock

__all__ = ["CONNECTION", "TIMEOUTS", "account_of", "client_of", "layout_of", "source_of"]

CONNECTION = "slooh_default"
TIMEOUTS = Timeouts(connect=5, stall=5)


def account_of(server: SloohServer, password: str | None = None) -> Account:
    """The member's own account, unless another password is given."""
    held = server.member.password if password is None else password
    return Account(server.url, server.member.username, held, CONNECTION)


def client_of(
    server: SloohServer,
    clock: FakeClock | None = None,
    before: Callable[[], None] = lambda: None,
    account: Account | None = None,
) -> SloohClient:
    """Tries four times."""
    policy = RetryPolicy(attempts=4, clock=(clock or FakeClock()).clock)
    return SloohClient(account or account_of(server), policy, before, TIMEOUTS)


def layout_of(server: SloohServer, duplicates: Duplicates = Duplicates.SKIP, batch: int = 50) -> PictureLayout:
    """The seed's templates."""
    return PictureLayout(PictureNames(), ImageHosts(server.url), duplicates, batch)


def source_of(server: SloohServer, found: PicturePlan, timeouts: Timeouts = TIMEOUTS) -> SloohSource:
    """A source of what a survey found."""
    images = image_client(ImageHosts(server.url), timeouts=timeouts)
    return SloohSource(found.addresses, images)
