"""A server in front of moto's that knows what moto forgets: the checksums of the parts of an object.

It answers GetObjectAttributes, and a HEAD of a part with its checksum, in the words of Amazon's API reference, which
MinIO uses as well. All other requests are moto's.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from typing import Final
from urllib.parse import urlsplit

from downloader.checksums import Checksum

from . import wire
from .object_server import ObjectRequest
from .s3_servers import S3Server
from .wire import Answer, StandIn

__all__ = ["AttributesServer", "in_front_of"]

_ALGORITHMS: Final = ("SHA256", "SHA1", "CRC64NVME", "CRC32C", "CRC32")
_HOP_BY_HOP: Final = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})
_XML: Final = {"Content-Type": "application/xml"}
_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass(frozen=True)
class _Parts:
    """Of one object. `algorithm`: of their checksums; ``""``: they have none."""

    etag: str
    algorithm: str
    data: tuple[bytes, ...]

    def checksum(self, number: int) -> str:
        digest = Checksum(self.algorithm.lower(), "").digest()
        digest.update(self.data[number - 1])
        return b64encode(digest.digest()).decode()

    def rendered(self, number: int) -> str:
        name = f"Checksum{self.algorithm}"
        return (
            f"<Part><PartNumber>{number}</PartNumber><Size>{len(self.data[number - 1])}</Size>"
            f"<{name}>{self.checksum(number)}</{name}></Part>"
        )


@dataclass(kw_only=True)
class AttributesServer(StandIn):
    """One server."""

    behind: S3Server
    parts_at_once: int = 1000
    """Of one answer."""
    intercept: Callable[[ObjectRequest], Answer | None] = lambda _: None
    """Sees every request first, and may answer it."""
    requests: list[ObjectRequest] = field(default_factory=list)

    @property
    def front(self) -> S3Server:
        """This server, and how to get at it."""
        return replace(self.behind, url=self.url)

    def asked(self) -> list[str]:
        """What came in, in order: ``GET``, ``HEAD``, ``HEAD part``, ``attributes``."""
        return [_kind(request) for request in self.requests]

    def take(self, request: wire.Request) -> Answer:
        """What `request` gets."""
        asked = ObjectRequest(request.method, request.uri, request.headers, request.body, request.at)
        with self._lock:
            self.requests.append(asked)
        due = self.intercept(asked)
        if due is not None:
            return due
        return self._attributes(asked) if "attributes" in asked.query else self._passed_on(asked)

    def _passed_on(self, request: ObjectRequest) -> Answer:
        connection = HTTPConnection(urlsplit(self.behind.url).netloc, timeout=30)
        try:
            connection.request(request.method, request.uri, request.body, request.headers)
            answer = connection.getresponse()
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
            body = answer.read()
        finally:
            connection.close()
        if request.method == "HEAD":
            headers["Content-Length"] = answer.getheader("Content-Length", "0")
            if "partNumber" in request.query and "x-amz-checksum-mode" in request.headers:
                headers |= self._of_part(request, int(request.query["partNumber"]))
        return Answer(answer.status, headers, body)

    def _of_part(self, request: ObjectRequest, number: int) -> dict[str, str]:
        """What moto leaves out, or says otherwise: it has the part's own ETag."""
        parts = self._parts(request)
        checksum = {f"x-amz-checksum-{parts.algorithm.lower()}": parts.checksum(number)} if parts.algorithm else {}
        return {"ETag": f'"{parts.etag}"', **checksum}

    def _attributes(self, request: ObjectRequest) -> Answer:
        parts = self._parts(request)
        count, marker = len(parts.data), int(request.headers.get("x-amz-part-number-marker", "0"))
        most = min(int(request.headers.get("x-amz-max-parts", "1000")), self.parts_at_once)
        last = min(marker + most, count)
        rendered = "".join(map(parts.rendered, range(marker + 1, last + 1))) if parts.algorithm else ""
        of_parts = (
            f"<ObjectParts><PartsCount>{count}</PartsCount><PartNumberMarker>{marker}</PartNumberMarker>"
            f"<NextPartNumberMarker>{last}</NextPartNumberMarker><MaxParts>{most}</MaxParts>"
            f"<IsTruncated>{str(last < count).lower()}</IsTruncated>{rendered}</ObjectParts>"
        )
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<GetObjectAttributesResponse xmlns="{_NAMESPACE}">'
            f"<ETag>{parts.etag}</ETag>{of_parts if count > 1 else ''}</GetObjectAttributesResponse>"
        )
        return Answer(200, _XML, body.encode())

    def _parts(self, request: ObjectRequest) -> _Parts:
        client, place = self.behind.client(), {"Bucket": request.bucket, "Key": request.key}
        whole = client.get_object(**place, ChecksumMode="ENABLED")
        data, parts, number = whole["Body"].read(), [], 0
        while data:
            number += 1
            size = client.head_object(**place, PartNumber=number)["ContentLength"]
            parts.append(data[:size])
            data = data[size:]
        algorithm = next((name for name in _ALGORITHMS if f"Checksum{name}" in whole), "")
        return _Parts(whole["ETag"].strip('"'), algorithm, tuple(parts))


def _kind(request: ObjectRequest) -> str:
    if "attributes" in request.query:
        return "attributes"
    return f"{request.method} part" if "partNumber" in request.query else request.method


@contextmanager
def in_front_of(behind: S3Server) -> Iterator[AttributesServer]:
    """A server in front of `behind`."""
    with wire.serving(AttributesServer(behind=behind)) as served:
        yield served
