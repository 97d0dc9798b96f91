"""The folder that a run fills: the only place where a safe path becomes a path on the disk."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import dataclass
from pathlib import Path

from .errors import DiskError, PathConflict, UnsafePath
from .flushing import flush_folder
from .paths import SafePath

__all__ = ["Destination", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one file belongs: its folder and its final name, absolute."""

    path: SafePath
    folder: str

    @property
    def final(self) -> str:
        """The final name, absolute."""
        return f"{self.folder}/{self.path.name}"


class Destination:
    """A folder on disk. Symbolic links below it are never followed out of it. Safe to use from many threads."""

    def __init__(self, root: Path) -> None:
        """`root` must exist; it may itself be a symbolic link."""
        self.root = os.path.realpath(root)
        self._lock = threading.Lock()
        self._known: dict[str, str] = {"": self.root}
        self._fresh: set[str] = set()

    def place(self, path: SafePath) -> Place:
        """Where `path` belongs. Makes nothing.

        Raises:
            UnsafePath: a symbolic link on the way leads out of the destination.
            PathConflict: something on the way is no folder.
        """
        folder = path.folder
        known = self._known.get(folder)
        if known is None:
            known = self._check(folder)
        return Place(path, known)

    def prepare(self, place: Place) -> None:
        """Makes the folders that `place` needs. Raises OSError, UnsafePath, PathConflict."""
        folder = place.path.folder
        if folder in self._known:
            return
        with self._lock:
            self._make(folder)
            self._check(folder)
            self._known[folder] = place.folder

    def flush(self, place: Place) -> None:
        """Returns once the name of `place`, and those of all folders made for it, are on the disk. Raises OSError."""
        with self._lock:
            fresh, self._fresh = self._fresh, set()
        for folder in {*fresh, place.folder}:
            flush_folder(folder)

    def _make(self, folder: str) -> None:
        here = self.root
        for name in folder.split("/"):
            parent, here = here, f"{here}/{name}"
            try:
                os.mkdir(here)
            except FileExistsError:
                continue
            self._fresh.add(parent)

    def _check(self, folder: str) -> str:
        """The folder's absolute name, after a look at every step that exists."""
        here = self.root
        for name in folder.split("/"):
            here = f"{here}/{name}"
            try:
                mode = os.lstat(here).st_mode
            except FileNotFoundError:
                break
            except OSError as error:
                raise DiskError(f"{folder}: {error.strerror}") from error
            self._check_step(here, mode)
        return f"{self.root}/{folder}"

    def _check_step(self, here: str, mode: int) -> None:
        shown = os.path.relpath(here, self.root)
        if stat.S_ISLNK(mode):
            real = os.path.realpath(here)
            if os.path.commonpath([real, self.root]) != self.root:
                raise UnsafePath(f"{shown} is a symbolic link out of the destination", "remove the link")
            mode = os.stat(real).st_mode if os.path.exists(real) else 0
        if not stat.S_ISDIR(mode):
            raise PathConflict(f"{shown} is a file here, and a folder of that name is due")
