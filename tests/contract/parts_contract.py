"""What every source must do that knows the parts of its files. One joins by a subclass with the fixture `stored`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from downloader.remote_file import RemoteFile
from downloader.source import Source, parts_of

__all__ = ["SIZES", "PartsContract", "Stored"]

SIZES: Final = (4096, 4096, 4000, 4096, 11)
"""Not all of one size, as S3 allows."""


@dataclass(frozen=True)
class Stored:
    """A source with a file that was uploaded in parts of `SIZES`, and one that was uploaded whole; both described."""

    source: Source
    data: bytes
    in_parts: RemoteFile
    whole: RemoteFile


class PartsContract:
    """The suite."""

    def test_parts_are_the_whole_file_in_order(self, stored: Stored) -> None:
        spans = [part.span for part in parts_of(stored.source, stored.in_parts)]
        assert [len(span) for span in spans] == list(SIZES)
        assert [span.start for span in spans] == [sum(SIZES[:count]) for count in range(len(SIZES))]

    def test_each_has_the_checksum_of_its_bytes(self, stored: Stored) -> None:
        parts = parts_of(stored.source, stored.in_parts)
        assert parts
        for part in parts:
            digest = part.checksum.digest()
            digest.update(stored.data[part.span.start : part.span.stop])
            assert digest.digest().hex() == part.checksum.value

    def test_a_file_that_was_uploaded_whole_has_none(self, stored: Stored) -> None:
        assert parts_of(stored.source, stored.whole) == ()
