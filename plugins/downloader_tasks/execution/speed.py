"""How fast a transfer is, and how much longer it takes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from downloader.transfer import Progress

__all__ = ["Speed", "SpeedMeter"]

_LEAST: Final = 1024 * 1024
"""Fetched bytes from which on the speed says something about the rest."""
_WINDOW: Final = 20.0
"""Seconds that the speed is an average of."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Recent bytes a second, and the seconds that the rest takes at that speed, None where that is not known."""

    bytes_a_second: float
    seconds_left: float | None

    @property
    def whole_seconds_left(self) -> int | None:
        """`seconds_left`, rounded."""
        return None if self.seconds_left is None else round(self.seconds_left)


class SpeedMeter:
    """Measures the speed over the last seconds."""

    def __init__(self, start: int = 0, now: Callable[[], float] = time.monotonic) -> None:
        """`start`: bytes that were there before."""
        self._now = now
        self._marks: deque[tuple[float, int]] = deque([(now(), start)])
        self._spared = 0

    def spare(self, count: int) -> None:
        """`count` bytes need not be fetched any more."""
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
