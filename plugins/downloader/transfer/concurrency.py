"""How much happens at once: threads that fetch small files, and memory for ranges of large ones.

Far from the server every request waits, and 256 threads bring many times as many small files as 16 do. Beside it the
processor is the limit, and threads beyond a few only take turns at Python's lock.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from ..retry import Clock

__all__ = ["Concurrency", "MemoryBudget"]

_FIRST = 16
_LEAST = 8
_WINDOW = 0.1
"""Seconds between two looks."""
_ENOUGH = 50
"""Files that a look needs at least to tell anything."""
_GAIN = 1.1
"""What more threads must bring at least, to be kept."""
_DOUBTS = 3
"""Looks at which more threads may fail to bring more, before they are taken back: a flush of the disk takes some."""
_PATIENCE = 20
"""Looks after which more are tried again: networks change."""
_BUSY = 0.4
"""From this share of the processors on (of two at best: Python's lock) it is not the network that is waited for."""
_IDLE = 0.2
"""Below this share it mostly is."""


class Concurrency:
    """Lets the first `active` of `most` threads work. Safe to use from all of them.

    It takes a look now and then. While the process waits for the network, more threads are tried for as long as they
    bring more files a second: four times as many where it mostly waits, else twice as many. What did not is taken back.
    """

    def __init__(
        self, most: int, clock: Clock, processor: Callable[[], float] = time.process_time, cores: int | None = None
    ) -> None:
        """`processor`: seconds that this process has used of all processors. `cores`: how many it may use."""
        self._most = most
        self._clock = clock
        self._processor = processor
        self._cores = min(cores or len(os.sched_getaffinity(0)), 2)
        self.active = min(_FIRST, most)
        self._change = threading.Condition()
        self._over = False
        self._count = 0
        self._since = clock.now()
        self._used_before = processor()
        self._rate_before = 0.0
        self._before = 0
        """How many were active before the last attempt with more; 0 when there is none under way."""
        self._doubts = 0
        """Looks since then at which more threads did not bring more."""
        self._resting = 1
        """Looks at which nothing is changed, as at the first: connections are being made."""

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
        now, used = self._clock.now(), self._processor()
        if now - self._since < _WINDOW:
            return  # another thread has just looked
        rate = self._count / (now - self._since)
        share = (used - self._used_before) / (now - self._since) / self._cores
        self._count, self._since, self._used_before = 0, now, used
        if self._resting:
            self._resting -= 1
        elif self._before and rate < self._rate_before * _GAIN and self._doubts < _DOUBTS:
            self._doubts += 1
        elif self._before and rate < self._rate_before * _GAIN:
            self._set(self._before)
            self._before, self._resting = 0, _PATIENCE
        elif self.active < self._most and share < _BUSY:
            self._rate_before, self._before, self._doubts = rate, self.active, 0
            self._set(self.active * (4 if share < _IDLE else 2))
            self._resting = 1  # connections are made first
        else:
            self._before = 0

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

    def try_take(self, count: int) -> int:
        """As `take`; 0 where that would have to wait."""
        count = min(count, self._size)
        if self._turn.locked():
            return 0  # another one waits already
        with self._change:
            if self._free < count:
                return 0
            self._free -= count
        return count

    def give_back(self, count: int) -> None:
        """Returns what `take` answered."""
        with self._change:
            self._free += count
            self._change.notify_all()
