"""Accepts only answers whose head is complete and bounded, and states unambiguously where the body ends.

For `http.client` a head ends at its empty line, or where the connection does: a truncated head counts as complete,
without the lengths and types that were to follow, and the answer is misread. It skips invalid lines along with
everything after them, invalid lengths, and framings that it does not know, and would take the rest for the file. And it
sets no limit to provisional answers, to the lines after the last chunk, and to a head that arrives byte by byte.

h11 reads heads as strictly, but it would replace urllib3, and with it the proxies, TLS and cookies of `requests`.

Source of the rules: RFC 9112, sections 5.1, 6 and 7.1; RFC 9110, section 15.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.errors import (
    FirstHeaderLineIsContinuationDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
from http.client import HTTPException, HTTPMessage, HTTPResponse, RemoteDisconnected
from time import monotonic
from typing import Any, Final, cast

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

__all__ = ["WholeHeads", "with_whole_heads"]

_MOST_BYTES: Final = 256 * 1024
"""The limit of a head with all provisional answers before it, and of the trailer after the last chunk."""
_MOST_WAITS: Final = 2
"""The time limit of a head, as a multiple of that of a single byte."""
_PROVISIONAL: Final = frozenset(range(102, 200))
"""`http.client` itself skips 100; 101 would be an answer."""
_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_NO_HEADERS: Final = (
    FirstHeaderLineIsContinuationDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)


class _BoundedLines:
    """A stream that is read by lines, in bounds, and keeps the last one."""

    def __init__(self, stream: Any, patience: float | None) -> None:
        """`patience`: seconds in total; None for no limit."""
        self._stream = stream
        self._left = _MOST_BYTES
        self._until = None if patience is None else monotonic() + patience
        self.last: bytes | None = None

    def readline(self, limit: int = -1) -> bytes:
        """As of a stream. Raises HTTPException for too many bytes, TimeoutError when the time is over."""
        most = limit if limit >= 0 else _MOST_BYTES
        line = b""
        while len(line) < most and not line.endswith(b"\n") and (at_hand := self._stream.peek(1)):
            if self._until is not None and monotonic() > self._until:
                raise TimeoutError("the head of the answer does not end")
            line += self._stream.readline(min(most - len(line), len(at_hand)))
        self._left -= len(line)
        if self._left < 0:
            raise HTTPException("the head of the answer is too long")
        self.last = line
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _WholeHead(HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        stall = sock.gettimeout()
        self._patience: float | None = None if stall is None else _MOST_WAITS * stall

    def begin(self) -> None:
        if self._by_lines(super().begin).last == b"":
            self.close()
            raise RemoteDisconnected("the head of the answer broke off")
        try:
            _refuse_ambiguous(self.headers, chunked=bool(self.chunked))
        except HTTPException:
            self.close()
            raise

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            line: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if line[1] not in _PROVISIONAL:
                return line
            while self.fp.readline() not in (b"\r\n", b"\n", b""):
                pass

    def _read_and_discard_trailer(self) -> None:
        self._by_lines(super()._read_and_discard_trailer)  # type: ignore[misc]

    def _by_lines(self, read: Callable[[], object]) -> _BoundedLines:
        """Calls `read`, which reads lines."""
        lines = _BoundedLines(self.fp, self._patience)
        stream, passed_off = self.fp, cast(Any, lines)
        self.fp = passed_off
        try:
            read()
        finally:
            if self.fp is passed_off:  # it is None where it was closed
                self.fp = stream
        return lines


def _refuse_ambiguous(headers: HTTPMessage, *, chunked: bool) -> None:
    """Raises HTTPException if it is ambiguous where the body ends."""
    if any(isinstance(defect, _NO_HEADERS) for defect in headers.defects):
        raise HTTPException("the head of the answer holds lines that are no headers")
    framings = headers.get_all("Transfer-Encoding", [])
    if framings and not (chunked and len(framings) == 1):
        raise HTTPException("the answer comes in a framing that was not requested")
    lengths = {length.strip() for line in headers.get_all("Content-Length", []) for length in line.split(",")}
    if not framings and (len(lengths) > 1 or not all(map(_LENGTH.fullmatch, lengths))):
        raise HTTPException("the length of the answer is invalid")


class _Connection(HTTPConnection):
    response_class = _WholeHead


class _SecureConnection(HTTPSConnection):
    response_class = _WholeHead


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class WholeHeads(HTTPAdapter):
    """Sends as its base class does. A truncated head is a broken connection: `requests.ConnectionError`."""

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """As of the base class."""
        super().init_poolmanager(*args, **more)
        with_whole_heads(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **more: Any) -> PoolManager:
        """As of the base class."""
        manager: PoolManager = super().proxy_manager_for(*args, **more)
        return with_whole_heads(manager)


def with_whole_heads(manager: PoolManager) -> PoolManager:
    """`manager`, with connections that read heads as this module does."""
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return manager
