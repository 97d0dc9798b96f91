"""How much happens at once: threads that fetch small files, and memory for ranges of large ones.

On a slow network every request waits, and 32 threads bring four times as many small files as 8 do. On a fast one the
processor is the limit, and threads beyond a few only take turns at Python's lock: 32 cost half as much again as 8 do.
"""

from __future__ import annotations

import threading

from ..retry import Clock

__all__ = ["Concurrency", "MemoryBudget"]

_LEAST = 8
_WINDOW = 0.2
"""Seconds between two looks."""
_ENOUGH = 100
"""Files that a look needs at least to tell anything."""
_GAIN = 1.1
"""What twice the threads must bring at least, to be kept."""
_PATIENCE = 50
"""Looks after which more are tried again: networks change."""


class Concurrency:
    """Lets the first `active` of `most` threads work. Safe to use from all of them."""

    def __init__(self, most: int, clock: Clock) -> None:
        self._most = most
        self._clock = clock
        self.active = min(_LEAST, most)
        self._change = threading.Condition()
        self._over = False
        self._count = 0
        self._since = clock.now()
        self._rate_before = 0.0
        self._tried = False
        self._resting = 0

    def admit(self, index: int) -> bool:
        """Waits until thread `index` may work; False once there is nothing left to do."""
        if index < self.active:
            return not self._over
        with self._change:
            self._change.wait_for(lambda: index < self.active or self._over)
        return not self._over

    def end(self) -> None:
        """There is nothing left to do: all threads that wait may end."""
        with self._change:
            self._over = True
            self._change.notify_all()

    def count(self) -> None:
        """One file more has been fetched. Now and then takes a look at how fast they come."""
        self._count += 1  # may lose one to another thread: it is a measure, not a sum
        if self._count >= _ENOUGH and self._clock.now() - self._since >= _WINDOW:
            with self._change:
                self._look()

    def _look(self) -> None:
        now = self._clock.now()
        if now - self._since < _WINDOW:
            return  # another thread has just looked
        rate = self._count / (now - self._since)
        self._count, self._since = 0, now
        if self._resting:
            self._resting -= 1
        elif self._tried and rate < self._rate_before * _GAIN:
            self._set(self.active // 2)
            self._tried, self._resting = False, _PATIENCE
        elif self.active < self._most:
            self._rate_before, self._tried = rate, True
            self._set(self.active * 2)

    def _set(self, active: int) -> None:
        self.active = max(min(_LEAST, self._most), min(active, self._most))
        self._change.notify_all()


class MemoryBudget:
    """Bytes of memory, lent in the order of the requests."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._turn = threading.Lock()
        self._change = threading.Condition()

    def take(self, count: int) -> int:
        """Waits until `count` bytes (at most the whole budget) are free. Returns how many were taken."""
        count = min(count, self._size)
        with self._turn, self._change:
            self._change.wait_for(lambda: self._free >= count)
            self._free -= count
        return count

    def give_back(self, count: int) -> None:
        """Returns what `take` answered."""
        with self._change:
            self._free += count
            self._change.notify_all()
