"""Keeps the threads that take turns at Python's lock on one processor.

Only one of them runs Python at any time. Where the next one sleeps on another processor it is woken across processors,
and finds nothing in that one's caches: with 16 threads on two of them that took a quarter of all time, and half of the
processors' (include/docs/performance.md). The network is not affected: a client's own threads run where they like.

Which processor: the one that was least used lately, of those that no other task on this machine has reserved. Where
other programs come to use it as well, another one is taken. Where all are reserved, threads run anywhere.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from ..retry import Clock

__all__ = ["OneProcessor", "idle_seconds"]

_WINDOW: Final = 1.0
"""Seconds between two looks."""
_CROWDED: Final = 0.3
"""Share of our processor that others use at least where another one is taken."""
_IDLE: Final = 0.5
"""Share of its time that another processor is idle at least, to be taken."""
_ADDRESS: Final = "\0airflow-downloader-processor-{}"
"""An address of a local socket, which only one process can have. It is no file, and gone with the process."""


def idle_seconds() -> dict[int, float]:
    """How long each processor has been idle since the machine was started; empty where the system does not tell."""
    idle = {}
    try:
        with open("/proc/stat", encoding="ascii") as file:
            for line in file:
                name, *times = line.split()
                if name.startswith("cpu") and name != "cpu":
                    idle[int(name[3:])] = (int(times[3]) + int(times[4])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return {}
    return idle


def _used(threads: Mapping[int, int]) -> float:
    """Seconds that threads have used of a processor. `threads`: their idents and native ids."""
    used = 0.0
    for ident in threads:
        used += time.clock_gettime(time.pthread_getcpuclockid(ident))
    return used


class Reservation:
    """A processor that is reserved for this process, by which tasks on one machine keep out of each other's way."""

    def __init__(self, address: str = _ADDRESS) -> None:
        """`address`: that of a local socket, with ``{}`` for a processor's number."""
        self._address = address
        self._held: socket.socket | None = None

    def take(self, processor: int) -> bool:
        """Reserves it, and gives up the one that was reserved before. False where it cannot be had."""
        try:
            bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        except OSError:  # no more files may be opened
            return False
        try:
            bound.bind(self._address.format(processor))
        except OSError:
            bound.close()
            return False
        self.give_up()
        self._held = bound
        return True

    def give_up(self) -> None:
        """Gives up what is reserved."""
        if self._held is not None:
            self._held.close()
        self._held = None


class OneProcessor:
    """One processor of those that this process may use. Safe to use from many threads."""

    def __init__(
        self,
        clock: Clock,
        idle: Callable[[], Mapping[int, float]] = idle_seconds,
        used: Callable[[Mapping[int, int]], float] = _used,
        reservation: Reservation | None = None,
    ) -> None:
        """`idle`, `used`: see `idle_seconds` and `_used`."""
        self._now = clock.now
        self._idle = idle
        self._used = used
        self._reservation = reservation or Reservation()
        self._lock = threading.Lock()
        self._allowed = sorted(os.sched_getaffinity(0))
        self._threads: dict[int, int] = {}
        self._since, self._idle_before, self._used_before = clock.now(), idle(), 0.0
        self.chosen: int | None = None
        """Its number; None as long as no thread is kept on it."""

    def enter(self) -> None:
        """Keeps the calling thread there until it calls `leave`. Does nothing where there is no choice."""
        if len(self._allowed) < 2:
            return
        with self._lock:
            if not self._threads:
                self._choose()
            if self.chosen is not None and _keep(0, {self.chosen}):
                self._threads[threading.get_ident()] = threading.get_native_id()

    def leave(self) -> None:
        """Lets the calling thread run anywhere, as before."""
        with self._lock:
            if self._threads.pop(threading.get_ident(), None):
                _keep(0, set(self._allowed))
                if not self._threads:
                    self._reservation.give_up()

    def look(self) -> None:
        """Takes another processor where others use this one as well, and another one is free. Call it now and then."""
        if self._now() - self._since < _WINDOW or not self._threads:
            return
        with self._lock:
            took = self._now() - self._since
            idle, used = self._idle(), self._used(self._threads)
            ours = (used - self._used_before) / took
            gained = {one: self._gained(idle, one) / took for one in self._allowed}
            self._since, self._idle_before, self._used_before = self._now(), idle, used
            if self.chosen is None or 1 - gained[self.chosen] - ours < _CROWDED:
                return
            best = max(gained, key=lambda one: gained[one])
            if gained[best] > _IDLE and self._reservation.take(best):
                self.chosen = best
                for native in self._threads.values():
                    _keep(native, {best})

    def _choose(self) -> None:
        """Reserves the processor that was least used lately, of those that can be had."""
        idle = self._idle()
        by_use = sorted(self._allowed, key=lambda one: self._gained(idle, one), reverse=True)
        self.chosen = next(filter(self._reservation.take, by_use), None)
        self._since, self._idle_before, self._used_before = self._now(), idle, 0.0

    def _gained(self, idle: Mapping[int, float], one: int) -> float:
        return idle.get(one, 0.0) - self._idle_before.get(one, 0.0)


def _keep(native: int, processors: set[int]) -> bool:
    """Whether the thread (0: the calling one) runs on `processors` alone from now on."""
    try:
        os.sched_setaffinity(native, processors)
    except OSError:  # a sandbox may forbid it
        return False
    return True
