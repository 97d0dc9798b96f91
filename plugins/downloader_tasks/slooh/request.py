"""What a run of `slooh_images` was asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Self

from downloader.report import Pairs
from downloader.sources.slooh import FILE_TYPES, Duplicates, Filters, Select

from ..failures import Refusal
from ..parameters import trimmed
from ..settings import Configuration, writable_location
from ..wording import one_line

__all__ = ["PictureRequest"]

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """`mission_id`: 0 for none. `max_scan`: rows of Slooh's list that are looked at, None for all."""

    select: Select
    mission_id: int
    filters: Filters
    include_fits: bool
    max_scan: int | None
    duplicates: Duplicates
    quiet: bool
    location: Path

    @classmethod
    def from_params(cls, params: Mapping[str, Any], configuration: Configuration) -> Self:
        """Raises Refusal, LocationError."""
        select = Select(params.get("select", Select.NEW))
        return cls(
            select=select,
            mission_id=_mission(params.get("mission_id"), select),
            filters=_filters(params),
            include_fits=params.get("include_fits", False),
            max_scan=params.get("max_scan"),
            duplicates=Duplicates(params.get("duplicates", Duplicates.SKIP)),
            quiet=params.get("quiet", False),
            location=writable_location(configuration, "slooh"),
        )

    @property
    def lacks_frames(self) -> bool:
        """Whether FITS are asked for that are not downloaded: raw frames need `include_fits`."""
        formats = {FILE_TYPES[name.lower()] for name in self.filters.file_types}
        return "FITS" in formats and not self.include_fits

    @property
    def what(self) -> str:
        """``new``, ``mission 7``."""
        return f"mission {self.mission_id}" if self.mission_id else str(self.select)

    @property
    def head(self) -> Pairs:
        """As it stands above a report."""
        filters = self.filters
        lines = [
            ("Select", self.what),
            ("Since", str(filters.since or "")),
            ("Until", str(filters.until or "")),
            ("Telescopes", ", ".join(filters.telescopes)),
            ("Objects", ", ".join(filters.objects)),
            ("File types", ", ".join(filters.file_types)),
            ("FITS frames", "included" if self.include_fits else ""),
            ("Rows looked at", f"{self.max_scan:,} at most" if self.max_scan else ""),
            ("Duplicates", str(self.duplicates)),
        ]
        return tuple((label, value) for label, value in lines if value)


def _mission(given: int | None, select: Select) -> int:
    if select is not Select.MISSION:
        if given is not None:
            raise Refusal(f"mission_id is {given}, and select is {select}; set select to mission, or remove mission_id")
        return 0
    if given is None:
        raise Refusal("select is mission, and no mission_id is given; give the mission's number, such as 12345")
    return given


def _filters(params: Mapping[str, Any]) -> Filters:
    since, until = _day(params, "since"), _day(params, "until")
    if since and until and since > until:
        raise Refusal(f"since is {since}, which is after until, {until}; give the earlier day as since")
    try:
        return Filters(
            since,
            until,
            trimmed(params.get("telescopes") or []),
            trimmed(params.get("objects") or []),
            trimmed(params.get("file_types") or []),
        )
    except ValueError as error:
        problem = f"file_types: {error}"
    raise Refusal(problem)


def _day(params: Mapping[str, Any], name: str) -> date | None:
    text = (params.get(name) or "").strip()
    if not text:
        return None
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Refusal(f"{name} is {one_line(text)}, which is not a date; write it as 2026-02-07")
