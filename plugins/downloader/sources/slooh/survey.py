"""From Slooh's list to a plan: what is there, what of it is wanted, and where each file goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ...errors import DownloadError
from ...paths import SafePath
from ...remote_file import Planned, Refused, RemoteFile
from .client import SloohClient
from .hosts import ImageHosts
from .listing import frames_of_missions, pictures
from .picture_names import Dropped, Duplicates, PictureNames, arrange
from .rows import Picture
from .selection import Filters, Select, format_passes, subject_passes, until_too_old

__all__ = ["Counts", "Layout", "Scan", "Survey", "Wish", "plan", "survey"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be brought home."""

    select: Select = Select.NEW
    mission_id: int = 0
    """For `Select.MISSION`."""
    filters: Filters = field(default_factory=Filters)
    include_fits: bool = False
    """Whether the raw frames of the wanted pictures' missions come too, whatever `Filters.file_types` says."""
    max_scan: int | None = None
    """Rows of the list that are looked at; None: all."""
    known: Mapping[str, datetime] = field(default_factory=dict)
    """Relative paths, or keys, and when that was known of them. No picture that was taken later is meant.

    `Select.NEW`: what is home already. `Select.FAILED`: what is to be tried again.
    """

    def __post_init__(self) -> None:
        """Raises ValueError for a mission without its id."""
        if self.select is Select.MISSION and self.mission_id <= 0:
            raise ValueError("select is mission, so mission_id has to be that mission's number")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where files come from and go to."""

    names: PictureNames
    hosts: ImageHosts
    duplicates: Duplicates = Duplicates.SKIP
    batch: int = 50
    """Rows asked for at once."""


@dataclass(frozen=True, slots=True)
class Scan:
    """How far a survey is."""

    pictures: int
    """Rows of the list so far."""
    available: int
    """Rows that Slooh says there are."""
    mission: int = 0
    """Of `missions`, the one whose frames are asked for; 0 while the list is read."""
    missions: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """How the plan came about."""

    available: int
    """Pictures that Slooh says there are."""
    scanned: int
    """Rows looked at, frames included."""
    home: int
    """Wanted, and home already (`Select.NEW`)."""
    duplicates: int
    """Wanted, and given up because another picture has the path."""
    queued: int
    """Planned, refused ones included."""


@dataclass(frozen=True, slots=True)
class Survey:
    """A plan, and what is known of its files."""

    planned: tuple[Planned, ...]
    addresses: Mapping[str, str] = field(repr=False)
    """Key to address. Addresses may be signed: they belong in no log, and are old after a while."""
    pictures: Mapping[str, Picture] = field(repr=False)
    """Relative path to record, for what is planned and not refused."""
    dropped: tuple[Dropped[Picture], ...]
    counts: Counts


def _unwatched(scan: Scan) -> None: ...


def survey(client: SloohClient, wish: Wish, layout: Layout, watch: Callable[[Scan], None] = _unwatched) -> Survey:
    """Looks through the list and plans. Raises what the client raises; a bad row is a `Refused` of the plan.

    `watch` is called for each row, and ahead of each mission's frames.
    """
    only = wish.mission_id if wish.select is Select.MISSION else 0
    listing = pictures(client, only, layout.batch, wish.max_scan)
    rows: list[Picture] = []
    for row in until_too_old(listing, None if only else wish.filters.begin):
        rows.append(row)
        watch(Scan(len(rows), listing.total))
    if wish.include_fits:
        missions = _watched(_missions(rows, wish), watch, Scan(len(rows), listing.total))
        rows += _told_by_pictures(frames_of_missions(client, missions, layout.batch), rows)
    return plan(rows, wish, layout, listing.total)


def _missions(rows: Sequence[Picture], wish: Wish) -> list[int]:
    """Those whose frames are wanted."""
    if wish.select is Select.MISSION:
        return [wish.mission_id]
    wanted = {row.mission_id: None for row in rows if row.mission_id and subject_passes(row, wish.filters)}
    return [mission for mission in wanted if mission]


def _watched(missions: Sequence[int], watch: Callable[[Scan], None], scan: Scan) -> Iterator[int]:
    for number, mission in enumerate(missions, 1):
        watch(replace(scan, mission=number, missions=len(missions)))
        yield mission


def plan(rows: Sequence[Picture], wish: Wish, layout: Layout, available: int = 0) -> Survey:
    """What becomes of `rows`. All of them are given their places before they are sifted, so that none depends on it."""
    placed, refused = _place(rows, layout)
    arranged = arrange(placed, layout.duplicates, lambda picture: picture.age)
    wanted = [(path, row) for path, row in arranged.kept if _passes(row, wish.filters)]
    chosen = [(path, row) for path, row in wanted if _is_chosen(path.text, row, wish)]
    bad = [item for item, row in refused if _passes(row, wish.filters) and _is_chosen(item.name, row, wish)]
    dropped = tuple(one for one in arranged.dropped if _passes(one.record, wish.filters))
    planned: list[Planned] = [_file(path, row) for path, row in chosen]
    planned += bad
    home = len(wanted) - len(chosen) if wish.select is Select.NEW else 0
    return Survey(
        tuple(planned),
        {_key(row): layout.hosts.checked(row.address) for _, row in chosen},
        {path.text: row for path, row in chosen},
        dropped,
        Counts(available or len(rows), len(rows), home, len(dropped), len(planned)),
    )


def _place(
    rows: Iterable[Picture], layout: Layout
) -> tuple[list[tuple[SafePath, Picture]], list[tuple[Refused, Picture]]]:
    """Each row with its path, and those that cannot be fetched. Those are named so that no two share a name."""
    placed: list[tuple[SafePath, Picture]] = []
    refused: list[tuple[Refused, Picture]] = []
    for number, row in enumerate(rows, 1):
        try:
            layout.hosts.checked(row.address)
            placed.append((layout.names.path_of(row.facts), row))
        except DownloadError as error:
            name = f"picture {row.key}" if row.key else f"row {number} of Slooh's list"
            refused.append((Refused(name, error), row))
    return placed, refused


def _passes(row: Picture, filters: Filters) -> bool:
    return subject_passes(row, filters) and (row.is_frame or format_passes(row, filters))


def _is_chosen(name: str, row: Picture, wish: Wish) -> bool:
    """Whether `Wish.select` takes it."""
    known = _is_known(name, row, wish)
    if wish.select is Select.NEW:
        return not known
    return known if wish.select is Select.FAILED else True


def _is_known(name: str, row: Picture, wish: Wish) -> bool:
    when = wish.known.get(name) or wish.known.get(_key(row))
    return when is not None and (row.taken is None or row.taken <= when)


def _file(path: SafePath, row: Picture) -> RemoteFile:
    return RemoteFile(path, None, _key(row), modified=row.taken.timestamp() if row.taken else None)


def _key(row: Picture) -> str:
    """``""`` for none; a row with an address has one."""
    return row.key or ""


def _told_by_pictures(frames: Iterable[Picture], rows: Sequence[Picture]) -> Iterator[Picture]:
    """`frames`, with what only the pictures of their missions tell. Of several pictures the oldest is asked."""
    oldest: dict[int | None, Picture] = {}
    for row in rows:
        held = oldest.setdefault(row.mission_id, row)
        oldest[row.mission_id] = min(held, row, key=lambda one: one.age)
    for frame in frames:
        told = oldest.get(frame.mission_id, Picture())
        yield replace(
            frame,
            title=told.title,
            telescope=told.telescope,
            taken=told.taken,
            instrument=frame.instrument or told.instrument,
        )
