"""The report as a value, and the numbers of its formats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from operator import attrgetter
from typing import Final

from ..results import FileResult, Outcome
from .escaping import quoted

__all__ = ["AUDIT_FORMAT", "DOWNLOAD_FORMAT", "FORMAT", "Pairs", "Report", "Status", "Summary"]

Pairs = tuple[tuple[str, str], ...]
"""Lines of a label and a value, in their order."""

FORMAT: Final = 2
"""The newest format.

====== ========== ==================================================================================================
number since      differs from the one before
====== ========== ==================================================================================================
1      2026-11-21 The first. A report of it has no line with its number. The fact ``resources`` and the assurances
                  ``complete PNG``, ``complete JPEG`` and ``complete FITS`` came later on the same day; a report that
                  has none of them is the same in all versions.
2      2026-11-28 Reports of audits, and of nothing else: besides failures they have the outcome ``Intact`` alone, and
                  their summary counts ``Intact``, ``Missing``, ``Altered`` and ``Incomplete``. Those of downloads
                  are written in format 1 as before.
====== ========== ==================================================================================================

A new format is whatever `parse` of the version before refuses: another wording, order or rounding, one more fact,
outcome or assurance. Labels and values of `Report.head` and `Report.extra`, messages and names are free. To make one:

1. Raise the number and add a row here. From format 2 on, the third line of a report is ``Report Format: 2``.
2. Add its reader to the table in `parser`. Keep the older readers and the wording that they compare with: without them
   `slooh_images` takes all that it has downloaded before for new.
3. Freeze reports of it in ``tests/fixtures/reports/format_3``, and never change those of the older formats.
"""

DOWNLOAD_FORMAT: Final = 1
"""The format that reports of downloads are written in."""
AUDIT_FORMAT: Final = 2
"""The format that reports of audits are written in."""

_LIMIT: Final = 2**64
"""All amounts are below it. Python writes far larger numbers in exponential notation, which does not read back."""


class Status(StrEnum):
    """The outcome of a whole run."""

    SUCCESS = "SUCCESS"
    PARTIAL_FAILURE = "PARTIAL FAILURE"
    COMPLETE_FAILURE = "COMPLETE FAILURE"


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of files by outcome. `size`: bytes of all files that have their final names.

    `failures`: of an audit, the failed files by the kind of what was found.
    """

    total: int
    failed: int
    downloaded: int
    resumed: int
    self_healed: int
    skipped: int
    intact: int
    size: int
    failures: Mapping[str, int]

    @property
    def successful(self) -> int:
        """Files that are complete and have their final names."""
        return self.total - self.failed

    @property
    def status(self) -> Status:
        """SUCCESS if no file failed (also if there was none), COMPLETE FAILURE if all of them did."""
        if not self.failed:
            return Status.SUCCESS
        return Status.PARTIAL_FAILURE if self.successful else Status.COMPLETE_FAILURE


@dataclass(frozen=True, slots=True)
class Report:
    """The receipt of one run.

    `timestamp`: aware; stored in UTC and whole seconds. `destination`: the folder that the run wrote to. `head`: more
    lines above the files, such as ``("S3 Bucket", "backups")``. `results`: stored sorted by name. `duration`: seconds,
    rounded to a tenth. `extra`: more lines of the summary, between the duration and the status. `format`: the number of
    the format that it was read from or is written in, see `FORMAT`; that of an audit is `AUDIT_FORMAT`.

    Raises:
        ValueError: a timestamp without a time zone; a size, count or time that is negative or not below 2**64; an
            unknown format; an outcome of an audit in another report, or of a download in that of an audit.
    """

    title: str
    timestamp: datetime
    destination: str
    head: Pairs = ()
    results: tuple[FileResult, ...] = ()
    duration: float = 0.0
    extra: Pairs = ()
    format: int = DOWNLOAD_FORMAT

    def __post_init__(self) -> None:
        if self.timestamp.utcoffset() is None:
            raise ValueError("the timestamp of a report needs a time zone")
        if not 1 <= self.format <= FORMAT:
            raise ValueError(f"{self.format} is not a report format; the newest is {FORMAT}")
        if not 0 <= self.duration < _LIMIT:
            raise ValueError(f"{self.duration} is not a valid duration")
        for result in self.results:
            amounts = (result.size, result.fetched, result.seconds, result.resources or 0)
            if not all(0 <= amount < _LIMIT for amount in amounts):
                raise ValueError(f"an amount of {quoted(result.name)} is not valid")
            if result.ok and (result.outcome is Outcome.INTACT) != self.audit:
                raise ValueError(f"{result.outcome} is no outcome of {'an audit' if self.audit else 'a download'}")
        object.__setattr__(self, "timestamp", self.timestamp.astimezone(UTC).replace(microsecond=0))
        object.__setattr__(self, "duration", round(self.duration, 1))
        object.__setattr__(self, "results", tuple(sorted(self.results, key=attrgetter("name"))))

    @property
    def audit(self) -> bool:
        """Whether it is on what was there, and not on a download."""
        return self.format == AUDIT_FORMAT

    @property
    def summary(self) -> Summary:
        """The counts of the results. Computed anew on each access."""
        counts = Counter(result.outcome for result in self.results)
        return Summary(
            total=len(self.results),
            failed=counts[Outcome.FAILED],
            downloaded=counts[Outcome.DOWNLOADED],
            resumed=counts[Outcome.RESUMED],
            self_healed=counts[Outcome.SELF_HEALED],
            skipped=counts[Outcome.SKIPPED],
            intact=counts[Outcome.INTACT],
            size=sum(result.size for result in self.results if result.ok),
            failures=Counter(result.message.partition(": ")[0] for result in self.results if not result.ok),
        )
