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
_ENOUGH = 32
"""Files that a look needs at least to tell anything."""
_MOST_TIMES = 16
"""As many times more threads are tried at once, at most; twice as many where more were taken back before."""
_GAIN = 1.1
"""What more threads must bring at least, to be kept."""
_WORTH = 1 / 3
"""What each of those that came must bring at least of what one brought before, for all of them to be kept."""
_ROOM = 1.5
"""Times the threads that would bring what is brought, where all of them are too many."""
_LOOKS = 4
"""Looks until that is decided: a flush of the disk takes some."""
_PATIENCE = 20
"""Looks after which more are tried again: networks change."""
_BUSY = 0.4
"""From this share of the processors on (of two at best: Python's lock) it is not the network that is waited for."""


class Concurrency:
    """Lets the first `active` of `most` threads work. Safe to use from all of them.

    It takes a look now and then. While the process waits for the network, as many more threads are tried as would keep
    the processors busy. They are kept if they bring as many times more files a second, and taken back if they do not:
    all of them where they bring nothing, else those that the server, or the network, does not bear.
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
        self._enough, self._window = self.active, 0.0
        """What the next look needs. The first one comes as soon as all connections are made, and changes nothing."""
        self._since = clock.now()
        self._used_before = processor()
        self._rate_before = 0.0
        self._best_rate = 0.0
        self._before = 0
        """How many were active before the last attempt with more; 0 when there is none under way."""
        self._looks_left = 0
        """Looks until it is decided."""
        self._resting = 1
        """Looks at which nothing is changed."""
        self._most_times = _MOST_TIMES

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
        if self._count >= self._enough and self._clock.now() - self._since >= self._window:
            with self._change:
                self._look()

    def _look(self) -> None:
        now, used = self._clock.now(), self._processor()
        took = now - self._since
        if self._count < self._enough or took <= self._window / 2:
            return  # another thread has just looked
        rate, share = self._count / max(took, 1e-6), (used - self._used_before) / max(took, 1e-6) / self._cores
        self._count, self._since, self._used_before = 0, now, used
        self._enough, self._window = _ENOUGH, _WINDOW
        if self._resting:
            self._resting -= 1
        elif self._before:
            self._judge(rate)
        elif self.active < self._most and share < _BUSY:
            self._before, self._rate_before, self._best_rate = self.active, rate, 0.0
            self._looks_left, self._resting = _LOOKS, 1  # connections are made first
            self._set(round(self.active * min(self._most_times, max(2.0, 1 / max(share, 1e-6)))))

    def _judge(self, rate: float) -> None:
        """Keeps the threads of an attempt, or takes some back, once that can be told."""
        self._best_rate = max(self._best_rate, rate)
        gain = self._best_rate / self._rate_before
        self._looks_left -= 1
        if gain >= 1 + _WORTH * (self.active / self._before - 1):
            self._before = 0
        elif not self._looks_left:
            self._set(self._before if gain < _GAIN else round(self._before * gain * _ROOM))
            self._before, self._resting, self._most_times = 0, _PATIENCE, 2

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
