"""Slooh's lists, page after page, whatever the server says.

Two things make that harder than it looks. A session that ran out is answered as an account without pictures is, by an
empty list. And the list is newest first, so that each picture taken meanwhile shifts it by a row: rows come twice, and
are told apart by their ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Generic, TypeVar

from ...errors import PermanentError, ServerBusy
from .client import SloohClient
from .rows import Mission, Page, Picture

__all__ = ["Listing", "frames_of_missions", "missions", "pictures"]

T = TypeVar("T")

_BATCH: Final = 50
"""Rows of a page. So many work; a server that is asked for more may answer with these."""
_MOST_ROWS: Final = 1_000_000
_IDLE_PAGES: Final = 3
"""Pages in a row without a single new row, after which a list is taken to go in a circle."""


class Listing(Generic[T]):
    """The rows of one list, each once, asked for as they are wanted. May be run through once."""

    def __init__(
        self,
        client: SloohClient,
        ask: Callable[[int, int], Page[T]],
        key_of: Callable[[T], object],
        batch: int = _BATCH,
        most: int | None = None,
    ) -> None:
        """`ask` answers the page from a row on, of so many rows. `most`: rows that are looked at, None for all."""
        self._client = client
        self._ask = ask
        self._key_of = key_of
        self._batch = batch
        self._most = _MOST_ROWS if most is None else min(most, _MOST_ROWS)
        self._bounded = most is not None
        self._seen: set[object] = set()
        self._idle = 0
        self.total = 0
        """Rows that Slooh says there are; 0 before the first page."""
        self.scanned = 0
        """Rows handed on so far."""

    def __iter__(self) -> Iterator[T]:
        """The rows.

        Raises what the client raises; `ServerBusy` where a list that held rows is empty of a sudden, also for a new
        login; `PermanentError` where it does not end.
        """
        first = 1
        while self.scanned < self._most:
            count = min(self._batch, self._most - self.scanned)
            page = _believed(self._client, first, count, self._ask)
            if not page.received:
                self._check_end(page)
                return
            self.total = page.total or self.total
            yield from self._new(page)
            first += page.received
            if self._is_last(page, first, count):
                return
        if not self._bounded:
            raise PermanentError(
                f"Slooh's list does not end after {self._most} rows", "bound it by max_scan, or by since"
            )

    def _new(self, page: Page[T]) -> Iterator[T]:
        """Rows that were not there before. One without an id is passed on, and counts for nothing."""
        self._idle += 1
        for row in page.rows:
            key = self._key_of(row)
            if key in self._seen or self.scanned == self._most:
                continue
            if key is not None:
                self._seen.add(key)
                self._idle = 0
            self.scanned += 1
            yield row

    def _is_last(self, page: Page[T], following: int, count: int) -> bool:
        total = page.total or None
        ended = page.received < min(count, _BATCH) if total is None else following > total
        return ended or self._idle >= _IDLE_PAGES

    def _check_end(self, page: Page[T]) -> None:
        if self.total and not page.total:
            raise ServerBusy(f"Slooh said that there are {self.total} rows, and then that there is none")


def pictures(
    client: SloohClient, mission_id: int = 0, batch: int = _BATCH, most: int | None = None
) -> Listing[Picture]:
    """The member's pictures, the newest first: all, or those of a mission. `most` as in `Listing`."""
    return Listing(
        client, lambda first, count: client.pictures(first, count, mission_id), lambda row: row.key, batch, most
    )


def missions(client: SloohClient, batch: int = _BATCH, most: int | None = None) -> Listing[Mission]:
    """The member's missions."""
    return Listing(client, client.missions, lambda row: row.mission_id, batch, most)


def _believed(client: SloohClient, first: int, count: int, ask: Callable[[int, int], Page[T]]) -> Page[T]:
    """A page. An empty one is asked for again with a new login, unless the login was new already."""
    fresh = client.is_fresh
    page = ask(first, count)
    if page.received or fresh:
        return page
    client.renew()
    return ask(first, count)


def frames_of_missions(client: SloohClient, mission_ids: Iterable[int], batch: int = _BATCH) -> Iterator[Picture]:
    """The FITS frames of these missions, mission after mission.

    Most missions have none, so that not each empty answer is followed by a login: a session that ran out stays silent,
    and one that answers later was alive all the time. What was empty at the end is asked for again once, unless the
    list of pictures shows that the session is alive.
    """
    doubtful: list[tuple[int, int]] = []
    for mission_id in mission_ids:
        fresh = client.is_fresh
        frames = list(_frames(client, mission_id, batch))
        yield from frames
        if frames:
            doubtful = [(login, mission) for login, mission in doubtful if login != client.logins]
        elif not fresh:
            doubtful.append((client.logins, mission_id))
    if doubtful and not _is_alive(client, {login for login, _ in doubtful}):
        client.renew()
        for _, mission_id in doubtful:
            yield from _frames(client, mission_id, batch)


def _frames(client: SloohClient, mission_id: int, batch: int) -> Iterator[Picture]:
    """The frames of one mission, each once. No total is told: a page that is not full is the last."""
    first, seen = 1, dict[object, Picture]()
    while True:
        page, before = client.frames(mission_id, first, batch), len(seen)
        for number, frame in enumerate(page.rows, first):
            if seen.setdefault(frame.key or number, frame) is frame:
                yield frame
        first += page.received
        if page.received < min(batch, _BATCH) or len(seen) == before or first > _MOST_ROWS:
            return


def _is_alive(client: SloohClient, logins: set[int]) -> bool:
    """Whether the session is the only one of `logins`, and shows a picture."""
    return bool(client.pictures(1, 1).received) and logins == {client.logins}
