"""Where files come from: two calls, a third that few know, and what it can do declared as data.

A source knows no disk and no retry. It reports what went wrong as one of `errors`; what is retried, and when, is
decided in `retry`. Clients' own hidden retries are turned off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .checksums import Checksum
from .errors import DownloadError, Misconfigured, Unreachable
from .remote_file import RemoteFile, RemotePart

__all__ = ["ByteStream", "Capabilities", "KnowsParts", "Source", "Timeouts", "parts_of", "probe"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a source can do."""

    ranges: bool = True
    """Whether `open` honours `start` and `stop`. Where False, `start` is always 0."""
    parallel_ranges: int = 32
    """How many ranges of one file may be fetched at once; 1 for a source that wants one stream a file."""
    connections: int = 256
    """How many streams of all files the source bears at once."""
    describes: bool = True
    """Whether `describe` can tell more than the listing did."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a source waits for its server, in seconds."""

    connect: float = 10.0
    stall: float = 60.0
    """Without a single byte, from the request on and between two reads."""


class ByteStream(Protocol):
    """The bytes of one answer, in order. An iterator of buffers, closed when done."""

    start: int
    """Position in the file of the first byte delivered: 0 where the server ignored the range."""
    size: int | None
    """Bytes of the whole file (not of the range), if the server tells."""

    @property
    def etag(self) -> str | None:
        """The ETag of the answer, without quotes, if it had one."""

    @property
    def checksums(self) -> tuple[Checksum, ...]:
        """Checksums that the answer itself advertises of the whole file.

        Equality proves; inequality does not condemn.
        """

    def __iter__(self) -> Iterator[bytes | memoryview]:
        """Buffers in order. Raises a `RetryableError` when the stream breaks or stalls."""

    def close(self) -> None:
        """Closes the connection. May be called twice, and from another thread."""


class Source(Protocol):
    """A place that files come from. Safe to use from many threads."""

    capabilities: Capabilities

    def describe(self, file: RemoteFile) -> RemoteFile:
        """`file` with what the source knows beyond the listing: size, expected ETag, more checksums behind its own.

        Raises `DownloadError`: `ObjectNotFound`, `AccessDenied`, `Archived`, `SizeMismatch` (the source's size is not
        the expected one), or a `RetryableError`.
        """

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        """Bytes `start` to `stop` (exclusive; None: the end) of `file`.

        Where `file.etag` is set it is sent along, if the source can (``If-Match``), and `ObjectChanged` is raised where
        the server refuses it. The stream bears the ETag of the answer; it is compared with the expected one in one
        place, `transfer.streaming.open_checked`. Raises `RangeRefused` where `start` or `stop` was asked for and the
        server sends something else.
        """


@runtime_checkable
class KnowsParts(Protocol):
    """What a source may be besides: one that knows the checksum of each part of a file."""

    def parts(self, file: RemoteFile) -> tuple[RemotePart, ...]:
        """The parts of `file`, as `describe` answered it, in order and without gaps; empty where they are not known.

        They tell which bytes of a damaged copy are right, and prove nothing of the whole. Raises `DownloadError`.
        """


def parts_of(source: Source, file: RemoteFile) -> tuple[RemotePart, ...]:
    """As `KnowsParts.parts`; empty for a source that has none."""
    return source.parts(file) if isinstance(source, KnowsParts) else ()


def probe(source: Source, file: RemoteFile) -> None:
    """Reads one byte of `file` by the client that will download, before anything is downloaded.

    Raises Misconfigured and Unreachable: what no file can be read for. Whatever is wrong with `file` alone (it is
    missing, archived, empty, forbidden, or its connection broke) is left to the report.
    """
    try:
        stream = source.open(file, 0, 1)
        try:
            next(iter(stream), None)
        finally:
            stream.close()
    except (Misconfigured, Unreachable):
        raise
    except DownloadError:
        return
