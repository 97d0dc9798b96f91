"""The ways that files take through the engine. Each is other code, and all meet the same limits."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import pytest

from downloader.remote_file import RemoteFile
from downloader.source import ByteStream, Capabilities
from downloader.sources.memory import MemorySource
from support.restoring import KIB, content, files_for, plain_copy, restored, tree, without_nameless_files
from support.scripted import ScriptedSource

__all__ = ["LANES", "Eventful", "Lane", "came_home", "each_lane", "settled"]


class Eventful(ScriptedSource):
    """A source during whose reading something happens, once: `event`, before the `at`-th stream is opened."""

    def __init__(self, inner: MemorySource, at: int = 0, event: Callable[[], None] = lambda: None) -> None:
        super().__init__(inner)
        self._left = at
        self._event = event
        self._turn = threading.Lock()

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        with self._turn:
            self._left -= 1
            if not self._left:
                self._event()
        return super().open(file, start, stop)


@dataclass(frozen=True)
class Lane:
    """Files that all go the same way, in a folder of their own."""

    name: str
    files: int
    size: int
    capabilities: Capabilities
    streams: int = 1
    """In how many of them a file comes."""
    nameless: bool = True
    """Whether the disk has files without a name."""

    @cached_property
    def objects(self) -> Mapping[str, bytes]:
        """Made once: each test of a lane asks for them several times."""
        made = {f"lane/{number:03}": content(self.size, number) for number in range(self.files)}
        return MappingProxyType(made)

    def source(self, at: int = 0, event: Callable[[], None] = lambda: None) -> Eventful:
        return Eventful(MemorySource(self.objects, self.capabilities, step=8 * KIB), at, event)


LANES = [
    Lane("small", 150, 4000, Capabilities()),
    Lane("small, to part files", 150, 4000, Capabilities(), nameless=False),
    Lane("small, one by one", 150, 4000, Capabilities(connections=3)),
    Lane("ranged", 9, 200 * KIB, Capabilities(), streams=4),
    Lane("stream", 9, 200 * KIB, Capabilities(parallel_ranges=1)),
]
each_lane = pytest.mark.parametrize("lane", LANES, ids=lambda lane: lane.name)


def settled(lane: Lane, folder: Path, source: Eventful | None = None) -> dict[str, str]:
    """Restores, and answers the sentences of the failures, by name; names of files are ``NAME`` in them.

    What holds whatever happens is asserted: a result for every file, no thread left behind, nothing but whole files
    under final names, and what is called OK is there.
    """
    before = set(threading.enumerate())
    with nullcontext() if lane.nameless else without_nameless_files():
        results = restored(source or lane.source(), folder, files_for(lane.objects))
    assert set(threading.enumerate()) <= before
    assert list(results) == list(lane.objects)
    for name, data in lane.objects.items():
        assert plain_copy(folder, name) in ((data,) if results[name].ok else (None, data))
    return {name: re.sub(r"lane/\d+", "NAME", result.message) for name, result in results.items() if not result.ok}


def came_home(lane: Lane, folder: Path, kept: Iterable[str] = ()) -> None:
    """Restores anew, and asserts that all is there and nothing else, and that what was `kept` was not fetched again."""
    source = lane.source()
    assert settled(lane, folder, source) == {}
    assert tree(folder) == {"lane": "folder", **lane.objects}
    assert not source.opens.keys() & set(kept)
