"""Contents that stand-in servers serve: anything with a length, of which slices can be had as bytes.

`bytes` is one. The others here make their bytes when a slice is asked for: gigabytes need no memory.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

__all__ = ["FileContent", "Flipped", "Generated", "Joined", "Span", "digest", "pieces"]

_BLOCK: Final = 64 * 1024
_COUNTER: Final = 8
"""Bytes of a block that hold its number, so that no two blocks are alike."""
_PIECE: Final = 256 * 1024


class FileContent(Protocol):
    """Bytes that are there, or can be made."""

    def __len__(self) -> int: ...

    def __getitem__(self, span: slice, /) -> bytes:
        """The bytes from `span.start` to `span.stop`, as a slice of `bytes` has them. Steps are not known."""


@dataclass(frozen=True)
class Generated:
    """`size` bytes that follow from `seed`: the same every time, and different in every block."""

    size: int
    seed: int = 0

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, span: slice) -> bytes:
        start, stop, _ = span.indices(self.size)
        first = start // _BLOCK
        made = b"".join(self._block(number) for number in range(first, -(-stop // _BLOCK)))
        return made[start - first * _BLOCK : max(stop, start) - first * _BLOCK]

    def _block(self, number: int) -> bytes:
        return number.to_bytes(_COUNTER, "little") + self._noise

    @cached_property
    def _noise(self) -> bytes:
        return random.Random(self.seed).randbytes(_BLOCK - _COUNTER)


@dataclass(frozen=True)
class Span:
    """`content` from `start` to `stop`."""

    content: FileContent
    start: int
    stop: int

    def __len__(self) -> int:
        return max(self.stop - self.start, 0)

    def __getitem__(self, span: slice) -> bytes:
        start, stop, _ = span.indices(len(self))
        return self.content[self.start + start : self.start + max(start, stop)]


@dataclass(frozen=True)
class Flipped:
    """`content` with the lowest bit of byte `at` wrong."""

    content: FileContent
    at: int

    def __len__(self) -> int:
        return len(self.content)

    def __getitem__(self, span: slice) -> bytes:
        start, stop, _ = span.indices(len(self))
        data, at = bytearray(self.content[start:stop]), self.at - start
        if 0 <= at < len(data):
            data[at] ^= 1
        return bytes(data)


@dataclass(frozen=True)
class Joined:
    """`content`, and `more` behind it."""

    content: FileContent
    more: bytes

    def __len__(self) -> int:
        return len(self.content) + len(self.more)

    def __getitem__(self, span: slice) -> bytes:
        start, stop, _ = span.indices(len(self))
        size = len(self.content)
        return self.content[start:stop] + self.more[max(start - size, 0) : max(stop - size, 0)]


def pieces(content: FileContent, size: int = _PIECE) -> Iterator[bytes]:
    """All of `content`, `size` bytes at a time."""
    for at in range(0, len(content), size):
        yield content[at : at + size]


def digest(content: FileContent, algorithm: str) -> str:
    """The checksum of `content`, in hexadecimal digits."""
    summed = hashlib.new(algorithm, usedforsecurity=False)
    for piece in pieces(content):
        summed.update(piece)
    return summed.hexdigest()
