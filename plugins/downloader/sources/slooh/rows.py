"""Slooh's answers as records. Anything may be missing; a value of a wrong type counts as missing.

Numbers come as strings and strings as numbers, so both are accepted. Slooh publishes no reference of its API: it was
observed on the site.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from urllib.parse import unquote, urlsplit

from ...errors import ServerBusy
from .picture_names import PictureFacts
from .times import moment

__all__ = [
    "MemberStatus",
    "Mission",
    "RowPage",
    "SloohPicture",
    "frames_of",
    "is_true",
    "missions_of",
    "pictures_of",
    "status_of",
    "text",
]

T = TypeVar("T")

_MOST_ROWS: Final = 10_000
"""The limit of one answer, however many rows were requested."""
_MOST_GROUPS: Final = 1_000
_LONGEST_TEXT: Final = 1_000
_LONGEST_ADDRESS: Final = 8_000
_MOST_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class SloohPicture:
    """A picture, or a FITS frame."""

    image_id: str | None = None
    customer_image_id: str | None = None
    mission_id: int | None = None
    title: str | None = None
    """The only field that names the object."""
    address: str | None = field(default=None, repr=False)
    """Its address. May be signed, so it is never shown."""
    kind: str | None = None
    """``PNG``, ``JPG``, ``JPEG`` or ``FITS``, as Slooh says."""
    telescope: str | None = None
    instrument: str | None = None
    taken: datetime | None = None
    """UTC."""
    name: str | None = None
    """The file name of a frame, if the answer has it."""
    is_frame: bool = False

    @property
    def key(self) -> str | None:
        """Identifies it in every listing; None if nothing does."""
        kind = f"fits:{self.mission_id}:" if self.is_frame else ""
        if self.image_id is not None:
            return f"{kind}{self.image_id}"
        if self.customer_image_id is not None:
            return f"{kind}customer:{self.customer_image_id}"
        place = _place(self.address)
        return f"{kind}address:{hashlib.sha256(place.encode()).hexdigest()[:32]}" if place else None

    @property
    def filename(self) -> str | None:
        """The name of the frame, else the last part of the address."""
        return self.name or unquote(_place(self.address).rpartition("/")[2], errors="replace") or None

    @property
    def facts(self) -> PictureFacts:
        """The values that local names are made of."""
        return PictureFacts(self.title, self.telescope, self.instrument, self.filename, self.kind, self.taken)

    @property
    def age(self) -> tuple[int, int, str]:
        """A sort key, the oldest first: Slooh's ids increase."""
        key = self.key or ""
        number = key.rpartition(":")[2]
        return (0, int(number), key) if number.isascii() and number.isdigit() else (1, 0, key)


@dataclass(frozen=True, slots=True)
class Mission:
    """A mission."""

    mission_id: int | None = None
    title: str | None = None
    telescope: str | None = None
    instrument: str | None = None
    taken: datetime | None = None
    """UTC."""


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """What Slooh knows of a member."""

    display_name: str | None = None
    tier: str | None = None
    gravity_points: int | None = None
    member_since: str | None = None


@dataclass(frozen=True, slots=True)
class RowPage(Generic[T]):
    """A part of a list. `received`: rows of the answer. `total`: rows of the whole list, if known."""

    rows: tuple[T, ...]
    received: int
    total: int | None


def pictures_of(answer: Mapping[str, Any], mission_id: int | None = None) -> RowPage[SloohPicture]:
    """An answer of ``getMyPictures``. `mission_id`: the mission that was asked for, which a row need not repeat."""
    return _page(answer, lambda row: _picture(row, mission_id))


def missions_of(answer: Mapping[str, Any]) -> RowPage[Mission]:
    """An answer of ``getMissionImages``."""
    return _page(answer, _mission)


def frames_of(answer: Mapping[str, Any], mission_id: int) -> RowPage[SloohPicture]:
    """An answer of ``getMissionFITS``. It has no total."""
    rows: list[SloohPicture] = []
    for group in _rows(answer, "groupList", _MOST_GROUPS):
        instrument = text(group.get("groupName"))
        rows += [_frame(row, instrument, mission_id) for row in _rows(group, "groupImageList", _MOST_ROWS - len(rows))]
    return RowPage(tuple(rows), len(rows), None)


def status_of(answer: Mapping[str, Any]) -> MemberStatus:
    """An answer of ``getUserGravityStatus``."""
    return MemberStatus(
        text(answer.get("displayName")),
        text(answer.get("tier")),
        whole(answer.get("gravityPoints")),
        text(answer.get("memberSince")),
    )


def _page(answer: Mapping[str, Any], read: Callable[[Mapping[str, Any]], T]) -> RowPage[T]:
    rows = _rows(answer, "imageList", _MOST_ROWS)
    return RowPage(tuple(read(row) for row in rows), len(rows), whole(answer.get("totalCount")))


def _rows(answer: Mapping[str, Any], name: str, most: int) -> list[Mapping[str, Any]]:
    """A list of objects; anything else in it counts as an empty object.

    Raises ServerBusy if it is not a list, or longer than `most`.
    """
    found = answer.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise ServerBusy(f"Slooh answered with something in {name} that is not a list")
    if len(found) > most:
        raise ServerBusy(f"Slooh answered with {len(found)} rows in {name}, more than the limit of {most}")
    return [row if isinstance(row, Mapping) else {} for row in found]


def _picture(row: Mapping[str, Any], mission_id: int | None) -> SloohPicture:
    return SloohPicture(
        text(row.get("imageId")),
        text(row.get("customerImageId")),
        _mission_id(row) or mission_id,
        text(row.get("imageTitle")),
        text(row.get("imageDownloadURL"), _LONGEST_ADDRESS),
        text(row.get("imageType")),
        text(row.get("telescopeName")),
        text(row.get("instrumentName")),
        moment(text(row.get("displayDate")), text(row.get("displayTime"))),
    )


def _mission(row: Mapping[str, Any]) -> Mission:
    return Mission(
        _mission_id(row),
        text(row.get("imageTitle")),
        text(row.get("telescopeName")),
        text(row.get("instrumentName")),
        moment(text(row.get("displayDate")), text(row.get("displayTime"))),
    )


def _mission_id(row: Mapping[str, Any]) -> int | None:
    """The mission of a row. Rows of PNGs have an empty ``missionId``; 0 stands for none."""
    return whole(row.get("scheduledMissionId")) or whole(row.get("missionId")) or None


def _frame(row: Mapping[str, Any], instrument: str | None, mission_id: int) -> SloohPicture:
    return SloohPicture(
        image_id=text(row.get("imageId")),
        mission_id=mission_id,
        address=text(row.get("imageURL"), _LONGEST_ADDRESS),
        kind="FITS",
        instrument=instrument,
        name=text(row.get("imageTitle")),
        is_frame=True,
    )


def text(value: object, most: int = _LONGEST_TEXT) -> str | None:
    """A string without surrounding blanks, or a number as a string. None if it is empty or longer than `most`."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    found = value.strip()
    return found if 0 < len(found) <= most else None


def whole(value: object) -> int | None:
    """A non-negative integer of at most 15 digits, given as a number or as a string."""
    digits = text(int(value) if isinstance(value, float) and value.is_integer() else value)
    if digits is None or len(digits) > _MOST_DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits)


def is_true(value: object) -> bool:
    """Whether it is ``true``, or the string ``"true"``."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def _place(address: str | None) -> str:
    """Host and path of an address, the parts that are not secret; ``""`` if there is none."""
    try:
        parts = urlsplit(address or "")
    except ValueError:  # a broken IPv6 address
        return ""
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"
