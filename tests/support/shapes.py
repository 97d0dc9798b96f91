"""The ways in which one file is fetched: as a small file, in parallel ranges, or as one stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from downloader.remote_file import RemoteFile
from downloader.source import Capabilities
from support.restoring import KIB, content, file_for

__all__ = ["RANGED", "SMALL", "STREAM", "Shape"]

_LARGE: Final = 300 * KIB


@dataclass(frozen=True)
class Shape:
    """A file ``x`` of `size` bytes, from a source of these capabilities."""

    size: int
    capabilities: Capabilities

    @property
    def data(self) -> bytes:
        return content(self.size, 1)

    @property
    def file(self) -> RemoteFile:
        return file_for("x", self.data)


SMALL: Final = Shape(1000, Capabilities())
RANGED: Final = Shape(_LARGE, Capabilities())
STREAM: Final = Shape(_LARGE, Capabilities(parallel_ranges=1))
