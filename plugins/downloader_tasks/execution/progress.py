"""Watching a batch: lines for the log, figures for the state store. Not on the hot path, and not often."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from downloader.results import FileResult, Outcome
from downloader.transfer import FileProgress, Progress

from ..wording import duration, one_line, shown_size
from .ledger import Ledger
from .speed import Speed, SpeedMeter

__all__ = ["FEW", "Figures", "Lines", "Rhythm", "Watch"]

FEW: Final = 200
"""Files up to which each one gets its line in the log."""
_MOST_FAILURES: Final = 50
"""Failures that get a line in the log of a larger batch; the report has them all."""
_MOST_UNDER_WAY: Final = 20
"""Files that are shown at once."""

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
class FileFigures:
    """One file in the task state store. `size`, `seconds_left`: None where they are not known."""

    name: str
    bytes: int
    size: int | None
    bytes_a_second: int
    seconds_left: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """`progress` in the task state store. `at`: when, in ISO 8601. `seconds_left`: None where it is not known."""

    files_done: int
    files: int
    bytes_fetched: int
    bytes_planned: int
    bytes_a_second: int
    seconds_left: int | None
    under_way: list[FileFigures]
    at: str


class FilesUnderWay:
    """Follows the large files that are being transferred, by name. Used by one thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._clock = now
        self._meters: dict[str, SpeedMeter] = {}
        self._now: list[tuple[FileProgress, Speed]] = []

    def follow(self, progress: Progress) -> None:
        """Takes their figures, some times a second."""
        here = progress.under_way[:_MOST_UNDER_WAY]
        self._meters = {file.name: self._meters.get(file.name) or SpeedMeter(file.done, self._clock) for file in here}
        self._now = [(file, self._speed(file)) for file in here]

    def figures(self) -> list[FileFigures]:
        """As the state store shows them."""
        return [
            FileFigures(
                one_line(file.name), file.done, file.size, round(speed.bytes_a_second), speed.whole_seconds_left
            )
            for file, speed in self._now
        ]

    def lines(self) -> list[str]:
        """``big.dat: 171.0 MB of 489.0 MB (35 %), 3.8 MB/s, about 83 s left``."""
        return [
            f"{one_line(file.name)}: {_amount(file)}, {shown_size(round(speed.bytes_a_second))}/s"
            + ("" if speed.seconds_left is None else f", about {duration(speed.seconds_left)} left")
            for file, speed in self._now
        ]

    def _speed(self, file: FileProgress) -> Speed:
        speed = self._meters[file.name].look(Progress(0, 1, file.done, file.size or 0))
        return speed if file.size else Speed(speed.bytes_a_second, None)


def _amount(file: FileProgress) -> str:
    """``171.0 MB of 489.0 MB (35 %)``."""
    whole = f" of {shown_size(file.size)} ({100 * file.done // file.size} %)" if file.size else ""
    return shown_size(file.done) + whole


class Lines:
    """The lines of the log: one a file for a small batch, one every few seconds for a large one."""

    def __init__(self, files: int, *, quiet: bool = False, now: Callable[[], float] = time.monotonic) -> None:
        """`quiet`: nothing but failures."""
        self.each = files <= FEW
        """Whether each file gets its line."""
        self._quiet = quiet
        self._failures = 0
        self._rhythm = Rhythm(30.0 if self.each else 5.0, now)

    def result(self, result: FileResult, progress: Progress) -> None:
        """One file has a result."""
        self._failures += not result.ok
        if (self.each and not (self._quiet and result.ok)) or (not result.ok and self._failures <= _MOST_FAILURES):
            level = logging.INFO if result.ok else logging.ERROR
            count = f"[{progress.files_done}/{progress.files}]"
            log.log(level, "%s Downloading %s... %s", count, one_line(result.name), _shown(result))

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
    """The listener of a batch. Records results, and informs the log and the state store."""

    def __init__(
        self,
        ledger: Ledger,
        lines: Lines,
        show: Callable[[dict[str, Any]], None],
        save: Callable[[], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`show` takes `Figures`, as JSON, every two seconds.

        `save` is called when there were results: what must outlive a killed task. Every ten seconds, and every two for
        a small batch, whose results are packed quickly: a report does not wait for a task that a person stopped.
        """
        self._ledger = ledger
        self._lines = lines
        self._show = show
        self._save = save
        self._speed = SpeedMeter(now=now)
        self._under_way = FilesUnderWay(now)
        self._often = Rhythm(2.0, now)
        self._seldom = Rhythm(2.0 if lines.each else 10.0, now)
        self._unsaved = False

    def on_result(self, result: FileResult, progress: Progress) -> None:
        """One file has a result."""
        self._ledger.note(result)
        self._unsaved = True
        self._speed.spare(max(0, self._ledger.planned_size(result.name) - result.fetched))
        self._lines.result(result, progress)
        self.on_progress(progress)

    def on_progress(self, progress: Progress) -> None:
        """About twice a second."""
        self._under_way.follow(progress)
        self._lines.summary(progress, self._speed.look, self._under_way)
        if self._often.due() or progress.files_done == progress.files:
            self._show(asdict(_figures(progress, self._speed.look(progress), self._under_way)))
        if self._unsaved and self._seldom.due():
            self._unsaved = False
            self._save()


def _figures(progress: Progress, speed: Speed, under_way: FilesUnderWay) -> Figures:
    return Figures(
        files_done=progress.files_done,
        files=progress.files,
        bytes_fetched=progress.fetched,
        bytes_planned=progress.total,
        bytes_a_second=round(speed.bytes_a_second),
        seconds_left=speed.whole_seconds_left,
        under_way=under_way.figures(),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _shown(result: FileResult) -> str:
    """``✓ (1.2 MB in 2.1s)``, ``⊘ (already exists, skipped)``, ``✗ KIND: ...``; remarks stand behind a semicolon."""
    message = one_line(result.message)
    remark = f"; {message}" if message else ""
    if result.outcome is Outcome.FAILED:
        return f"✗ {message}"
    if result.outcome is Outcome.SKIPPED:
        return f"⊘ (already exists, skipped{remark})"
    how = {Outcome.RESUMED: "resumed, ", Outcome.SELF_HEALED: f"self-healed: {message}, "}
    remark = "" if result.outcome is Outcome.SELF_HEALED else remark
    return f"✓ ({how.get(result.outcome, '')}{shown_size(result.size)} in {result.seconds:.1f}s{remark})"
