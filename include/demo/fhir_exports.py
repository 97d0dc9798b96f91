"""The demo's FHIR exports: what lies in the bucket, under the names that exporters give, and what lies here already."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import Final

from .fhir_resources import ndjson
from .local_copies import Here

__all__ = ["BROKEN", "EXPORTS", "SMALL", "Export"]


@dataclass(frozen=True, slots=True)
class Export:
    """A file of `count` resources of one type, numbered from `first` on; packed where its key ends in ``.gz``."""

    key: str
    kind: str
    count: int
    first: int = 1
    here: Here | None = None
    """Its local copy; None where there is none."""
    cut_line: int = 0
    """The line that lost its end when the exporter was stopped; 0 where none did."""

    @property
    def organized_path(self) -> str:
        """Where it belongs in the folders of the types, if no other has its name."""
        return f"{self.kind}/{self.key.rpartition('/')[2]}"

    def content(self) -> bytes:
        """The bytes that the exporter meant to write, the same in every demo."""
        content = ndjson(self.kind, self.count, self.first)
        return gzip.compress(content, mtime=0) if self.key.endswith(".gz") else content

    def content_there(self) -> bytes:
        """The bytes in the bucket."""
        if not self.cut_line:
            return self.content()
        lines = self.content().splitlines(keepends=True)
        line = lines[self.cut_line - 1]
        lines[self.cut_line - 1] = line[: len(line) // 2] + b"\n"
        return b"".join(lines)


BROKEN: Final = Export("Immunization.ndjson", "Immunization", 600, cut_line=417)

EXPORTS: Final = (
    Export("Condition.000.ndjson.gz", "Condition", 4_000),
    BROKEN,
    Export("Location.ndjson", "Location", 140),
    Export("Observation-0.ndjson", "Observation", 17_200, here=Here.HALF),
    Export("Organization.ndjson", "Organization", 290, here=Here.WHOLE),
    Export("Patient.ndjson", "Patient", 2_400),
    Export("Patient_001.ndjson", "Patient", 1_000, first=2_401, here=Here.WHOLE),
    Export("Procedure_Universitätsklinik.ndjson", "Procedure", 1_500, here=Here.DAMAGED),
    Export("exports/2024/1.Encounter.ndjson", "Encounter", 2_000),
    # One name in two folders: neither may take the other's place.
    Export("ward-3/MedicationRequest.ndjson", "MedicationRequest", 800),
    Export("ward-7/MedicationRequest.ndjson", "MedicationRequest", 800, first=801),
)

SMALL: Final = Export("Location.ndjson", "Location", 400)
