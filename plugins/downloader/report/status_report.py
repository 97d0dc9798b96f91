"""What a report is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from math import inf
from operator import attrgetter

from ..results import FileResult, Outcome

__all__ = ["Pairs", "Report", "Status", "Summary"]

Pairs = tuple[tuple[str, str], ...]
"""Lines of a label and a value, in their order."""


class Status(StrEnum):
    """How a run as a whole came out."""

    SUCCESS = "SUCCESS"
    PARTIAL_FAILURE = "PARTIAL FAILURE"
    COMPLETE_FAILURE = "COMPLETE FAILURE"


@dataclass(frozen=True, slots=True)
class Summary:
    """Files by what became of them. `size`: bytes of all files that stand under their final names."""

    total: int
    failed: int
    downloaded: int
    resumed: int
    self_healed: int
    skipped: int
    size: int

    @property
    def successful(self) -> int:
        """Files that stand under their final names, whole."""
        return self.total - self.failed

    @property
    def status(self) -> Status:
        """SUCCESS if nothing failed (nothing to do is a success), COMPLETE FAILURE if all did."""
        if not self.failed:
            return Status.SUCCESS
        return Status.PARTIAL_FAILURE if self.successful else Status.COMPLETE_FAILURE


@dataclass(frozen=True, slots=True)
class Report:
    """One run's receipt.

    `timestamp`: aware; kept in UTC, in whole seconds. `destination`: the folder that the run filled. `head`: what else
    stands above the files, such as ``("S3 Bucket", "backups")``. `results`: kept sorted by name. `duration`: seconds,
    rounded to a tenth. `extra`: what else stands in the summary, between the duration and the status.

    Raises:
        ValueError: a timestamp without a zone; a size, a count of bytes or a time that is negative or not finite.
    """

    title: str
    timestamp: datetime
    destination: str
    head: Pairs = ()
    results: tuple[FileResult, ...] = ()
    duration: float = 0.0
    extra: Pairs = ()

    def __post_init__(self) -> None:
        if self.timestamp.utcoffset() is None:
            raise ValueError("a report's timestamp needs a zone")
        if not 0 <= self.duration < inf:
            raise ValueError(f"{self.duration} is no duration")
        for result in self.results:
            if result.size < 0 or result.fetched < 0 or not 0 <= result.seconds < inf:
                raise ValueError(f"an amount of {result.name!r} is none: {result}")
        object.__setattr__(self, "timestamp", self.timestamp.astimezone(UTC).replace(microsecond=0))
        object.__setattr__(self, "duration", round(self.duration, 1))
        object.__setattr__(self, "results", tuple(sorted(self.results, key=attrgetter("name"))))

    @property
    def summary(self) -> Summary:
        """The results, counted. Looks at every one of them each time."""
        counts = Counter(result.outcome for result in self.results)
        return Summary(
            total=len(self.results),
            failed=counts[Outcome.FAILED],
            downloaded=counts[Outcome.DOWNLOADED],
            resumed=counts[Outcome.RESUMED],
            self_healed=counts[Outcome.SELF_HEALED],
            skipped=counts[Outcome.SKIPPED],
            size=sum(result.size for result in self.results if result.ok),
        )
