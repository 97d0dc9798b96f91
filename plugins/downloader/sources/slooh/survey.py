"""From Slooh's list to a plan: which pictures exist, which are selected, and where each file goes."""

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
from .rows import SloohPicture
from .selection import Filters, Select, format_passes, subject_passes, until_too_old

__all__ = ["Counts", "PictureLayout", "PicturePlan", "Scan", "Wish", "plan", "survey_pictures"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What to download."""

    select: Select = Select.NEW
    mission_id: int = 0
    """For `Select.MISSION`."""
    filters: Filters = field(default_factory=Filters)
    include_fits: bool = False
    """Whether to download the raw frames of the selected pictures' missions too, whatever `Filters.file_types` says."""
    max_scan: int | None = None
    """The rows of the list to read; None: all."""
    known: Mapping[str, datetime] = field(default_factory=dict)
    """Relative paths, or keys, each with its time. It does not apply to pictures that were taken later.

    `Select.NEW`: files that exist already. `Select.FAILED`: files to try again.
    """

    def __post_init__(self) -> None:
        """Raises ValueError for a mission without its id."""
        if self.select is Select.MISSION and self.mission_id <= 0:
            raise ValueError("select is mission, so mission_id has to be that mission's number")


@dataclass(frozen=True, slots=True)
class PictureLayout:
    """Where pictures come from and go to."""

    names: PictureNames
    hosts: ImageHosts
    duplicates: Duplicates = Duplicates.SKIP
    batch: int = 50
    """Rows of one request."""


@dataclass(frozen=True, slots=True)
class Scan:
    """The progress of a survey."""

    pictures: int
    """Rows of the list so far."""
    available: int
    """The number of rows according to Slooh."""
    mission: int = 0
    """The one of `missions` whose frames are requested; 0 while the list is read."""
    missions: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures of a plan."""

    available: int
    """The number of pictures according to Slooh."""
    scanned: int
    """Rows read, frames included."""
    home: int
    """Selected, and downloaded before (`Select.NEW`)."""
    duplicates: int
    """Selected, and dropped because another picture has the path."""
    queued: int
    """Planned, refused ones included."""
    without_mission: int = 0
    """Selected, and their rows name no mission, so that its FITS frames cannot be requested (`Wish.include_fits`)."""


@dataclass(frozen=True, slots=True)
class PicturePlan:
    """The planned files, and what is known of them."""

    planned: tuple[Planned, ...]
    addresses: Mapping[str, str] = field(repr=False)
    """Key to address. Addresses may be signed: they are not for logs, and expire."""
    pictures: Mapping[str, SloohPicture] = field(repr=False)
    """Relative path to record, for files that are planned and not refused."""
    dropped: tuple[Dropped[SloohPicture], ...]
    counts: Counts


def survey_pictures(
    client: SloohClient, wish: Wish, layout: PictureLayout, watch: Callable[[Scan], None] = lambda _: None
) -> PicturePlan:
    """Reads the list and makes the plan. Raises what the client raises; a bad row is a `Refused` of the plan.

    `watch` is called for each row, and before the frames of each mission.
    """
    only = wish.mission_id if wish.select is Select.MISSION else 0
    listing = pictures(client, only, layout.batch, wish.max_scan)
    rows: list[SloohPicture] = []
    for row in until_too_old(listing, None if only else wish.filters.begin):
        rows.append(row)
        watch(Scan(len(rows), listing.total))
    if not wish.include_fits:
        return plan(rows, wish, layout, listing.total)
    named = [row.mission_id for row in rows if subject_passes(row, wish.filters)]
    selected = [only] if only else list(dict.fromkeys(filter(None, named)))
    missions = _watched(selected, watch, Scan(len(rows), listing.total))
    rows += _with_picture_facts(frames_of_missions(client, missions, layout.batch), rows)
    found = plan(rows, wish, layout, listing.total)
    return replace(found, counts=replace(found.counts, without_mission=named.count(None)))


def _watched(missions: Sequence[int], watch: Callable[[Scan], None], scan: Scan) -> Iterator[int]:
    for number, mission in enumerate(missions, 1):
        watch(replace(scan, mission=number, missions=len(missions)))
        yield mission


def plan(rows: Sequence[SloohPicture], wish: Wish, layout: PictureLayout, available: int = 0) -> PicturePlan:
    """The plan for `rows`. All rows get paths before they are filtered, so that no path depends on the filters."""
    placed, refused = _place(rows, layout)
    arranged = arrange(placed, layout.duplicates, lambda picture: picture.age)
    wanted = [(path, row) for path, row in arranged.kept if _passes(row, wish.filters)]
    chosen = [(path, row) for path, row in wanted if _is_chosen(path.text, row, wish)]
    bad = [item for item, row in refused if _passes(row, wish.filters) and _is_chosen(item.name, row, wish)]
    dropped = tuple(one for one in arranged.dropped if _passes(one.record, wish.filters))
    planned: list[Planned] = [
        RemoteFile(path, None, _key(row), modified=row.taken.timestamp() if row.taken else None) for path, row in chosen
    ]
    planned += bad
    home = len(wanted) - len(chosen) if wish.select is Select.NEW else 0
    return PicturePlan(
        tuple(planned),
        {_key(row): layout.hosts.checked(row.address) for _, row in chosen},
        {path.text: row for path, row in chosen},
        dropped,
        Counts(available or len(rows), len(rows), home, len(dropped), len(planned)),
    )


def _place(
    rows: Iterable[SloohPicture], layout: PictureLayout
) -> tuple[list[tuple[SafePath, SloohPicture]], list[tuple[Refused, SloohPicture]]]:
    """The rows with their paths, and those that cannot be downloaded, under distinct names."""
    placed: list[tuple[SafePath, SloohPicture]] = []
    refused: list[tuple[Refused, SloohPicture]] = []
    for number, row in enumerate(rows, 1):
        try:
            layout.hosts.checked(row.address)
            placed.append((layout.names.path_of(row.facts), row))
        except DownloadError as error:
            name = f"picture {row.key}" if row.key else f"row {number} of Slooh's list"
            refused.append((Refused(name, error), row))
    return placed, refused


def _passes(row: SloohPicture, filters: Filters) -> bool:
    return subject_passes(row, filters) and (row.is_frame or format_passes(row, filters))


def _is_chosen(name: str, row: SloohPicture, wish: Wish) -> bool:
    """Whether `Wish.select` includes it."""
    when = wish.known.get(name) or wish.known.get(_key(row))
    known = when is not None and (row.taken is None or row.taken <= when)
    if wish.select is Select.NEW:
        return not known
    return known if wish.select is Select.FAILED else True


def _key(row: SloohPicture) -> str:
    """``""`` if there is none; a row with an address has one."""
    return row.key or ""


def _with_picture_facts(frames: Iterable[SloohPicture], rows: Sequence[SloohPicture]) -> Iterator[SloohPicture]:
    """`frames`, with the facts that only the pictures of their missions have. Of several pictures the oldest counts."""
    oldest: dict[int | None, SloohPicture] = {}
    for row in rows:
        held = oldest.setdefault(row.mission_id, row)
        oldest[row.mission_id] = min(held, row, key=lambda one: one.age)
    for frame in frames:
        picture = oldest.get(frame.mission_id, SloohPicture())
        yield replace(
            frame,
            title=picture.title,
            telescope=picture.telescope,
            taken=picture.taken,
            instrument=frame.instrument or picture.instrument,
        )
