"""What lies where the files of a batch belong, before it begins, read once a folder.

Part files of a file that is complete are removed: no run will resume them, whichever content they have.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress

from ..errors import DownloadError
from ..paths import PART_NAME, SafePath
from .destination import Destination
from .file_systems import is_local
from .holding import is_same, numbers_change, try_flock
from .lock_file import is_old, read_lock
from .part_names import ENDING, part_stem

__all__ = ["StalePartFiles"]

_OPEN = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class StalePartFiles:
    """The part files that lay beside the planned files before a batch began, and which of those were there."""

    def __init__(self, destination: Destination, paths: Iterable[SafePath]) -> None:
        """Lists each folder of `paths` once. What cannot be listed has none."""
        self._destination = destination
        self._found: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._there: dict[str, set[str]] = {}
        """Folder -> planned names that are there; no entry for a folder that cannot be listed."""
        folders: dict[str, tuple[SafePath, set[str]]] = {}
        for path in paths:
            folders.setdefault(path.folder, (path, set()))[1].add(path.name)
        for folder, (one, names) in folders.items():
            with suppress(OSError, DownloadError):
                self._there[folder] = self._list(folder, destination.place(one).folder, names)

    def is_free(self, path: SafePath) -> bool:
        """Whether neither a planned file nor a part file of it was there."""
        folder, _, name = path.text.rpartition("/")
        there = self._there.get(folder)
        if there is None or name in there:
            return False
        return not self._found or (folder, part_stem(name)) not in self._found

    def seen(self, path: SafePath) -> list[os.stat_result]:
        """What the part files of one file were like just now."""
        found = []
        for name in self._found.get((path.folder, part_stem(path.name)), ()):
            with suppress(OSError, DownloadError):
                absolute = f"{self._destination.place(path).folder}/{name}"
                here = os.lstat(absolute)
                lock = read_lock(absolute) if stat.S_ISREG(here.st_mode) else None
                if lock is not None and not lock.token:
                    found.append(here)
        return found

    def sweep(self, path: SafePath) -> None:
        """Removes those of one file, which is complete now. One that another run holds stays."""
        names = self._found.pop((path.folder, part_stem(path.name)), ()) if self._found else ()
        if names:
            with suppress(OSError, DownloadError):
                place = self._destination.place(path)
                with self._destination.entered(place) as folder:
                    _remove_left_over(folder, names)

    def _list(self, folder: str, absolute: str, planned: set[str]) -> set[str]:
        there = set()
        try:
            with os.scandir(absolute) as entries:
                for entry in entries:
                    part = PART_NAME.fullmatch(entry.name)
                    if part is not None:
                        self._found[folder, part[1]].append(entry.name)
                    elif entry.name in planned:
                        there.add(entry.name)
        except FileNotFoundError:
            return set()
        return there


def _remove_left_over(folder: str, names: Sequence[str]) -> None:
    """Removes part files and lock files of one complete file, except those that a run may still hold.

    A small file that another machine is at has no lock. That run finds its part file gone and the complete file there.
    `folder`: what `Destination.entered` answered. Raises OSError.
    """
    held: set[str] = set()
    for name in names:
        lock = read_lock(f"{folder}/{name}")
        if lock is not None and lock.token and not lock.is_over and not is_old(os.lstat(f"{folder}/{name}")):
            held.update((name, f"{name[: -len(ENDING)]}{lock.token}.part"))
    for name in set(names) - held:
        with suppress(OSError):
            _remove_unlocked(f"{folder}/{name}")


def _remove_unlocked(name: str) -> None:
    """Removes a part file unless a run has locked it by ``flock``. Raises OSError."""
    descriptor = os.open(name, _OPEN)
    try:
        try_flock(descriptor, fcntl.LOCK_EX)
        there = os.lstat(name)
        if not is_same(os.fstat(descriptor), there) and not numbers_change(there, name):
            return
        if is_local(name):
            os.unlink(name)  # under the lock
            return
    finally:
        os.close(descriptor)
    os.unlink(name)  # FUSE renames files that are removed while they are open
