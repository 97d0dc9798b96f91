"""One answer over HTTP: its body as a page of bounded size, or as the stream of a file."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from time import monotonic
from typing import Final

import requests
from urllib3.exceptions import DecodeError

from ...checksums import Checksum
from ...errors import DownloadError, NetworkError, PermanentError, RangeRefused, SizeMismatch
from .errors import FAILURES, Advice, from_client, from_status
from .headers import content_length, content_range, entity_tag, retry_after, total_of_unsatisfied
from .request import HttpRequest

__all__ = ["HttpAnswer", "HttpStream", "read_within", "stream_of"]

_CHUNK: Final = 256 * 1024
"""Bytes of one buffer."""
_PIECES: Final = 16
"""The most reads of one buffer: on a slow network buffers are passed on before they are full."""

_PAGE_SECONDS: Final = 600.0
"""The time limit of a page, however steadily its bytes arrive."""
_PLAIN: Final = frozenset({"", "identity"})
_PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})
_EITHER: Final = 32 + zlib.MAX_WBITS
"""For zlib: a gzip header, or its own."""


class HttpAnswer:
    """One answer, its body not yet read. The caller closes it."""

    def __init__(self, response: requests.Response, request: HttpRequest, advice: Advice) -> None:
        self._response = response
        self._advice = advice
        self._closed = False
        self.request = request
        """The last one, after all redirects."""
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers

    def beginning(self, most: int) -> bytes:
        """The first `most` bytes of the body, decompressed; all of them if there are fewer. Closes the answer.

        At most as many compressed bytes are read: one that decompresses to nothing ends there.
        """
        try:
            return self._unpacked(read_within(self._read, most), most)
        except FAILURES as error:
            problem = self._problem(error)
        finally:
            self.close()
        raise problem

    def body(self, most: int) -> bytes:
        """The whole body, decompressed. Raises `PermanentError` if it has more than `most` bytes. Closes the answer."""
        data = self.beginning(most + 1)
        if len(data) > most:
            raise PermanentError(f"{self.request.host} answered {self.request.about} with more than {most} bytes")
        return data

    @property
    def encoding(self) -> str:
        """How the body is compressed; ``""`` if it is not."""
        encoding = self.headers.get("Content-Encoding", "").strip().lower()
        return "" if encoding in _PLAIN else encoding

    def buffers(self) -> Iterator[bytes]:
        """The body as it was received, in buffers of 256 KiB, shorter ones on a slow network.

        What was received before the connection broke is yielded before the error is raised.
        """
        while True:
            pieces: list[bytes] = []
            problem: DownloadError | None = None
            room = _CHUNK
            try:
                while room and len(pieces) < _PIECES and (piece := self._read(room)):
                    pieces.append(piece)
                    room -= len(piece)
            except (*FAILURES, AttributeError) as error:  # AttributeError: another thread closed the stream
                problem = self._problem(error)
            if self._closed:  # a socket that was shut down looks like the end of a body without a length
                problem = NetworkError(f"the stream of {self.request.about} was closed")
            if pieces:
                yield b"".join(pieces)
            if problem is not None:
                raise problem
            if not pieces:
                return

    def refusal(self) -> DownloadError:
        """The error that the status of the answer stands for. Closes the answer."""
        self.close()
        if self.status == 416:
            size = total_of_unsatisfied(self.headers.get("Content-Range"))
            known = "is shorter than expected" if size is None else f"has {size} bytes at its source, more are expected"
            return SizeMismatch(f"{self.request.about} {known}", self._advice.size)
        error = from_status(self.status, self.request.host, self.request.about, self._advice)
        error.retry_after = retry_after(self.headers.get("Retry-After"))
        return error

    def close(self) -> None:
        """Closes the connection. May be called twice, and from another thread: a read that waits there ends."""
        self._closed = True
        with suppress(*FAILURES, RuntimeError):  # closed, or already returned to the pool
            self._response.raw.shutdown()
        with suppress(*FAILURES):
            self._response.close()

    def _unpacked(self, data: bytes, most: int) -> bytes:
        if not self.encoding or not data:
            return data
        if self.encoding not in _PACKED:
            raise DecodeError("compressed in a way that was not requested")
        unpacking = zlib.decompressobj(_EITHER)
        try:
            page = unpacking.decompress(data, most)
        except zlib.error:
            page = b""
        if not unpacking.eof and len(page) < most:
            raise DecodeError("the compressed bytes are incomplete")
        return page

    def _read(self, most: int) -> bytes:
        raw = self._response.raw
        left: int | None = raw.length_remaining
        data: bytes = b"" if self._closed else raw.read1(most if left is None else min(most, left))
        return data

    def _problem(self, error: Exception) -> DownloadError:
        return from_client(error, self.request.host, self.request.about, self._advice)


class HttpStream:
    """The bytes of one file, from one answer. See `source.ByteStream`."""

    checksums: tuple[Checksum, ...] = ()

    def __init__(self, answer: HttpAnswer, start: int, size: int | None) -> None:
        self._answer = answer
        self.start = start
        self.size = size
        self.etag = entity_tag(answer.headers.get("ETag"))

    def __iter__(self) -> Iterator[bytes]:
        """Buffers as of `HttpAnswer.buffers`."""
        return self._answer.buffers()

    def close(self) -> None:
        """Closes the connection."""
        self._answer.close()


def read_within(read: Callable[[int], bytes], most: int) -> bytes:
    """`most` bytes from `read`, which returns at most as many as requested; fewer if there are no more.

    Raises what `read` raises, and TimeoutError if it takes more than ten minutes.
    """
    until = monotonic() + _PAGE_SECONDS
    pieces: list[bytes] = []
    while most > 0 and (piece := read(min(most, _CHUNK))):
        pieces.append(piece)
        most -= len(piece)
        if monotonic() > until:
            raise TimeoutError("the page does not end")
    return b"".join(pieces)


def stream_of(answer: HttpAnswer, start: int = 0, stop: int | None = None) -> HttpStream:
    """The bytes `start` to `stop` from the answer to a request for them. On an error the answer is closed.

    Raises `RangeRefused` for anything but the range, `SizeMismatch` for a 416, and the error of any other status.
    """
    about, host = answer.request.about, answer.request.host
    try:
        if answer.status not in (200, 206):
            raise answer.refusal()
        if answer.encoding:
            what = f"{host} sends {about} compressed, though it was asked not to"
            raise PermanentError(what, "report it: it cannot be read")
        if answer.status == 206:
            span = content_range(answer.headers.get("Content-Range"))
            if span is None or span.start != start or not _reaches(span.stop, span.size, stop):
                raise RangeRefused(f"{host} sent something else than the range of {about} that was asked for")
            return HttpStream(answer, start, span.size)
        if start or stop is not None:
            raise RangeRefused(f"asked for a range of {about}, {host} sent the whole")
        return HttpStream(answer, 0, content_length(answer.headers.get("Content-Length")))
    except BaseException:
        answer.close()
        raise


def _reaches(end: int, size: int | None, stop: int | None) -> bool:
    """Whether a range that ends at `end` is complete. An open range of a file of unknown size always is."""
    if size is None:
        return stop is None or end <= stop
    return end == (size if stop is None else min(stop, size))
