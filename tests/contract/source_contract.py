"""What every source must do. A source joins by a subclass with the fixture `samples`; see `test_memory.py`."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final, Protocol

import pytest

from downloader.errors import DownloadError, ObjectChanged, ObjectNotFound, RangeRefused, SizeMismatch
from downloader.paths import SafePath
from downloader.remote_file import RemoteFile
from downloader.source import Source
from downloader.transfer.streaming import open_checked

__all__ = ["ODD_KEYS", "Samples", "SourceContract", "file_of", "read"]

BODY: Final = bytes(range(251)) * 10_500  # 2.5 MiB, several buffers, and no two ranges of a page alike
MANY: Final = 100

ODD_KEYS: Final = (
    "with space",
    "per%cent",
    "%2F",
    "ünïcode/é/e\u0301/\U0001f600",
    "plus+and&and=",
    "question?mark",
    "hash#mark",
    "~'()!*[]{}|^`\"<>",
    "semi;colon:at@dollar$comma,",
    "back\\slash",
    "a" * 200 + "/" + "b" * 200,
)
"""Keys that a folder can hold as well. Those that it cannot are in `test_object_store.py`."""


class Samples(Protocol):
    """A place with sample files, which a test fills."""

    def source_of(self, files: Mapping[str, bytes]) -> tuple[Source, list[RemoteFile]]:
        """A source of these files (key to bytes), and each as it is planned, in the same order."""

    def replace(self, key: str, data: bytes) -> None:
        """Puts other bytes under `key`, in the place that the last `source_of` filled."""

    def nowhere(self) -> Source | None:
        """A source whose whole place (bucket, folder) is missing; None where there is no such thing."""


def file_of(key: str, number: int = 0) -> RemoteFile:
    """An object as it is planned: nothing known but the key."""
    return RemoteFile(SafePath(f"file-{number}"), None, key)


def read(source: Source, file: RemoteFile, start: int = 0, stop: int | None = None) -> bytes:
    """All bytes of one stream."""
    stream = source.open(file, start, stop)
    try:
        return b"".join(stream)
    finally:
        stream.close()


class SourceContract:
    """The suite."""

    odd_keys: tuple[str, ...] = ODD_KEYS
    etags = True
    """Whether the source has ETags."""

    def one(self, samples: Samples, data: bytes = BODY) -> tuple[Source, RemoteFile]:
        source, files = samples.source_of({"folder/file.bin": data})
        return source, files[0]

    def test_reads_the_whole(self, samples: Samples) -> None:
        source, file = self.one(samples)
        stream = source.open(file)
        assert (stream.start, stream.size) == (0, len(BODY))
        assert b"".join(stream) == BODY

    @pytest.mark.parametrize(
        ("start", "stop"),
        [(1, None), (700_000, None), (len(BODY) - 1, None), (0, 1), (0, 300_000), (5, 6), (300_000, len(BODY))],
    )
    def test_reads_a_range(self, samples: Samples, start: int, stop: int | None) -> None:
        source, file = self.one(samples)
        if not source.capabilities.ranges:
            with pytest.raises(RangeRefused):
                source.open(file, start, stop)
            return
        stream = source.open(file, start, stop)
        assert (stream.start, stream.size) == (start, len(BODY))
        assert b"".join(stream) == BODY[start:stop]

    def test_a_range_beyond_the_end_is_a_wrong_size(self, samples: Samples) -> None:
        source, file = self.one(samples)
        if source.capabilities.ranges:
            with pytest.raises(SizeMismatch):
                source.open(file, len(BODY))

    @pytest.mark.parametrize("size", [0, 1, 16_384, 1_048_576, 1_048_577])
    def test_reads_objects_of_any_size(self, samples: Samples, size: int) -> None:
        source, file = self.one(samples, BODY[:size])
        assert source.open(file).size == size
        assert read(source, file) == BODY[:size]

    def test_a_missing_object_is_not_found(self, samples: Samples) -> None:
        source, file = self.one(samples)
        missing = replace(file, key="folder/missing.bin")
        with pytest.raises(ObjectNotFound, match=r"missing\.bin"):
            source.open(missing)
        if source.capabilities.describes:
            with pytest.raises(ObjectNotFound, match=r"missing\.bin"):
                source.describe(missing)

    def test_a_missing_place_is_not_found(self, samples: Samples) -> None:
        source = samples.nowhere()
        if source is None:
            pytest.skip("this source has no place that could be missing")
        with pytest.raises(ObjectNotFound):
            source.open(file_of("any"))
        with pytest.raises(ObjectNotFound):
            source.describe(file_of("any"))

    def test_describe_tells_size_and_etag(self, samples: Samples) -> None:
        source, file = self.one(samples)
        if not source.capabilities.describes:
            pytest.skip("this source knows no more than its listing")
        known = source.describe(file)
        assert known.size == len(BODY)
        assert bool(known.etag) == self.etags
        assert (known.key, known.path) == (file.key, file.path)
        assert known.etag == source.open(known).etag
        assert read(source, known) == BODY

    def test_describe_refuses_another_size(self, samples: Samples) -> None:
        source, file = self.one(samples)
        if source.capabilities.describes:
            with pytest.raises(SizeMismatch, match=f"{len(BODY)}.*{len(BODY) + 7}"):
                source.describe(replace(file, size=len(BODY) + 7))

    @pytest.mark.parametrize("span", [(0, None), (100, None), (100, 200)])
    def test_the_expected_etag_is_held_to(self, samples: Samples, span: tuple[int, int | None]) -> None:
        source, file = self.one(samples)
        if not (self.etags and source.capabilities.describes):
            pytest.skip("this source has no ETags")
        described = source.describe(file)
        samples.replace(file.key, BODY[::-1])
        with pytest.raises(ObjectChanged):
            open_checked(source, described, *(span if source.capabilities.ranges else (0, None)))
        assert read(source, replace(described, etag=None)) == BODY[::-1]

    def test_the_checksums_of_the_answer_are_right(self, samples: Samples) -> None:
        source, file = self.one(samples)
        for checksum in source.open(file).checksums:
            for form in checksum.candidates(len(BODY)):
                hasher = form.hasher()
                hasher.update(BODY)
                assert hasher.value() == checksum.value

    def test_odd_keys_reach_exactly_that_object(self, samples: Samples) -> None:
        content = {key: f"content of {key!r}".encode() for key in self.odd_keys}
        source, files = samples.source_of(content)
        assert {file.key: read(source, file) for file in files} == content
        if source.capabilities.describes:
            assert [source.describe(file).size for file in files] == [len(data) for data in content.values()]

    def test_a_hundred_threads_at_once(self, samples: Samples) -> None:
        content = {f"many/{number:03}.bin": BODY[number : number + 50_000 + number] for number in range(MANY)}
        source, files = samples.source_of(content)
        with ThreadPoolExecutor(MANY) as pool:
            assert list(pool.map(lambda file: read(source, file), files)) == list(content.values())

    def test_a_stream_closes_twice_and_gives_nothing_more(self, samples: Samples) -> None:
        source, file = self.one(samples)
        stream = source.open(file)
        buffers = iter(stream)
        next(buffers)
        stream.close()
        stream.close()
        with pytest.raises(DownloadError):
            list(buffers)

    def test_a_stream_may_be_left_unread(self, samples: Samples) -> None:
        source, file = self.one(samples)
        source.open(file).close()
        assert read(source, file) == BODY
