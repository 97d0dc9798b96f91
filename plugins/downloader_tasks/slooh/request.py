"""What a run of `slooh_images` was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from downloader.report import Pairs
from downloader.sources.slooh import FILE_TYPES, Duplicates, Filters, Select

from ..failures import Refusal
from ..parameters import day, refuse_contradictions, trimmed
from ..settings import Configuration, writable_location

__all__ = ["PictureRequest"]


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
        refuse_contradictions("slooh_images", params)
        return cls(
            select=Select(params.get("select", Select.NEW)),
            mission_id=params.get("mission_id") or 0,
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


def _filters(params: Mapping[str, Any]) -> Filters:
    try:
        return Filters(
            day(params, "since"),
            day(params, "until"),
            trimmed(params.get("telescopes") or []),
            trimmed(params.get("objects") or []),
            trimmed(params.get("file_types") or []),
        )
    except ValueError as error:
        problem = f"file_types: {error}"
    raise Refusal(problem)
