"""Watching a batch: lines for the log, figures for the state store. Not on the hot path, and not often."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from downloader.results import FileResult, Outcome
from downloader.transfer import Progress

from ..wording import duration, one_line, shown_size
from .ledger import Ledger
from .speed import BatchMeter, FileMeter, Standing

__all__ = ["FEW", "Figures", "History", "Lines", "Rhythm", "Watch"]

FEW: Final = 200
"""Files up to which each one gets its line in the log."""
_MOST_FAILURES: Final = 50
"""Failures that get a line in the log of a larger batch; the report has them all."""
_MOST_UNDER_WAY: Final = 20
"""Files that are shown at once."""
_MOST_POINTS: Final = 120
"""Points of `Figures.history` at most, so that a day needs no more room in the state store than a minute."""

_FIRST_LINE: Final = 4.0
"""Seconds to the first line on the whole, whether a file has ended by then or not."""

log = logging.getLogger(__name__)


class Rhythm:
    """Says when it is time again."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic, first: float | None = None) -> None:
        """`first`: seconds until the first time, if others than `seconds`."""
        self._seconds = seconds
        self._now = now
        self._next = now() + (seconds if first is None else first)

    def due(self) -> bool:
        """Whether it is time. The next time is `seconds` later."""
        if self._now() < self._next:
            return False
        self._next = self._now() + self._seconds
        return True


@dataclass(frozen=True, slots=True)
class FileFigures:
    """One file in the task state store. `size`, `seconds_left`: None where they are not known.

    `seconds_stalled`: as of `Figures`.
    """

    name: str
    bytes: int
    size: int | None
    bytes_a_second: int
    seconds_left: int | None
    seconds_stalled: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """`progress` in the task state store. `at`: when, in ISO 8601. `seconds_left`: None where it is not known.

    `bytes_done`: of `bytes_planned`, those that are there. `bytes_fetched`: those that came over the network.
    `percent`: of bytes, or of files where no size is known. `seconds_stalled`: without a byte, None while bytes come.
    `began`: when this try began to download, in ISO 8601. `history`: `bytes_done` so many seconds later, pair by pair.
    """

    files_done: int
    files: int
    bytes_done: int
    bytes_fetched: int
    bytes_planned: int
    percent: int | None
    bytes_a_second: int
    seconds_left: int | None
    seconds_stalled: int | None
    under_way: list[FileFigures]
    at: str
    began: str = ""
    history: list[list[int]] = field(default_factory=list)


class History:
    """How a number grew, in few points, the last of which is the newest.

    Where there are too many, every second one is left out, and from then on points are kept as far apart as the rest.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._start = now()
        self._step = 1.0
        self._next = self._step
        self._kept = [[0, 0]]  # lists: the state store takes no tuples

    def note(self, value: int) -> list[list[int]]:
        """Takes the number as it is now. Answers the points: seconds since the beginning, and the number then."""
        elapsed = self._now() - self._start
        points = [*self._kept, [round(elapsed), value]]
        if elapsed >= self._next:
            self._kept = points
            if len(points) >= _MOST_POINTS:
                self._kept = points[::2]
                self._step = elapsed / len(self._kept)
            self._next = elapsed + self._step
        return points


class FilesUnderWay:
    """Follows the large files that are being transferred, by name. Used by one thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._clock = now
        self._meters: dict[str, FileMeter] = {}

    def follow(self, progress: Progress) -> None:
        """Takes their figures, some times a second."""
        before, self._meters = self._meters, {}
        for file in progress.under_way[:_MOST_UNDER_WAY]:
            meter = self._meters[file.name] = before.get(file.name) or FileMeter(file, self._clock)
            meter.follow(file)

    def figures(self) -> list[FileFigures]:
        """As the state store shows them."""
        return [
            FileFigures(
                one_line(name),
                file.done,
                file.total or None,
                round(file.bytes_a_second),
                file.whole_seconds_left,
                file.whole_seconds_stalled,
            )
            for name, file in self._looks()
        ]

    def lines(self, got: str) -> list[str]:
        """``big.dat: 171.0 MB of 489.0 MB (35 %), 3.8 MB/s, about 83 s left``. `got`: as of `_pace`."""
        return [f"{one_line(name)}: {_amount(file)}, {_pace(file, got)}" for name, file in self._looks()]

    def _looks(self) -> list[tuple[str, Standing]]:
        return [(name, meter.look()) for name, meter in self._meters.items()]


def _amount(standing: Standing) -> str:
    """``171.0 MB of 489.0 MB (35 %)``."""
    whole = f" of {shown_size(standing.total)} ({standing.percent} %)" if standing.total else ""
    return shown_size(standing.done) + whole


