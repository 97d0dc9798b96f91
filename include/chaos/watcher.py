"""Reads every file in a destination the moment its name appears, and reports which names stood for a wrong file.

The kernel reports each name (inotify); the file is then opened and read from end to end. Between the two is a delay
(`Sightings.longest`, measured by the file's own time of change): a wrong file that is replaced or removed within it
cannot be read. Such a case is counted, though: the kernel reports each appearance, and one without a read of its own
counts as `Sightings.missed`. Once a process has ended, all files that are there are read again, name by name.
"""

from __future__ import annotations

import hashlib
import os
import select
import stat
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from .inotify import FileEvent, Inotify, Seen

__all__ = ["Sightings", "Watcher", "digest_of"]

_PIECE = 1024 * 1024
_POLL_MS = 200


def digest_of(data: bytes) -> str:
    """The digest that right and wrong files are told apart by."""
    return hashlib.sha256(data).hexdigest()


@dataclass(slots=True)
class Sightings:
    """What was seen."""

    looks: int = 0
    """Files that appeared under final names, each read at once."""
    longest: float = 0.0
    """The longest time from the appearance of a name to the read, in seconds."""
    missed: int = 0
    """Files that were gone before they could be read."""
    wrong: list[str] = field(default_factory=list)
    """Final names that stood for an incomplete or wrong file, or that were not planned."""
    gone: list[str] = field(default_factory=list)
    """Final names that were removed."""


class _Version(NamedTuple):
    """Distinguishes the files under one name: each rename gives a file a new time of change."""

    inode: int
    changed: int
    """Nanoseconds."""


class _File(NamedTuple):
    digest: str
    version: _Version


_NO_FILE = _File("no regular file", _Version(0, 0))


class Watcher:
    """A context manager: watches from its beginning to its end, in a thread of its own.

    `right`: the digests of what is due, by name; several where either will do. `before`: of what stood there at the
    start, which may stay until something right comes.
    """

    def __init__(self, root: Path, right: Mapping[str, str | Collection[str]], before: Mapping[str, str]) -> None:
        self._root = str(root)
        self._right = {name: {due} if isinstance(due, str) else set(due) for name, due in right.items()}
        self._before = dict(before)
        self._inotify = Inotify()
        self._turn = threading.Lock()
        self._news = threading.Condition()
        self._ended = False
        self._events = 0
        self._appeared: Counter[str] = Counter()
        self._looked: dict[str, set[_Version]] = defaultdict(set)
        self._sightings = Sightings()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    @property
    def events(self) -> int:
        """How many things have happened in the destination so far, to part files too."""
        return self._events

    def wait_for(self, events: int, seconds: float) -> bool:
        """Returns once that many things have happened in all, or the time is over; answers whether they have."""
        with self._news:
            return self._news.wait_for(lambda: self._events >= events, seconds)

    def settle(self) -> None:
        """Call it while nobody writes: handles the events that are left, then reads all files that are there."""
        self._drain()
        with self._turn:
            for name in self._names():
                found = self._read(name)
                if found is not None and not self._is_due(name, found) and found.digest != self._before.get(name):
                    self._sightings.wrong.append(f"{name} (there when the process had ended)")
                    self._before[name] = found.digest  # counted once

    def result(self) -> Sightings:
        """What was seen so far."""
        counts = ((count, len(self._looked[name])) for name, count in self._appeared.items())
        self._sightings.missed += sum(max(appeared - looked, 0) for appeared, looked in counts)
        self._appeared.clear()
        return self._sightings

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._inotify.descriptor, select.POLLIN)
        while not self._ended:
            if poll.poll(_POLL_MS):
                self._drain()

    def _drain(self) -> None:
        with self._turn:
            while events := self._inotify.read():
                for event in events:
                    self._take(event)
                with self._news:
                    self._events += len(events)
                    self._news.notify_all()

    def _take(self, event: Seen) -> None:
        path = f"{event.folder}/{event.name}"
        if FileEvent.OVERFLOWN in event.what:
            self._sightings.missed += 1
        elif FileEvent.IS_FOLDER in event.what:
            if event.what & (FileEvent.CREATED | FileEvent.MOVED_HERE):
                self._watch(path)
        elif not _is_part(event.name):
            self._take_final(event.what, os.path.relpath(path, self._root))

    def _take_final(self, what: FileEvent, name: str) -> None:
        if what & (FileEvent.DELETED | FileEvent.MOVED_AWAY):
            self._sightings.gone.append(f"{name} was taken away")
        else:
            self._appeared[name] += 0 if FileEvent.MODIFIED in what else 1
            self._look(name)

    def _watch(self, folder: str) -> None:
        """A folder, and those in it. What came into it before it was watched is looked at now."""
        with suppress(FileNotFoundError):
            self._inotify.watch(folder)
            for entry in os.scandir(folder):
                if entry.is_dir(follow_symlinks=False):
                    self._watch(entry.path)
                elif not _is_part(entry.name):
                    self._look(os.path.relpath(entry.path, self._root), may_be_old=True)

    def _look(self, name: str, *, may_be_old: bool = False) -> None:
        now = time.time()
        found = self._read(name)
        if found is None or (may_be_old and found.digest == self._before.get(name)):
            return
        if found.version not in self._looked[name]:
            self._looked[name].add(found.version)
            self._sightings.looks += 1
            self._sightings.longest = max(self._sightings.longest, now - found.version.changed / 1e9)
        if not self._is_due(name, found):
            self._sightings.wrong.append(f"{name} ({'wrong' if name in self._right else 'not planned'})")

    def _is_due(self, name: str, found: _File) -> bool:
        return found.digest in self._right.get(name, ())

    def _read(self, name: str) -> _File | None:
        """What stands under `name`; None where nothing does."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            descriptor = os.open(f"{self._root}/{name}", flags)
        except FileNotFoundError:
            return None
        except OSError:
            return _NO_FILE
        with os.fdopen(descriptor, "rb") as file:
            seen = os.fstat(descriptor)
            if not stat.S_ISREG(seen.st_mode):
                return _NO_FILE
            summed = hashlib.sha256()
            while piece := file.read(_PIECE):
                summed.update(piece)
        return _File(summed.hexdigest(), _Version(seen.st_ino, seen.st_ctime_ns))

    def _names(self) -> Iterator[str]:
        """All final names that are there."""
        for folder, _, names in os.walk(self._root):
            for name in names:
                if not _is_part(name):
                    yield os.path.relpath(os.path.join(folder, name), self._root)

    def __enter__(self) -> Self:
        self._watch(self._root)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        self._thread.join()
        self._inotify.close()


def _is_part(name: str) -> bool:
    return name.startswith(".") and name.endswith(".part")
