"""What the stand-in servers share: requests as they arrive, answers, the faults that break them, and the sending.

A fault is a function from the answer that is due to the one that is sent. `StandIn.script` queues faults for a key: the
first answer for that key plays the first, and so on; then all is well again.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cached_property
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from .contents import FileContent, Flipped, Joined, Span, pieces

__all__ = [
    "Answer",
    "Fault",
    "Request",
    "StandIn",
    "chunked",
    "cut_at",
    "flip_bit",
    "hyphenated",
    "ignore_range",
    "limited",
    "longer",
    "ranged",
    "refuse",
    "reset_at",
    "serve_until_ended",
    "serving",
    "shorter",
    "slowly",
    "stall_at",
    "without",
]

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
_PACED: Final = 64 * 1024
"""Bytes between two looks at the clock, where an answer's speed is limited."""


class _Then(Enum):
    """What happens to the connection once the bytes are sent."""

    GO_ON = auto()
    CLOSE = auto()
    RESET = auto()
    STALL = auto()


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    uri: str
    """Path and query, as they came."""
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes = b""
    at: float = 0.0
    """When it arrived, by the server's clock."""

    @cached_property
    def path(self) -> str:
        """Decoded."""
        return unquote(urlsplit(self.uri).path)

    @cached_property
    def query(self) -> dict[str, str]:
        """Decoded; the last of several with one name."""
        return dict(parse_qsl(urlsplit(self.uri).query, keep_blank_values=True))

    @cached_property
    def form(self) -> dict[str, str]:
        """What a posted form says, decoded."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @cached_property
    def json(self) -> Any:
        """The body's JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @cached_property
    def cookies(self) -> dict[str, str]:
        """What the client remembers."""
        return {name: held.value for name, held in SimpleCookie(self.headers.get("cookie", "")).items()}


@dataclass(frozen=True)
class Answer:
    """What goes out. `whole` is the object; `sent` is how much of `body` really goes over the wire, None: all."""

    status: int
    headers: Mapping[str, str]
    body: FileContent = b""
    whole: FileContent = b""
    sent: int | None = None
    pause: float = 0.0
    """Seconds before each tenth of the body."""
    then: _Then = _Then.GO_ON
    chunked: bool = False
    """In chunks, without a length."""
    speed: float = 0.0
    """Bytes a second; 0: as fast as can be."""


Fault = Callable[[Answer], Answer]


def cut_at(count: int) -> Fault:
    """The connection is closed after `count` bytes of the body."""
    return lambda answer: replace(answer, sent=count, then=_Then.CLOSE)


def reset_at(count: int) -> Fault:
    """The connection is reset after `count` bytes of the body; -1: before the status line."""
    return lambda answer: replace(answer, sent=count, then=_Then.RESET)


def stall_at(count: int) -> Fault:
    """Nothing comes after `count` bytes of the body, and the connection stays; -1: no status line either."""
    return lambda answer: replace(answer, sent=count, then=_Then.STALL)


def slowly(seconds: float) -> Fault:
    """Ten times `seconds` go by while the body is sent."""
    return lambda answer: replace(answer, pause=seconds)


def limited(speed: float) -> Fault:
    """The body comes at `speed` bytes a second."""
    return lambda answer: replace(answer, speed=speed)


def flip_bit(at: int) -> Fault:
    """The lowest bit of byte `at` of the body is wrong."""
    return lambda answer: replace(answer, body=Flipped(answer.body, at))


def longer(more: bytes) -> Fault:
    """The object has `more` behind its end, and the length says so."""
    return lambda answer: replace(answer, body=Joined(answer.body, more))


def shorter(by: int) -> Fault:
    """The object lacks its last `by` bytes, and the length says so."""
    return lambda answer: replace(answer, body=Span(answer.body, 0, len(answer.body) - by))


def chunked(answer: Answer) -> Answer:
    """No length is announced."""
    return replace(answer, chunked=True)


def ignore_range(answer: Answer) -> Answer:
    """200 and the whole object, whatever range was asked for."""
    return replace(without("Content-Range")(answer), status=200, body=answer.whole)


def without(header: str) -> Fault:
    """The answer lacks `header`."""
    return lambda answer: replace(
        answer, headers={name: value for name, value in answer.headers.items() if name != header}
    )


def refuse(status: int, body: bytes = b"", **headers: str) -> Fault:
    """Another answer altogether. Underscores in the names of `headers` are hyphens: ``Retry_After="7"``."""
    return lambda _: Answer(status, hyphenated(headers), body)


