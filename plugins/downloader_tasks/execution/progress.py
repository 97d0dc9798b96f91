"""Watching a batch: lines for the log, figures for the state store. Never on the hot path, never often."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from downloader.results import FileResult, Outcome
from downloader.transfer import Progress

from ..wording import duration, one_line, shown_size
from .files_under_way import FilesUnderWay
from .ledger import Ledger
from .speed import Speed, SpeedMeter

__all__ = ["FEW", "Lines", "Rhythm", "Watch"]

FEW: Final = 200
"""Files up to which each one gets its line in the log."""
_MOST_FAILURES: Final = 50
"""Failures that get a line in the log of a larger batch; the report has them all."""

log = logging.getLogger(__name__)


class Rhythm:
    """Says when it is time again."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._now = now
        self._last = now()

    def due(self) -> bool:
        """Whether `seconds` have passed since it was last time."""
        if self._now() - self._last < self._seconds:
            return False
        self._last = self._now()
        return True


class Lines:
    """The lines of the log: one a file for a small batch, one every few seconds for a large one."""

    def __init__(self, files: int, *, quiet: bool = False) -> None:
        """`quiet`: nothing but failures."""
        self.each = files <= FEW
        """Whether each file gets its line."""
        self._quiet = quiet
        self._failures = 0
        self._rhythm = Rhythm(30.0 if self.each else 5.0)

    def result(self, result: FileResult, progress: Progress) -> None:
        """One file has been answered for."""
        self._failures += not result.ok
        if (self.each and not (self._quiet and result.ok)) or (not result.ok and self._failures <= _MOST_FAILURES):
            level = logging.INFO if result.ok else logging.WARNING
            count = f"[{progress.files_done}/{progress.files}]"
            log.log(level, "%s Downloading %s... %s", count, one_line(result.name), _told(result))

    def summary(
        self, progress: Progress, look: Callable[[Progress], Speed], under_way: FilesUnderWay | None = None
    ) -> None:
        """A line on the whole, when it is time, and in a small batch one on each file that is under way."""
        if self._quiet or not self._rhythm.due() or progress.files_done == progress.files:
            return
        speed = look(progress)
        left = "" if speed.seconds_left is None else f", about {duration(speed.seconds_left)} left"
        log.info(
            "%s of %s files, %s of %s fetched, %s/s%s",
            f"{progress.files_done:,}",
            f"{progress.files:,}",
            shown_size(progress.fetched),
            shown_size(progress.total),
            shown_size(round(speed.bytes_a_second)),
            left,
        )
        for line in under_way.lines() if under_way and self.each else ():
            log.info("  %s", line)


class Watch:
    """The listener of a batch. Writes results down, and tells the log and the state store."""

    def __init__(
        self, ledger: Ledger, lines: Lines, show: Callable[[dict[str, Any]], None], save: Callable[[], None]
    ) -> None:
        """`show` takes progress every two seconds.

        `save` is called when there were results: what must outlive a killed task. Every ten seconds, and every two for
        a small batch, whose results are soon packed: a report does not wait for a task that a person gave up.
        """
        self._ledger = ledger
        self._lines = lines
        self._show = show
        self._save = save
        self._pace = SpeedMeter()
        self._under_way = FilesUnderWay()
        self._often = Rhythm(2.0)
        self._seldom = Rhythm(2.0 if lines.each else 10.0)
        self._unsaved = False

    def on_result(self, result: FileResult, progress: Progress) -> None:
        """One file has been answered for."""
        self._ledger.note(result)
        self._unsaved = True
        self._pace.spare(max(0, self._ledger.planned_size(result.name) - result.fetched))
        self._lines.result(result, progress)
        self.on_progress(progress)

    def on_progress(self, progress: Progress) -> None:
        """About twice a second."""
        self._under_way.follow(progress)
        self._lines.summary(progress, self._pace.look, self._under_way)
        if self._often.due() or progress.files_done == progress.files:
            self._show(_figures(progress, self._pace.look(progress), self._under_way))
        if self._unsaved and self._seldom.due():
            self._unsaved = False
            self._save()


def _figures(progress: Progress, speed: Speed, under_way: FilesUnderWay) -> dict[str, Any]:
    return {
        "files_done": progress.files_done,
        "files": progress.files,
        "bytes_fetched": progress.fetched,
        "bytes_planned": progress.total,
        "bytes_a_second": round(speed.bytes_a_second),
        "seconds_left": None if speed.seconds_left is None else round(speed.seconds_left),
        "under_way": under_way.figures(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _told(result: FileResult) -> str:
    """``✓ (1.2 MB in 2.1s)``, ``⊘ (already exists, skipped)``, ``✗ KIND: ...``."""
    if result.outcome is Outcome.FAILED:
        return f"✗ {one_line(result.message)}"
    if result.outcome is Outcome.SKIPPED:
        return "⊘ (already exists, skipped)"
    how = {Outcome.RESUMED: "resumed, ", Outcome.SELF_HEALED: f"self-healed: {one_line(result.message)}, "}
    return f"✓ ({how.get(result.outcome, '')}{shown_size(result.size)} in {result.seconds:.1f}s)"
