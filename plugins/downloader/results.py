"""What became of one file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .errors import DownloadError

__all__ = ["FORMS", "SIZE_ONLY", "UNPROVEN", "UNVERIFIED", "FileResult", "Outcome", "failed", "joined"]

SIZE_ONLY = "size"
"""Assurance: the length is right; there was no checksum to compare."""
UNVERIFIED = "none"
"""Assurance: there was nothing to compare."""
FORMS = ("complete PNG", "complete JPEG", "complete FITS")
"""Assurances: the file begins and ends as one of its kind does; there was no checksum to compare."""
UNPROVEN = frozenset({SIZE_ONLY, UNVERIFIED, *FORMS, ""})
"""Assurances that are no checksum's."""


class Outcome(StrEnum):
    """What became of a file."""

    DOWNLOADED = "downloaded"
    RESUMED = "resumed"
    SELF_HEALED = "self-healed"
    SKIPPED = "skipped"
    INTACT = "intact"
    """Of an audit, which downloads nothing: it is there, and is what it has to be."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileResult:
    """One line of the report.

    `size`: bytes of the file as it now lies under its final name (0 for a failure). `fetched`: bytes that came over the
    network for it. `seconds`: rounded to a tenth, so that a report holds it without loss. `assurance`: the checksum
    that it was compared with (``md5:9e10...``), or one of `UNPROVEN`; ``""`` for a failure. `message`: a failure's
    ``KIND: what happened; what to do``; else the reason of a healing and remarks, joined by ``; ``. `retryable`:
    whether another try may help. `resources`: how many FHIR resources are in it, None where they were not counted.
    """

    name: str
    outcome: Outcome
    size: int = 0
    fetched: int = 0
    seconds: float = 0.0
    assurance: str = ""
    message: str = ""
    retryable: bool = False
    resources: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "seconds", round(self.seconds, 1))

    @property
    def ok(self) -> bool:
        """Whether a complete file stands under the final name."""
        return self.outcome is not Outcome.FAILED

    @property
    def verified(self) -> bool:
        """Whether a checksum was compared."""
        return self.ok and self.assurance not in UNPROVEN


def failed(name: str, error: DownloadError, *, fetched: int = 0, seconds: float = 0.0) -> FileResult:
    """The result of a file that could not be downloaded."""
    return FileResult(
        name, Outcome.FAILED, fetched=fetched, seconds=seconds, message=str(error), retryable=error.retryable
    )


def joined(*clauses: str) -> str:
    """Clauses of a line of the report, those that are empty left out."""
    return "; ".join(filter(None, clauses))
