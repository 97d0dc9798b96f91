"""An object server that speaks S3's GET and HEAD, and breaks on the wire as it is told to.

A fault is a function from the answer that is due to the one that is sent. `ObjectServer.script` queues faults for a
key: the first GET plays the first, and so on; then all is well again.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import struct
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import unquote, urlsplit

__all__ = [
    "Answer",
    "Fault",
    "ObjectServer",
    "Request",
    "cut_at",
    "flip_bit",
    "ignore_range",
    "longer",
    "refuse",
    "reset_at",
    "serving",
    "shorter",
    "slowly",
    "stall_at",
    "without_etag",
]

_RANGE: Final = re.compile(r"bytes=(\d+)-(\d*)")
_ERROR: Final = '<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'


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
    key: str
    """Decoded, everything behind the bucket's slash."""
    headers: dict[str, str]
    """Names in lower case."""

    @property
    def token(self) -> str:
        """The session token."""
        return self.headers.get("x-amz-security-token", "")


@dataclass(frozen=True)
class Answer:
    """What goes out. `whole` is the object; `sent` is how much of `body` really goes over the wire, None: all."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bytes = b""
    sent: int | None = None
    pause: float = 0.0
    """Seconds before each tenth of the body."""
    then: _Then = _Then.GO_ON


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


def flip_bit(at: int) -> Fault:
    """The lowest bit of byte `at` of the body is wrong."""
    return lambda answer: replace(answer, body=answer.body[:at] + bytes([answer.body[at] ^ 1]) + answer.body[at + 1 :])


def longer(more: bytes) -> Fault:
    """The object has `more` behind its end, and the length says so."""
    return lambda answer: replace(answer, body=answer.body + more)


def shorter(by: int) -> Fault:
    """The object lacks its last `by` bytes, and the length says so."""
    return lambda answer: replace(answer, body=answer.body[:-by])


def ignore_range(answer: Answer) -> Answer:
    """200 and the whole object, whatever range was asked for."""
    headers = {name: value for name, value in answer.headers.items() if name != "Content-Range"}
    return replace(answer, status=200, headers=headers, body=answer.whole)


def without_etag(answer: Answer) -> Answer:
    """No ETag."""
    return replace(answer, headers={name: value for name, value in answer.headers.items() if name != "ETag"})


def refuse(status: int, code: str = "", message: str = "", **headers: str) -> Fault:
    """An S3 error. Underscores in the names of `headers` are hyphens: ``Retry_After="7"``."""
    body = _ERROR.format(code=code, message=message).encode() if code else b""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda answer: Answer(status, named, body)


@dataclass
class ObjectServer:
    """One bucket."""

    bucket: str = "bucket"
    honours_if_match: bool = True
    honours_ranges: bool = True
    gate: Callable[[Request], Fault | None] = lambda request: None
    """Looks at every request first."""
    requests: list[Request] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self.closing = threading.Event()
        self._objects: dict[str, tuple[bytes, dict[str, str]]] = {}
        self._faults: dict[str, deque[Fault | None]] = defaultdict(deque)
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self.port}"

    def put(self, key: str, data: bytes, **headers: str) -> None:
        """Adds or replaces an object."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        with self._lock:
            self._objects[key] = (data, {"ETag": f'"{etag}"', **named})

    def script(self, key: str, *faults: Fault | None) -> None:
        """Queues what happens at the next GETs of `key`; None is "nothing"."""
        with self._lock:
            self._faults[key].extend(faults)

    def gets(self, key: str) -> list[Request]:
        """The GETs of `key` so far."""
        with self._lock:
            return [request for request in self.requests if request.method == "GET" and request.key == key]

    def answer(self, request: Request) -> Answer:
        """What `request` gets."""
        with self._lock:
            self.requests.append(request)
            due = self._due(request)
            queued = self._faults[request.key]
            fault = queued.popleft() if queued and request.method == "GET" else None
        gated = self.gate(request)
        for play in (fault, gated):
            due = due if play is None else play(due)
        return due

    def listing(self, request: Request) -> Answer:
        """What a question for the list of objects gets: an empty list."""
        fault = self.gate(request)
        due = Answer(200, {}, b"<ListBucketResult/>")
        return due if fault is None else fault(due)

    def _due(self, request: Request) -> Answer:
        found = self._objects.get(request.key)
        if found is None:
            return refuse(404, "NoSuchKey")(Answer(404, {}, b""))
        data, headers = found
        pin = request.headers.get("if-match")
        if pin is not None and self.honours_if_match and pin != headers["ETag"]:
            return refuse(412, "PreconditionFailed")(Answer(412, {}, b""))
        span = _RANGE.fullmatch(request.headers.get("range", ""))
        if span is None or not self.honours_ranges:
            return Answer(200, headers, data, data)
        return _part(data, headers, int(span[1]), int(span[2]) + 1 if span[2] else len(data))


def _part(data: bytes, headers: dict[str, str], start: int, stop: int) -> Answer:
    stop = min(stop, len(data))
    if start >= stop:
        return refuse(416, "InvalidRange")(Answer(416, {}, b""))
    return Answer(206, {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"}, data[start:stop], data)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024
    served: ObjectServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        bucket, slash, key = parts.path.removeprefix("/").partition("/")
        if unquote(bucket) != self.served.bucket:
            self._send(refuse(404, "NoSuchBucket")(Answer(404, {}, b"")))
        elif not slash or (not key and parts.query):
            self._send(self.served.listing(self._request("")))
        else:
            self._send(self.served.answer(self._request(unquote(key))))

    def _request(self, key: str) -> Request:
        return Request(self.command, key, {name.lower(): value for name, value in self.headers.items()})

    do_HEAD = do_GET  # noqa: N815 - the base class's names

    def _send(self, answer: Answer) -> None:
        if answer.sent != -1:
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
        if self.command != "HEAD":
            self._send_body(answer)
        self.wfile.flush()
        self._end(answer.then)

    def _send_body(self, answer: Answer) -> None:
        body = answer.body if answer.sent is None else answer.body[: max(answer.sent, 0)]
        step = -(-len(body) // 10) if answer.pause else len(body)
        for at in range(0, len(body), step or 1):
            if answer.pause:
                self.wfile.flush()
                self.served.closing.wait(answer.pause)
            self.wfile.write(body[at : at + step])

    def _end(self, then: _Then) -> None:
        self.close_connection = then is not _Then.GO_ON
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


@contextmanager
def serving(server: ObjectServer | None = None, tls: ssl.SSLContext | None = None) -> Iterator[ObjectServer]:
    """`server`, listening on a free port."""
    served = server or ObjectServer()
    handler = type("Handler", (_Handler,), {"served": served})
    with _Server(("127.0.0.1", 0), handler) as listening:
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
