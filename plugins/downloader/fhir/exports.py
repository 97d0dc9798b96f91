"""Exported files: which keys of a bucket they have, and their paths below the destination.

Flat: all in one folder; organised: each in the folder of its type. If that gives two objects one name, both keep the
folders of their keys; if those are equal on a disk too (``a//b`` and ``a/b``, or a path that no disk accepts), the name
gets a hash of the key. A name that already looks like that gets a hash too, so that no object can take the place of
another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ..errors import DownloadError
from ..paths import SafePath, marked, safe_path
from ..planning import folded
from .resource_types import type_of

__all__ = ["ExportLayout", "NameLevel", "is_export"]

_ENDING: Final = re.compile(r"\.ndjson(\.gz)?\Z", re.IGNORECASE | re.ASCII)
_DIGITS: Final = 16
_HASHED: Final = re.compile(rf"~[0-9a-f]{{{_DIGITS}}}\.ndjson(\.gz)?\Z")


def is_export(key: str) -> bool:
    """Whether a key is that of an exported file: ``*.ndjson`` or ``*.ndjson.gz``."""
    return _ENDING.search(key) is not None


class NameLevel(IntEnum):
    """How much of its key is in the path of a file."""

    NAME = 0
    KEY = 1
    HASH = 2
    """Its name with a hash of all of it: ``Patient~c630b55287c78cf9.ndjson``."""


@dataclass(frozen=True, slots=True)
class ExportLayout:
    """Where files go."""

    organize: bool = False

    def path(self, key: str, level: NameLevel = NameLevel.NAME, kind: str = "") -> SafePath:
        """The path of an object below the destination. Raises DownloadError if it has no valid path at this level.

        `kind`: its type, where that is known better than from its key.
        """
        name = key.rpartition("/")[2]
        folder = f"{kind or type_of(key)}/" if self.organize else ""
        if "~" in name and _HASHED.search(folded(name)):
            level = NameLevel.HASH
        if level is NameLevel.NAME:
            return safe_path(f"{folder}{name}")
        if level is NameLevel.KEY:
            # A key may begin with a slash; it goes below the folder all the same.
            return safe_path(f"{folder}{key.lstrip('/')}")
        ending = _ENDING.search(name)
        at = ending.start() if ending else len(name)
        return safe_path(folder + marked(name[:at], key, _DIGITS, name[at:]))

    def paths(self, key: str, kind: str = "") -> Iterator[str]:
        """All paths that the object may get, depending on the other objects."""
        for level in NameLevel:
            with suppress(DownloadError):
                yield self.path(key, level, kind).text
