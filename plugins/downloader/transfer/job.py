"""What all transfers of one batch share."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from ..checksums import MIB
from ..content import AnyContent, ContentCheck
from ..disk import Destination
from ..remote_file import RemoteFile
from ..retry import Clock, Halt, RetryPolicy
from ..source import Source

__all__ = [
    "Budget",
    "Counters",
    "Job",
    "NoVerifiedFiles",
    "TransferLimits",
    "TransferPolicy",
    "UnderWay",
    "VerifiedFileCache",
]


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """How much at once. Memory stays below `memory` plus `threads` small files."""

    threads: int = 32
    """Requests under way at once."""
    large_threads: int = 8
    """Files above `small_file` under way at once, as far as `memory` allows."""
    range_size: int = 4 * MIB
    """Bytes of one range of a large file. What is fetched ahead is lost where a process is killed."""
    read_ahead: int = 8
    """Ranges of one file fetched ahead."""
    small_file: int = 1 * MIB
    """Files up to this many bytes come in one request, and wait for their flush in groups."""
    memory: int = 256 * MIB
    """Bytes of large files held in memory at once."""
    lock_wait: float = 30.0
    """Seconds to wait for another run that writes the same file."""


@dataclass(frozen=True, slots=True)
class TransferPolicy:
    """What is done with what is there, and with what comes."""

    overwrite: bool = False
    """Whether a file is fetched though a right one is there. That one stays until the new one is verified."""
    resume: bool = True
    """Whether what an earlier run left half done is gone on with; else it is fetched from its start."""
    content: ContentCheck = field(default_factory=AnyContent)
    """What files have to hold besides the right bytes."""


class VerifiedFileCache(Protocol):
    """What an earlier try of this task has verified, so that it need not be hashed again."""

    def holds(self, file: RemoteFile, seen: os.stat_result) -> bool:
        """Whether the file on disk (`seen`) is the one that was verified, untouched since."""

    def note(self, file: RemoteFile, seen: os.stat_result) -> None:
        """Remembers that this file was verified."""


class NoVerifiedFiles:
    """No memory of earlier tries."""

    def holds(self, file: RemoteFile, seen: os.stat_result) -> bool:
        """Never."""
        return False

    def note(self, file: RemoteFile, seen: os.stat_result) -> None:
        """Forgets it at once."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A file that is being fetched: bytes that are there, and how many there will be, if that is known."""

    name: str
    done: int
    size: int | None


class Counters:
    """Bytes that have come over the network so far, and files under way, counted by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looks: dict[str, Callable[[], UnderWay]] = {}
        self.fetched = 0

    @contextmanager
    def following(self, name: str, look: Callable[[], UnderWay]) -> Iterator[None]:
        """The file `name` is under way; `look` says how far it is."""
        with self._lock:
            self._looks[name] = look
        try:
            yield
        finally:
            with self._lock:
                del self._looks[name]

    def under_way(self) -> tuple[UnderWay, ...]:
        """The files that are being fetched, one by one; small ones that come by the group are not followed."""
        with self._lock:
            return tuple(look() for look in self._looks.values())

    def add(self, count: int) -> None:
        """Counts `count` bytes more."""
        with self._lock:
            self.fetched += count


class Budget:
    """Bytes of memory, lent in the order of asking."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._turn = threading.Lock()
        self._change = threading.Condition()

    def take(self, count: int) -> int:
        """Waits until `count` bytes (at most all there are) are free, and answers how many were taken."""
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


@dataclass(frozen=True, slots=True)
class Job:
    """One batch: where from, where to, and the means that its transfers share."""

    source: Source
    destination: Destination
    limits: TransferLimits
    retry: RetryPolicy
    ranges: Executor
    """Threads that fetch ranges ahead."""
    budget: Budget
    verified: VerifiedFileCache = field(default_factory=NoVerifiedFiles)
    tally: Counters = field(default_factory=Counters)
    policy: TransferPolicy = field(default_factory=TransferPolicy)

    def note(self, file: RemoteFile, assurance: str, seen: os.stat_result) -> None:
        """Remembers a file that its first checksum proved: by no other is it called verified when it is found again."""
        if file.checksums and assurance == str(file.checksums[0]):
            self.verified.note(file, seen)

    @property
    def halt(self) -> Halt:
        """Stops the batch."""
        return self.retry.halt

    @property
    def clock(self) -> Clock:
        """The time."""
        return self.retry.clock
