"""An object server that speaks S3's GET and HEAD, with scripted faults on the wire (see `wire`)."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from . import wire
from .contents import FileContent, digest
from .wire import Answer, Fault, StandIn, hyphenated, ranged, without

__all__ = ["ObjectRequest", "ObjectServer", "refuse", "serving", "without_etag"]

_ERROR: Final = '<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'

without_etag: Final = without("ETag")


@dataclass(frozen=True)
class ObjectRequest(wire.Request):
    """What came in, as S3 reads it."""

    @property
    def bucket(self) -> str:
        """Decoded."""
        return unquote(self._split[0])

    @property
    def key(self) -> str:
        """Decoded, everything behind the bucket's slash."""
        return unquote(self._split[1])

    @property
    def lists(self) -> bool:
        """Whether it asks for the list of objects."""
        asks = urlsplit(self.uri)
        return "/" not in asks.path[1:] or (not self.key and bool(asks.query))

    @property
    def token(self) -> str:
        """The session token."""
        return self.headers.get("x-amz-security-token", "")

    @property
    def _split(self) -> tuple[str, str]:
        bucket, _, key = urlsplit(self.uri).path.removeprefix("/").partition("/")
        return bucket, key


def refuse(status: int, code: str = "", message: str = "", **headers: str) -> Fault:
    """An S3 error. Underscores in the names of `headers` are hyphens: ``Retry_After="7"``."""
    return wire.refuse(status, _ERROR.format(code=code, message=message).encode() if code else b"", **headers)


@dataclass
class ObjectServer(StandIn):
    """One bucket."""

    bucket: str = "bucket"
    honours_if_match: bool = True
    honours_ranges: bool = True
    intercept: Callable[[ObjectRequest], Fault | None] = lambda _: None
    """Sees every request first, and may answer with a fault."""
    requests: list[ObjectRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._objects: dict[str, tuple[FileContent, dict[str, str]]] = {}

    def put(self, key: str, data: FileContent, **headers: str) -> None:
        """Adds or replaces an object. Its ETag is its MD5, unless `headers` say otherwise."""
        etag = headers.pop("ETag", "") or f'"{digest(data, "md5")}"'
        with self._lock:
            self._objects[key] = (data, {"ETag": etag, **hyphenated(headers)})

    def gets(self, key: str) -> list[ObjectRequest]:
        """The GETs of `key` so far."""
        with self._lock:
            return [request for request in self.requests if request.method == "GET" and request.key == key]

    def take(self, request: wire.Request) -> Answer:
        """What `request` gets. Faults that are scripted for a key break its GETs only."""
        asked = ObjectRequest(request.method, request.uri, request.headers, request.body, request.at)
        if asked.method == "POST":
            due = Answer(405, {})
        elif asked.bucket != self.bucket:
            return refuse(404, "NoSuchBucket")(Answer(404, {}))
        else:
            due = Answer(200, {}, b"<ListBucketResult/>") if asked.lists else self._object(asked)
        fault = self.intercept(asked)
        return due if fault is None else fault(due)

    def _object(self, request: ObjectRequest) -> Answer:
        with self._lock:
            self.requests.append(request)
            due = self._due(request)
            return self.play(request.key, due) if request.method == "GET" else due

    def _due(self, request: ObjectRequest) -> Answer:
        found = self._objects.get(request.key)
        if found is None:
            return refuse(404, "NoSuchKey")(Answer(404, {}))
        data, headers = found
        expected = request.headers.get("if-match")
        if expected is not None and self.honours_if_match and expected != headers["ETag"]:
            return refuse(412, "PreconditionFailed")(Answer(412, {}))
        whole = Answer(200, headers, data, data)
        due = ranged(whole, request.headers.get("range", "")) if self.honours_ranges else whole
        return refuse(416, "InvalidRange")(due) if due.status == 416 else due


@contextmanager
def serving(server: ObjectServer | None = None, tls: ssl.SSLContext | None = None) -> Iterator[ObjectServer]:
    """`server`, listening on a free port."""
    with wire.serving(server or ObjectServer(), tls) as served:
        yield served