def hyphenated(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers out of keyword arguments."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def ranged(answer: Answer, asked: str) -> Answer:
    """What `answer`, a whole object, becomes for the header ``Range: asked``: 206, 416, or itself where it is none.

    A range that begins behind the end is a 416 with ``Content-Range: bytes */SIZE``, and so is any of an empty object.
    """
    span = _RANGE.fullmatch(asked)
    if span is None or not (span[1] or span[2]):
        return answer
    size = len(answer.body)
    start = int(span[1]) if span[1] else max(size - int(span[2]), 0)
    stop = min(int(span[2]) + 1, size) if span[1] and span[2] else size
    if start >= stop:
        return Answer(416, {"Content-Range": f"bytes */{size}"})
    headers = {**answer.headers, "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
    return replace(answer, status=206, headers=headers, body=Span(answer.body, start, stop), whole=answer.body)


@dataclass(kw_only=True)
class StandIn:
    """A server that stands in for a real one. Who derives from it says in `take` what a request gets."""

    port: int = 0
    """0: any that is free, known once it listens."""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] | None = None
    """Lets time pass while an answer is sent; None: really, until the server closes."""

    def __post_init__(self) -> None:
        self.closing = threading.Event()
        self._faults: dict[str, deque[Fault | None]] = defaultdict(deque)
        self._lock = threading.RLock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def script(self, key: str, *faults: Fault | None) -> None:
        """Queues what happens to the next answers for `key`; None is "nothing"."""
        with self._lock:
            self._faults[key].extend(faults)

    def play(self, key: str, answer: Answer) -> Answer:
        """`answer`, broken by the next fault that is queued for `key`."""
        with self._lock:
            queued = self._faults[key]
            fault = queued.popleft() if queued else None
        return answer if fault is None else fault(answer)

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        (self.sleep or self.closing.wait)(seconds)

    def take(self, request: Request) -> Answer:
        """What `request` gets."""
        raise NotImplementedError


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024
    served: StandIn

    def do_GET(self) -> None:
        self._send(self.served.take(self._request()))

    do_HEAD = do_POST = do_GET  # noqa: N815 - the base class's names

    def _request(self) -> Request:
        arrived = self.served.clock()
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        return Request(self.command, self.path, headers, body, arrived)

    def _send(self, answer: Answer) -> None:
        if answer.sent != -1:
            self._send_head(answer)
        if self.command != "HEAD" and answer.status not in {204, 304}:
            self._send_body(answer)
        self.wfile.flush()
        self._end(answer.then)

    def _send_head(self, answer: Answer) -> None:
        self.send_response(answer.status)
        framing = {"Transfer-Encoding": "chunked"} if answer.chunked else {"Content-Length": str(len(answer.body))}
        for name, value in {**framing, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_body(self, answer: Answer) -> None:
        for piece in self._paced(answer):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if answer.chunked else piece)
        if answer.chunked and answer.then is _Then.GO_ON:
            self.wfile.write(b"0\r\n\r\n")

    def _paced(self, answer: Answer) -> Iterator[bytes]:
        body = answer.body if answer.sent is None else Span(answer.body, 0, min(max(answer.sent, 0), len(answer.body)))
        if answer.pause:
            return self._hesitant(body, answer.pause)
        return self._limited(body, answer.speed) if answer.speed else pieces(body)

    def _hesitant(self, body: FileContent, seconds: float) -> Iterator[bytes]:
        for piece in pieces(body, -(-len(body) // 10) or 1):
            self.wfile.flush()
            self.served.wait(seconds)
            yield piece

    def _limited(self, body: FileContent, speed: float) -> Iterator[bytes]:
        begun, sent = self.served.clock(), 0
        for piece in pieces(body, max(min(_PACED, int(speed / 10)), 1)):
            sent += len(piece)
            early = begun + sent / speed - self.served.clock()
            if early > 0:
                self.wfile.flush()
                self.served.wait(early)
            yield piece

    def _end(self, then: _Then) -> None:
        self.close_connection = then is not _Then.GO_ON or self.close_connection
        if then is _Then.STALL:
            self.served.closing.wait()
        if then is _Then.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def log_message(self, *args: object) -> None:
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *args: object) -> None:
        """A client that went away is no error."""


_Served = TypeVar("_Served", bound=StandIn)


@contextmanager
def serving(served: _Served, tls: ssl.SSLContext | None = None) -> Iterator[_Served]:
    """`served`, listening at its port."""
    handler = type("Handler", (_Handler,), {"served": served})
    with _Server(("127.0.0.1", served.port), handler) as listening:
        served.port = listening.server_port
        if tls is not None:
            listening.socket = tls.wrap_socket(listening.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield served
        finally:
            served.closing.set()
            listening.shutdown()
            thread.join()


def serve_until_ended(served: StandIn) -> None:
    """Serves until the process is ended."""
    with serving(served):
        threading.Event().wait()
