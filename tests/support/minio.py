"""MinIO for tests: how any S3 server is one, and a server with scripted listings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from downloader.source import Timeouts
from downloader.sources.s3.minio.server import MinioServer
from include.stand_ins.object_server import refuse
from include.stand_ins.s3_servers import OWN_SECRET, S3Server, rclone_serving
from include.stand_ins.wire import Answer, Fault, Request, StandIn

__all__ = [
    "Lister",
    "listing_page",
    "minio_at",
    "minio_of",
    "named",
    "rclone_with_tls",
    "refuse_xml",
]

_XML: Final = {"Content-Type": "application/xml"}
LIMITS: Final = Timeouts(connect=5, stall=20)


def minio_at(
    url: str,
    key: str = "AKIATESTONLY",
    secret: str = OWN_SECRET,
    *,
    verify: bool | str | None = None,
    timeouts: Timeouts = LIMITS,
) -> MinioServer:
    """The server at `url`, as a connection would describe it."""
    scheme, _, endpoint = url.partition("://")
    return MinioServer(endpoint, key, secret, secure=scheme == "https", verify=verify, timeouts=timeouts)


def minio_of(server: S3Server, *, secret: str = "") -> MinioServer:
    """An S3 server of the tests; with another secret than its own, if one is given."""
    return minio_at(server.url, server.key, secret or server.secret)


@contextmanager
def rclone_with_tls(folder: Path, certificate: Path) -> Iterator[str]:
    """The address of ``rclone serve s3`` over TLS: written in Go, as MinIO is."""
    with rclone_serving(folder, "--cert", str(certificate), "--key", str(certificate)) as url:
        yield url


def refuse_xml(status: int, code: str, message: str = "", **headers: str) -> Fault:
    """An S3 error with the content type of XML."""
    return refuse(status, code, message, Content_Type="application/xml", **headers)


def listing_page(keys: Iterable[str], *, following: str = "", size: int = 3, etag: str = "0" * 32) -> bytes:
    """An answer to ListObjectsV2, with a token where there is more. Keys are encoded as they are asked to be."""
    rows = "".join(
        f"<Contents><Key>{escape(quote(key, safe='/'))}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>"
        f"<ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size></Contents>"
        for key in keys
    )
    more = f"<NextContinuationToken>{escape(following)}</NextContinuationToken>" if following else ""
    return (
        f"<ListBucketResult><Name>bucket</Name><EncodingType>url</EncodingType>{more}"
        f"<IsTruncated>{str(bool(following)).lower()}</IsTruncated>{rows}</ListBucketResult>"
    ).encode()


@dataclass(kw_only=True)
class Lister(StandIn):
    """One bucket of many keys, without bytes; faults are scripted for ``"listing"``."""

    keys: Sequence[str] = ()
    most: int = 1000
    """Keys of a page, if no fewer are asked for."""
    buckets: Callable[[], Answer] = lambda: Answer(403, {})
    """What ListBuckets gets."""
    asked: list[Request] = field(default_factory=list)
    """The listings that were asked for."""

    def take(self, request: Request) -> Answer:
        if request.path == "/":
            return self.buckets()
        self.asked.append(request)
        return self.play("listing", self._page(request))

    def _page(self, request: Request) -> Answer:
        query = request.query
        after = query.get("continuation-token") or query.get("start-after", "")
        fitting = [key for key in sorted(self.keys) if key > after and key.startswith(query["prefix"])]
        page = fitting[: min(self.most, int(query["max-keys"]))]
        return Answer(200, _XML, listing_page(page, following=page[-1] if len(page) < len(fitting) else ""))


def named(*names: str) -> Answer:
    """An answer to ListBuckets."""
    rows = "".join(
        f"<Bucket><Name>{escape(name)}</Name><CreationDate>2026-01-02T03:04:05.000Z</CreationDate></Bucket>"
        for name in names
    )
    return Answer(200, _XML, f"<ListAllMyBucketsResult><Buckets>{rows}</Buckets></ListAllMyBucketsResult>".encode())
