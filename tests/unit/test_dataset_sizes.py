"""Sizes that are asked for: one byte of each file, again where that may help, and never the file."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from downloader.datasets.sizes import learn_sizes
from downloader.errors import DownloadError, NetworkError, ObjectNotFound
from downloader.paths import SafePath
from downloader.remote_file import RemoteFile
from downloader.retry import RetryPolicy
from downloader.source import ByteStream, Capabilities
from downloader.sources.memory import MemorySource
from support.restoring import FakeClock


def files(*keys: str) -> list[RemoteFile]:
    return [RemoteFile(SafePath(f"folder/{key}"), None, key) for key in keys]


class Quirky(MemorySource):
    """Keeps the spans that it was asked for."""

    def __init__(self, tells_size: bool = True, ranges: bool = True, breaks: int = 0) -> None:
        objects = {"a": b"x" * 70_000, "b": b"yy", "empty": b""}
        super().__init__(objects, replace(Capabilities(), ranges=ranges))
        self.tells_size, self.breaks = tells_size, breaks
        self.spans: list[tuple[str, int, int | None]] = []

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        self.spans.append((file.key, start, stop))
        if self.breaks:
            self.breaks -= 1
            raise NetworkError("broke")
        stream = super().open(file, start, stop)
        stream.size = stream.size if self.tells_size else None
        return stream


def policy(clock: FakeClock | None = None) -> RetryPolicy:
    return RetryPolicy(3, clock=(clock or FakeClock()).clock)


def test_one_byte_of_each_is_asked_for() -> None:
    source = Quirky()
    assert learn_sizes(files("a", "b"), source, policy()) == {"a": 70_000, "b": 2}
    assert sorted(source.spans) == [("a", 0, 1), ("b", 0, 1)]
    assert learn_sizes([], source, policy()) == {}


def test_where_no_range_is_granted_the_whole_is_asked_for() -> None:
    source = Quirky(ranges=False)
    assert learn_sizes(files("a"), source, policy()) == {"a": 70_000}
    assert source.spans == [("a", 0, 1), ("a", 0, None)]


def test_an_empty_file_is_known_by_its_end_if_by_nothing_else() -> None:
    found = learn_sizes(files("empty", "b"), Quirky(tells_size=False), policy())
    assert found["empty"] == 0
    error = found["b"]
    assert isinstance(error, DownloadError)
    assert "no answer gives the size of folder/b" in str(error)


def test_what_passes_is_tried_again_and_what_lasts_is_told() -> None:
    clock = FakeClock()
    found = learn_sizes(files("a", "gone"), Quirky(breaks=2), policy(clock), 1)
    assert found["a"] == 70_000
    assert clock.waited > 0
    assert isinstance(found["gone"], ObjectNotFound)
    assert isinstance(learn_sizes(files("a"), Quirky(breaks=9), policy())["a"], NetworkError)


class Meeting(MemorySource):
    """Opens only once three stand at the door."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys("abc", b"x"))
        self.barrier = threading.Barrier(3, timeout=5)

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        self.barrier.wait()
        return super().open(file, start, stop)


def test_several_are_asked_for_at_once() -> None:
    assert learn_sizes(files(*"abc"), Meeting(), policy(), 3) == dict.fromkeys("abc", 1)


def test_a_fault_of_ours_is_not_hidden_and_ends_the_waiting() -> None:
    class Faulty(MemorySource):
        def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
            raise ZeroDivisionError

    held = policy()
    with pytest.raises(ZeroDivisionError):
        learn_sizes(files("a"), Faulty({}), held)
    assert held.halt.is_set()
