"""What a report is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from operator import attrgetter
from typing import Final

from ..results import FileResult, Outcome

__all__ = ["Pairs", "Report", "Status", "Summary"]

Pairs = tuple[tuple[str, str], ...]
"""Lines of a label and a value, in their order."""


_MOST: Final = 2**64
"""More bytes or seconds than there are. Python counts further, and shows what is larger by far as no decimal number."""

_LONGEST_SHOWN: Final = 120


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
        ValueError: a timestamp without a zone; a size, a count or a time that is negative, or not below 2**64.
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
        if not 0 <= self.duration < _MOST:
            raise ValueError(f"{self.duration} is no duration")
        for result in self.results:
            amounts = (result.size, result.fetched, result.seconds, result.resources or 0)
            if not all(0 <= amount < _MOST for amount in amounts):
                raise ValueError(f"an amount of {result.name[:_LONGEST_SHOWN]!r} is none")
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
