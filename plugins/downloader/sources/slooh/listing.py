"""Reads Slooh's lists page by page.

Two things make that hard. An expired session gets an empty list, as an account without pictures does. And lists start
with the newest row, so each picture that is taken meanwhile shifts them by one: rows come twice, and are recognised by
their ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Generic, TypeVar

from ...errors import PermanentError, ServerBusy
from .client import SloohClient
from .rows import Mission, RowPage, SloohPicture

__all__ = ["PagedRows", "frames_of_missions", "missions", "pictures"]

T = TypeVar("T")

_BATCH: Final = 50
"""Rows of a page, known to work; a server may limit larger pages to this."""
_MOST_ROWS: Final = 1_000_000
_IDLE_PAGES: Final = 3
"""The number of successive pages without a new row after which a list is taken to repeat itself."""


class PagedRows(Generic[T]):
    """The rows of one list, each once, requested as they are needed. Can be iterated once."""

    def __init__(
        self,
        client: SloohClient,
        ask: Callable[[int, int], RowPage[T]],
        key_of: Callable[[T], object],
        batch: int = _BATCH,
        most: int | None = None,
    ) -> None:
        """`ask`: the page from a given row on, of a given number of rows. `most`: the rows to read, None for all."""
        self._client = client
        self._ask = ask
        self._key_of = key_of
        self._batch = batch
        self._most = _MOST_ROWS if most is None else min(most, _MOST_ROWS)
        self._bounded = most is not None
        self._seen: set[object] = set()
        self._idle = 0
        self.total = 0
        """The number of rows according to Slooh; 0 before the first page."""
        self.scanned = 0
        """Rows yielded so far."""

    def __iter__(self) -> Iterator[T]:
        """The rows.

        Raises what the client raises; `ServerBusy` if a list that had rows is suddenly empty, also after a new login;
        `PermanentError` if it does not end.
        """
        first = 1
        while self.scanned < self._most:
            count = min(self._batch, self._most - self.scanned)
            page = _confirmed_page(self._client, first, count, self._ask)
            if not page.received:
                if self.total and not page.total:
                    raise ServerBusy(f"Slooh listed {self.total} rows at first, and then none")
                return
            self.total = page.total or self.total
            yield from self._new(page)
            first += page.received
            ended = first > page.total if page.total else page.received < min(count, _BATCH)
            if ended or self._idle >= _IDLE_PAGES:
                return
        if not self._bounded:
            raise PermanentError(
                f"Slooh's list does not end after {self._most} rows", "limit it with max_scan or since"
            )

    def _new(self, page: RowPage[T]) -> Iterator[T]:
        """Rows that were not listed before. One without an id is yielded, but does not count as new."""
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


def pictures(
    client: SloohClient, mission_id: int = 0, batch: int = _BATCH, most: int | None = None
) -> PagedRows[SloohPicture]:
    """The member's pictures, the newest first: all, or those of a mission. `most` as in `PagedRows`."""
    return PagedRows(
        client, lambda first, count: client.pictures(first, count, mission_id), lambda row: row.key, batch, most
    )


def missions(client: SloohClient, batch: int = _BATCH, most: int | None = None) -> PagedRows[Mission]:
    """The member's missions."""
    return PagedRows(client, client.missions, lambda row: row.mission_id, batch, most)


def _confirmed_page(client: SloohClient, first: int, count: int, ask: Callable[[int, int], RowPage[T]]) -> RowPage[T]:
    """A page. An empty one is requested again after a new login, unless the login was new."""
    fresh = client.is_fresh
    page = ask(first, count)
    if page.received or fresh:
        return page
    client.renew()
    return ask(first, count)


def frames_of_missions(client: SloohClient, mission_ids: Iterable[int], batch: int = _BATCH) -> Iterator[SloohPicture]:
    """The FITS frames of these missions, one mission after the other.

    Most missions have none, so an empty answer does not cause a login at once: an expired session stays empty, and one
    that lists frames later was valid all the time. Missions that were empty at the end are requested again once, unless
    the list of pictures shows that the session is valid.
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
    logins = {login for login, _ in doubtful}
    if doubtful and not (client.pictures(1, 1).received and logins == {client.logins}):
        client.renew()
        for _, mission_id in doubtful:
            yield from _frames(client, mission_id, batch)


def _frames(client: SloohClient, mission_id: int, batch: int) -> Iterator[SloohPicture]:
    """The frames of one mission, each once. There is no total: a page that is not full is the last."""
    first, seen = 1, dict[object, SloohPicture]()
    while True:
        page, before = client.frames(mission_id, first, batch), len(seen)
        for number, frame in enumerate(page.rows, first):
            if seen.setdefault(frame.key or number, frame) is frame:
                yield frame
        first += page.received
        if page.received < min(batch, _BATCH) or len(seen) == before or first > _MOST_ROWS:
            return
