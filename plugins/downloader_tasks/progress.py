"""Watching a batch: lines for the log, figures for the state store. Never on the hot path, never often."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from downloader.batch import Progress
from downloader.results import FileResult, Outcome

from .ledger import Ledger
from .wording import duration, one_line, shown_size

__all__ = ["FEW", "Lines", "Pace", "Rhythm", "Watch"]

FEW: Final = 200
"""Files up to which each one gets its line in the log."""
_MOST_FAILURES: Final = 50
"""Failures that get a line in the log of a larger batch; the report has them all."""
_LEAST: Final = 1024 * 1024
"""Bytes from which on the speed says something about the rest."""
_WINDOW: Final = 20.0
"""Seconds that the speed is an average of."""

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


@dataclass(frozen=True, slots=True)
class Speed:
    """Bytes a second of late, and the seconds that the rest takes at that speed, if it can be told."""

    bytes_a_second: float
    seconds_left: float | None


class Pace:
    """How fast it goes, and for how long still."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._marks: deque[tuple[float, int]] = deque([(now(), 0)])
        self._spared = 0

    def spare(self, count: int) -> None:
        """`count` bytes need not come any more."""
        self._spared += count

    def look(self, progress: Progress) -> Speed:
        """The speed between some time ago and now."""
        now = self._now()
        self._marks.append((now, progress.fetched))
        while len(self._marks) > 2 and now - self._marks[1][0] > _WINDOW:
            self._marks.popleft()
        then, before = self._marks[0]
        speed = (progress.fetched - before) / (now - then) if now > then else 0.0
        rest = max(0, progress.total - progress.fetched - self._spared)
        known = speed > 0 and progress.fetched >= _LEAST
        return Speed(speed, rest / speed if known else None)


class Lines:
    """The lines of the log: one a file for a small batch, one every few seconds for a large one."""

    def __init__(self, files: int) -> None:
        self.each = files <= FEW
        """Whether each file gets its line."""
        self._failures = 0
        self._rhythm = Rhythm(30.0 if self.each else 5.0)

    def result(self, result: FileResult, progress: Progress) -> None:
        """One file has been answered for."""
        self._failures += not result.ok
        if self.each or (not result.ok and self._failures <= _MOST_FAILURES):
            level = logging.INFO if result.ok else logging.WARNING
            count = f"[{progress.files_done}/{progress.files}]"
            log.log(level, "%s Downloading %s... %s", count, one_line(result.name), _told(result))

    def summary(self, progress: Progress, look: Callable[[Progress], Speed]) -> None:
        """A line on the whole, when it is time."""
        if not self._rhythm.due() or progress.files_done == progress.files:
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
        self._pace = Pace()
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
        self._lines.summary(progress, self._pace.look)
        if self._often.due() or progress.files_done == progress.files:
            self._show(_figures(progress, self._pace.look(progress)))
        if self._unsaved and self._seldom.due():
            self._unsaved = False
            self._save()


def _figures(progress: Progress, speed: Speed) -> dict[str, Any]:
    return {
        "files_done": progress.files_done,
        "files": progress.files,
        "bytes_fetched": progress.fetched,
        "bytes_planned": progress.total,
        "bytes_a_second": round(speed.bytes_a_second),
        "seconds_left": None if speed.seconds_left is None else round(speed.seconds_left),
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