def _pace(standing: Standing, got: str) -> str:
    """``3.8 MB/s, about 83 s left``, ``nothing received for 12 s``. `got`: ``received``, or ``read``."""
    if standing.stalled is not None:
        return f"nothing {got} for {duration(standing.stalled)}"
    left = "" if standing.seconds_left is None else f", about {duration(standing.seconds_left)} left"
    return f"{shown_size(round(standing.bytes_a_second))}/s{left}"


class Lines:
    """The lines of the log: one a file for a small batch, one every few seconds for a large one."""

    def __init__(
        self, files: int, *, quiet: bool = False, auditing: bool = False, now: Callable[[], float] = time.monotonic
    ) -> None:
        """`quiet`: nothing but failures. `auditing`: whether files are read and not downloaded."""
        self.auditing = auditing
        self.each = files <= FEW
        """Whether each file gets its line."""
        self._quiet = quiet
        self._failures = 0
        self._rhythm = Rhythm(30.0 if self.each else 5.0, now, _FIRST_LINE)

    def result(self, result: FileResult, progress: Progress) -> None:
        """One file has a result."""
        self._failures += not result.ok
        if (self.each and not (self._quiet and result.ok)) or (not result.ok and self._failures <= _MOST_FAILURES):
            level = logging.INFO if result.ok else logging.ERROR
            count = f"[{progress.files_done}/{progress.files}]"
            verb = "Auditing" if self.auditing else "Downloading"
            log.log(level, "%s %s %s... %s", count, verb, one_line(result.name), _shown(result))

    def summary(self, batch: BatchMeter, under_way: FilesUnderWay) -> None:
        """A line on the whole, when it is time, and in a small batch one on each file that is under way."""
        if self._quiet or not self._rhythm.due():
            return
        standing = batch.look()
        if standing.files_done == standing.files:
            return
        got = "read" if self.auditing else "received"
        share = "" if standing.total else f" ({standing.percent} %)"
        log.info(
            "%s of %s files%s, %s, %s",
            f"{standing.files_done:,}",
            f"{standing.files:,}",
            share,
            _amount(standing),
            _pace(standing, got),
        )
        for line in under_way.lines(got) if self.each else ():
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
        self._batch = BatchMeter(ledger.planned_size, now)
        self._under_way = FilesUnderWay(now)
        self._history = History(now)
        self._began = _iso_now()
        self._often = Rhythm(2.0, now)
        self._seldom = Rhythm(2.0 if lines.each else 10.0, now)
        self._unsaved = False

    def on_result(self, result: FileResult, progress: Progress) -> None:
        """One file has a result."""
        self._ledger.note(result)
        self._unsaved = True
        self._batch.settle(result)
        self._lines.result(result, progress)
        self.on_progress(progress)

    def on_progress(self, progress: Progress) -> None:
        """About twice a second."""
        self._batch.follow(progress)
        self._under_way.follow(progress)
        self._lines.summary(self._batch, self._under_way)
        if self._often.due() or progress.files_done == progress.files:
            self._show(asdict(self._figures()))
        if self._unsaved and self._seldom.due():
            self._unsaved = False
            self._save()

    def _figures(self) -> Figures:
        standing = self._batch.look()
        return Figures(
            files_done=standing.files_done,
            files=standing.files,
            bytes_done=standing.done,
            bytes_fetched=0 if self._lines.auditing else standing.fetched,
            bytes_planned=standing.total,
            percent=standing.percent,
            bytes_a_second=round(standing.bytes_a_second),
            seconds_left=standing.whole_seconds_left,
            seconds_stalled=standing.whole_seconds_stalled,
            under_way=self._under_way.figures(),
            at=_iso_now(),
            began=self._began,
            history=self._history.note(standing.done),
        )


def _iso_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _shown(result: FileResult) -> str:
    """``✓ (1.2 MB in 2.1s)``, ``⊘ (already exists, skipped)``, ``✗ KIND: ...``; remarks stand behind a semicolon.

    Of an audit: ``✓ (intact, 1.2 MB in 2.1s)``, ``✓ (intact by its size alone, 1.2 MB in 2.1s)``.
    """
    message = one_line(result.message)
    remark = f"; {message}" if message else ""
    if result.outcome is Outcome.FAILED:
        return f"✗ {message}"
    if result.outcome is Outcome.SKIPPED:
        return f"⊘ (already exists, skipped{remark})"
    intact = "intact, " if result.verified else f"intact by its {result.assurance} alone, "
    how = {Outcome.INTACT: intact, Outcome.RESUMED: "resumed, ", Outcome.SELF_HEALED: f"self-healed: {message}, "}
    remark = "" if result.outcome is Outcome.SELF_HEALED else remark
    return f"✓ ({how.get(result.outcome, '')}{shown_size(result.size)} in {result.seconds:.1f}s{remark})"
