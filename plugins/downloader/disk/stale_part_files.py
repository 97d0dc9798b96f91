"""Part files that no run will resume: of content that the remote file no longer has, or of a file that is complete."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

from ..errors import DownloadError
from ..paths import PART_NAME, SafePath
from .destination import Destination
from .part_file import part_stem, remove_unlocked

__all__ = ["StalePartFiles"]


class StalePartFiles:
    """The part files that lay beside the planned files before a batch began."""

    def __init__(self, destination: Destination, paths: Iterable[SafePath]) -> None:
        """Lists each folder of `paths` once. What cannot be listed has none."""
        self._destination = destination
        self._found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for folder, path in {path.folder: path for path in paths}.items():
            with suppress(OSError, DownloadError):
                self._list(folder, destination.place(path).folder)

    def sweep(self, path: SafePath) -> None:
        """Removes those of one file, which is complete now. One that another run has locked stays."""
        for name in self._found.pop((path.folder, part_stem(path.name)), ()):
            with suppress(OSError, DownloadError), self._destination.entered(self._destination.place(path)) as folder:
                remove_unlocked(f"{folder}/{name}")

    def _list(self, folder: str, absolute: str) -> None:
        with os.scandir(absolute) as entries:
            for entry in entries:
                part = PART_NAME.fullmatch(entry.name)
                if part is not None:
                    self._found[folder, part[1]].append(entry.name)
