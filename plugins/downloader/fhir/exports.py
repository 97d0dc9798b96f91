"""Exported files: which keys of a bucket are some, and where each belongs below the destination.

Flat: all in one folder; organised: each in the folder of its type. Where that would give two objects one name, both
keep the folders of their keys; and where even those meet on a disk (``a//b`` and ``a/b``, or a path that no disk
takes), the name gets a hash of the key. A name that looks as if it had one gets another, so that no object can be made
to take another's place.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ..errors import DownloadError
from ..paths import SafePath, safe_path
from ..planning import folded
from .resource_types import type_of

__all__ = ["ExportLayout", "NameLevel", "is_export"]

_ENDING: Final = re.compile(r"\.ndjson(\.gz)?\Z", re.IGNORECASE | re.ASCII)
_DIGITS: Final = 16
_HASHED: Final = re.compile(rf"~[0-9a-f]{{{_DIGITS}}}\.ndjson(\.gz)?\Z")


def is_export(key: str) -> bool:
    """Whether a key is that of an exported file: ``*.ndjson``, ``*.ndjson.gz``."""
    return _ENDING.search(key) is not None


class NameLevel(IntEnum):
    """How much of its key a file keeps in its path."""

    NAME = 0
    KEY = 1
    HASH = 2


@dataclass(frozen=True, slots=True)
class ExportLayout:
    """Where files go."""

    organize: bool = False

    def path(self, key: str, level: NameLevel = NameLevel.NAME) -> SafePath:
        """The path of an object below the destination. Raises DownloadError where it has no path at this level."""
        name = key.rpartition("/")[2]
        folder = f"{type_of(name)}/" if self.organize else ""
        if _HASHED.search(folded(name)):
            level = NameLevel.HASH
        if level is NameLevel.NAME:
            return safe_path(f"{folder}{name}")
        if level is NameLevel.KEY:
            # A key may begin with a slash; what is absolute is none of ours to drop, so it goes below the folder.
            return safe_path(f"{folder}{key.lstrip('/')}")
        return safe_path(f"{folder}{_hashed(name, key)}")

    def paths(self, key: str) -> Iterator[str]:
        """The paths that the object may get, whatever else there is."""
        for level in NameLevel:
            with suppress(DownloadError):
                yield self.path(key, level).text


def _hashed(name: str, key: str) -> str:
    """``Patient.ndjson`` as ``Patient~c630b55287c78cf9.ndjson``: another name for every key."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    ending = _ENDING.search(name)
    at = ending.start() if ending else len(name)
    return f"{name[:at]}~{digest}{name[at:]}"
