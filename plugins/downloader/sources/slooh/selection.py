"""Which pictures are selected. Slooh filters by mission only, so every other filter is applied here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from .picture_names import designations_of, format_of, object_of
from .rows import SloohPicture

__all__ = ["FILE_TYPES", "Filters", "Select", "format_passes", "subject_passes", "until_too_old"]

FILE_TYPES: Final = {
    "png": "Pictures",
    "pictures": "Pictures",
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "fits": "FITS",
    "fit": "FITS",
}
"""The names of file types that users may write, in lower case, and their formats."""

_NAMES_ONE: Final = re.compile(r"[A-Za-z]+[ -]?(?:2-)?[0-9]+")
_MARGIN: Final = timedelta(days=1)
_MOST_TOO_OLD: Final = 100
"""The number of successive rows that are too old after which the rest counts as too old. More than a page."""


class Select(StrEnum):
    """Which pictures are selected, before the filters."""

    NEW = "new"
    ALL = "all"
    FAILED = "failed"
    MISSION = "mission"


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions for pictures. An empty one or None accepts all.

    `since` and `until`: days, both included, or times; UTC, also if they are naive. `telescopes`: parts of names
    (``canary``), in any case, or globs over whole names (``chile *``). `objects`: the same over titles
    (``horsehead``) and over the names of the folders; a catalogue number (``M1``, ``ic 434``) matches that object
    only, not a longer number. `file_types`: keys of `FILE_TYPES`, in any case.
    """

    since: date | datetime | None = None
    until: date | datetime | None = None
    telescopes: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    file_types: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for an unknown file type."""
        for name in self.file_types:
            if name.strip().lower() not in FILE_TYPES:
                raise ValueError(f"{name!r} is not a file type; write one of {', '.join(sorted(FILE_TYPES))}")

    @property
    def begin(self) -> datetime | None:
        """The first time that is included."""
        return None if self.since is None else _moment(self.since)

    @property
    def end(self) -> datetime | None:
        """The first time that is no longer included."""
        if self.until is None:
            return None
        whole_day = not isinstance(self.until, datetime)
        return _moment(self.until) + (timedelta(days=1) if whole_day else timedelta(microseconds=1))


def subject_passes(picture: SloohPicture, filters: Filters) -> bool:
    """Whether time, telescope and object match. A picture without a time matches no filter of times."""
    return (
        _time_passes(picture.taken, filters)
        and _any_passes(filters.telescopes, (picture.telescope,))
        and _object_passes(picture.title, filters.objects)
    )


def format_passes(picture: SloohPicture, filters: Filters) -> bool:
    """Whether the format of the file matches."""
    wanted = {FILE_TYPES[name.strip().lower()] for name in filters.file_types}
    return not wanted or format_of(picture.facts) in wanted


def until_too_old(pictures: Iterable[SloohPicture], begin: datetime | None) -> Iterator[SloohPicture]:
    """`pictures`, the newest first, until the others are probably all older than `begin`.

    Slooh's order is not exactly that of the times: it ends after 100 successive pictures that are a day too old.
    """
    too_old = 0
    for picture in pictures:
        yield picture
        if begin is not None and picture.taken is not None:
            too_old = too_old + 1 if picture.taken < begin - _MARGIN else 0
        if too_old == _MOST_TOO_OLD:
            return


def _time_passes(taken: datetime | None, filters: Filters) -> bool:
    begin, end = filters.begin, filters.end
    if taken is None:
        return begin is None and end is None
    return (begin is None or taken >= begin) and (end is None or taken < end)


def _object_passes(title: str | None, objects: tuple[str, ...]) -> bool:
    if not objects:
        return True
    held = designations_of(title or "")
    wanted = {pattern: _designation(pattern) for pattern in objects}
    words = tuple(pattern for pattern, number in wanted.items() if number is None)
    if any(number in held for number in wanted.values()):
        return True
    return bool(words) and _any_passes(words, (title, object_of(title)))


def _designation(pattern: str) -> str | None:
    """The catalogue number that `pattern` consists of; None if it is anything else."""
    found = designations_of(pattern)
    return found[0] if found and _NAMES_ONE.fullmatch(pattern.strip()) else None


def _any_passes(patterns: tuple[str, ...], names: tuple[str | None, ...]) -> bool:
    return not patterns or any(_matches(name, pattern) for name in names if name for pattern in patterns)


def _matches(name: str, pattern: str) -> bool:
    folded, wanted = name.casefold(), pattern.strip().casefold()
    return fnmatchcase(folded, wanted) if any(sign in wanted for sign in "*?[") else wanted in folded


def _moment(value: date | datetime) -> datetime:
    if not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value
