"""How far a transfer is, how fast, and how much longer it takes: by bytes; by files only where no size is known."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from downloader.results import FileResult
from downloader.transfer import FileProgress, Progress

__all__ = ["BatchMeter", "FileMeter", "Rate", "Standing"]

_WINDOW: Final = 10.0
"""Seconds that a speed is an average of."""
_MARK: Final = 0.25
"""Seconds between two marks within them."""
_SETTLED: Final = 3.0
"""Seconds after which a speed says something about the rest."""
_STALLED: Final = 5.0
"""Seconds without a byte after which a transfer counts as stalled: its speed says nothing about the rest any more."""
_FEW: Final = 5
"""Files that a rate of files is at least measured over, however long they took."""
_LONGEST: Final = 1e7
"""Seconds: a rest that takes longer is not worth a figure."""


class Rate:
    """How fast a number grows, over the last ten seconds. One that falls is measured anew."""

    def __init__(self, start: int, now: Callable[[], float], least: int = 0) -> None:
        """`least`: the growth that it is measured over at least, however long that took."""
        self._now = now
        self._least = least
        self._marks: deque[tuple[float, int]] = deque([(now(), start)])
        self._value = start
        self._began = self._grew = now()

    def note(self, value: int) -> None:
        """Takes the number as it is now."""
        now, marks = self._now(), self._marks
        if value < self._value:
            marks.clear()
            marks.append((now, value))
        elif value > self._value:
            self._grew = now
        self._value = value
        if now - marks[-1][0] >= _MARK:
            marks.append((now, value))
        while len(marks) > 1 and now - marks[1][0] >= _WINDOW and value - marks[1][1] >= self._least:
            marks.popleft()

    @property
    def a_second(self) -> float:
        """Its growth."""
        then, before = self._marks[0]
        elapsed = self._now() - then
        return (self._value - before) / elapsed if elapsed > 0 else 0.0

    @property
    def idle(self) -> float:
        """Seconds since it grew."""
        return self._now() - self._grew

    def seconds_for(self, rest: int) -> float | None:
        """How long it takes to grow by `rest`; None where that cannot be told."""
        rate = self.a_second
        told = rate > 0 and self._now() - self._began >= _SETTLED and rest / rate <= _LONGEST
        return rest / rate if told else None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a file or a batch is. `done`: bytes that are there, of `total`, which is 0 where no size is known.

    `fetched`: bytes that came over the network, also those that came twice. `seconds_left`: None where it is not known.
    `stalled`: seconds since a byte came, or a file was done; None while that goes on, and where all bytes are there.
    """

    done: int
    total: int
    fetched: int
    bytes_a_second: float
    seconds_left: float | None
    stalled: float | None
    files_done: int = 0
    files: int = 0

    @property
    def percent(self) -> int | None:
        """What is done, of bytes, or of files where no size is known. At most 100."""
        done, total = (self.done, self.total) if self.total else (self.files_done, self.files)
        return min(100, 100 * done // total) if total else None

    @property
    def whole_seconds_left(self) -> int | None:
        """`seconds_left`, rounded."""
        return None if self.seconds_left is None else round(self.seconds_left)

    @property
    def whole_seconds_stalled(self) -> int | None:
        """`stalled`, rounded."""
        return None if self.stalled is None else round(self.stalled)


class FileMeter:
    """Follows one file."""

    def __init__(self, file: FileProgress, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = Rate(file.fetched, now)
        self._file = file

    def follow(self, file: FileProgress) -> None:
        """Takes its figures."""
        self._file = file
        self._rate.note(file.fetched)

    def look(self) -> Standing:
        """How far it is."""
        file, rate = self._file, self._rate
        size = file.size or 0
        done = min(file.done, size) if size else file.done
        rest = size - done
        stalled = rate.idle if rate.idle >= _STALLED and (rest or not size) else None
        left = rate.seconds_for(rest) if size and stalled is None else None
        return Standing(done, size, file.fetched, rate.a_second, left, stalled)


class BatchMeter:
    """Follows a batch. A file's bytes count once, however often they came, and not as speed if they were there."""

    def __init__(self, size_of: Callable[[str], int], now: Callable[[], float] = time.monotonic) -> None:
        """`size_of`: the bytes that a file is planned with, by its name; 0 where that is not known."""
        self._size_of = size_of
        self._bytes = Rate(0, now)
        self._files = Rate(0, now, _FEW)
        self._under_way: dict[str, int] = {}
        """Bytes that are there of files without a result."""
        self._complete = self._failed = 0
        self._progress = Progress(0, 0, 0, 0)

    def settle(self, result: FileResult) -> None:
        """One file has its result."""
        self._under_way.pop(result.name, None)
        size = self._size_of(result.name)
        self._complete += size if result.ok else 0
        self._failed += 0 if result.ok else size

    def follow(self, progress: Progress) -> None:
        """Takes the figures of the batch, some times a second."""
        self._progress = progress
        self._bytes.note(progress.fetched)
        self._files.note(progress.files_done)
        # A file between its last byte and its result keeps the bytes that it had.
        self._under_way.update((file.name, min(file.done, self._size_of(file.name))) for file in progress.under_way)

    def look(self) -> Standing:
        """How far it is."""
        now, of_bytes, of_files = self._progress, self._bytes, self._files
        done = min(self._complete + sum(self._under_way.values()), now.total)
        rest = max(0, now.total - done - self._failed)
        idle = min(of_bytes.idle, of_files.idle)
        stalled = idle if idle >= _STALLED and (rest or not now.total) else None
        left = of_bytes.seconds_for(rest) if rest else of_files.seconds_for(now.files - now.files_done)
        return Standing(
            done if now.total else now.fetched,
            now.total,
            now.fetched,
            of_bytes.a_second,
            left if stalled is None else None,
            stalled,
            now.files_done,
            now.files,
        )
