"""Which pictures are wanted. Slooh filters by mission alone, so all else is sifted here, without a request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from .picture_names import designations_of, format_of, object_of
from .rows import Picture

__all__ = ["FILE_TYPES", "Filters", "Select", "format_passes", "subject_passes", "until_too_old"]

FILE_TYPES: Final = {
    "png": "Pictures",
    "pictures": "Pictures",
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "fits": "FITS",
    "fit": "FITS",
}
"""What users may write for a file type, in small letters, and the format that it means."""

_NAMES_ONE: Final = re.compile(r"[A-Za-z]+[ -]?(?:2-)?[0-9]+")
_MARGIN: Final = timedelta(days=1)
_PATIENCE: Final = 100
"""Rows in a row that are too old, before the rest is taken to be so too. More than a page, and than the list shifts."""


class Select(StrEnum):
    """Which pictures are wanted, before the filters."""

    NEW = "new"
    ALL = "all"
    FAILED = "failed"
    MISSION = "mission"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a picture must be. What is empty or None lets all pass.

    `since` and `until`: days, both included, or moments; UTC, also where they are naive. `telescopes`: parts of names
    (``canary``), in any case, or globs over whole names (``chile *``). `objects`: the same over titles
    (``horsehead``) and over the names of the folders; a catalogue's number (``M1``, ``ic 434``) is that very object,
    and not the beginning of another's number. `file_types`: keys of `FILE_TYPES`, in any case.
    """

    since: date | datetime | None = None
    until: date | datetime | None = None
    telescopes: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    file_types: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for a file type that is none."""
        for name in self.file_types:
            if name.strip().lower() not in FILE_TYPES:
                raise ValueError(f"{name!r} is no file type; write one of {', '.join(sorted(FILE_TYPES))}")

    @property
    def begin(self) -> datetime | None:
        """The first moment that is wanted."""
        return None if self.since is None else _moment(self.since)

    @property
    def end(self) -> datetime | None:
        """The first moment that is not wanted any more."""
        if self.until is None:
            return None
        whole_day = not isinstance(self.until, datetime)
        return _moment(self.until) + (timedelta(days=1) if whole_day else timedelta(microseconds=1))


def subject_passes(picture: Picture, filters: Filters) -> bool:
    """Whether time, telescope and object are wanted. A picture without a time is not, where times are asked for."""
    return (
        _time_passes(picture.taken, filters)
        and _any_passes(filters.telescopes, (picture.telescope,))
        and _object_passes(picture.title, filters.objects)
    )


def format_passes(picture: Picture, filters: Filters) -> bool:
    """Whether the file's form is wanted."""
    wanted = {FILE_TYPES[name.strip().lower()] for name in filters.file_types}
    return not wanted or format_of(picture.facts) in wanted


def until_too_old(pictures: Iterable[Picture], begin: datetime | None) -> Iterator[Picture]:
    """`pictures`, the newest first, up to where all others are older than `begin`, as far as one can tell.

    The order is Slooh's and not quite that of the times: the end comes after 100 in a row that are too old by a day.
    """
    too_old = 0
    for picture in pictures:
        yield picture
        if begin is not None and picture.taken is not None:
            too_old = too_old + 1 if picture.taken < begin - _MARGIN else 0
        if too_old == _PATIENCE:
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
    """The catalogue's number that `pattern` is, and nothing besides."""
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
