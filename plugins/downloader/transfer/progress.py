"""How far a batch is, counted by its threads and reported to a listener."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from ..results import FileResult

__all__ = ["Counters", "FileProgress", "Listener", "Progress", "Received", "Silent"]


@dataclass(frozen=True, slots=True)
class FileProgress:
    """A file that is being downloaded. `done`: bytes that are there. `size`: bytes of the whole, if known.

    `fetched`: bytes that came over the network for it, also those that came twice.
    """

    name: str
    done: int
    size: int | None
    fetched: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is. `fetched`: bytes over the network so far. `total`: bytes planned, where sizes are known."""

    files_done: int
    files: int
    fetched: int
    total: int
    under_way: tuple[FileProgress, ...] = ()


class Listener(Protocol):
    """Hears what happens, in one thread, off the hot path."""

    def on_result(self, result: FileResult, progress: Progress) -> None:
        """One file has its result."""

    def on_progress(self, progress: Progress) -> None:
        """About twice a second."""


class Silent:
    """A listener that does nothing."""

    def on_result(self, result: FileResult, progress: Progress) -> None:
        """Nothing."""

    def on_progress(self, progress: Progress) -> None:
        """Nothing."""


class Counters:
    """Bytes that came over the network so far, and the files under way. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looks: dict[str, Callable[[], FileProgress]] = {}
        self.fetched = 0
        self.hedged = 0
        """Second requests for what took long."""
        self.hedges_won = 0
        """Those that were answered before the first one."""

    @contextmanager
    def following(self, name: str, look: Callable[[], FileProgress]) -> Iterator[None]:
        """Within, the file `name` is under way; `look` tells how far it is."""
        with self._lock:
            self._looks[name] = look
        try:
            yield
        finally:
            with self._lock:
                del self._looks[name]

    def under_way(self) -> tuple[FileProgress, ...]:
        """The files that are downloaded one by one; those of the small lane are not followed."""
        with self._lock:
            return tuple(look() for look in self._looks.values())

    def add(self, count: int) -> None:
        """Counts `count` more bytes."""
        with self._lock:
            self.fetched += count

    def note_hedge(self) -> None:
        """Counts a second request."""
        with self._lock:
            self.hedged += 1

    def note_hedge_won(self) -> None:
        """Counts a second request that was answered first."""
        with self._lock:
            self.hedges_won += 1


class Received:
    """Bytes of one file, counted as they come, before they are written: ranges come side by side, and out of order.

    Those of the batch are counted along. Safe to use from many threads.
    """

    def __init__(self, counters: Counters, done: int = 0, fetched: int = 0) -> None:
        """`done`: bytes that are there. `fetched`: bytes that came before."""
        self._counters = counters
        self._lock = threading.Lock()
        self.done = done
        self.fetched = fetched

    def add(self, count: int) -> None:
        """Counts `count` more bytes."""
        with self._lock:
            self.done += count
            self.fetched += count
        self._counters.add(count)

    def note_there(self, count: int) -> None:
        """Counts `count` bytes that were on the disk."""
        with self._lock:
            self.done += count
