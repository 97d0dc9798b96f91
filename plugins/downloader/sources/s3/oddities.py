"""Reads with boto3 what obstore cannot: keys such as ``a//b``, ``/a``, ``../a``, and ranges that are sent as 200.

And what it may not: redirects to another host are followed here, without the credentials.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.response import StreamingBody

from ...checksums import Checksum, from_etag
from ...errors import NetworkError, PermanentError, RangeRefused, SizeMismatch
from ...remote_file import RemoteFile
from ...source import ByteStream
from .bucket import S3Bucket
from .errors import ReadRedirected, Subject, from_answer, from_boto3, plain_address
from .object_store import bare_etag
from .quirks import accepting_gzip
from .transport import session_of

__all__ = ["BotoStream", "as_stored", "open_with_boto3"]

_CHUNK: Final = 256 * 1024
_HOPS: Final = 5
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class BotoStream:
    """One answer of boto3."""

    def __init__(self, answer: dict[str, Any], about: Subject) -> None:
        found = _CONTENT_RANGE.fullmatch(answer.get("ContentRange", ""))
        self._body: Any = answer["Body"]
        self._about = about
        self._closed = False
        self.start: int = int(found[1]) if found else 0
        self.stop: int | None = int(found[2]) + 1 if found else None
        self.size: int | None = int(found[3]) if found else answer.get("ContentLength")
        self.etag: str | None = bare_etag(answer.get("ETag"))
        advertised = from_etag(self.etag) if self.etag else None
        self.checksums: tuple[Checksum, ...] = () if advertised is None else (advertised,)
        self.packed: bool = answer.get("ContentEncoding") == "gzip"
        """Whether the bytes are compressed, by the answer."""
        self.redirected: bool = answer.get("Redirected", False)
        """Whether another host sends the bytes."""

    def __iter__(self) -> Iterator[bytes]:
        """Buffers of 256 KiB, the last one shorter."""
        while chunk := self._read():
            yield chunk

    def close(self) -> None:
        """Closes the connection."""
        self._closed = True
        self._body.close()

    def _read(self) -> bytes:
        if self._closed:
            raise NetworkError(f"the stream of {self._about} was closed")
        try:
            data: bytes = self._body.read(_CHUNK)
            return data
        except (BotoCoreError, ClientError, OSError, ValueError) as error:
            problem = from_boto3(error, self._about)
        raise problem


def open_with_boto3(bucket: S3Bucket, file: RemoteFile, start: int, stop: int | None) -> BotoStream:
    """As `Source.open`."""
    more: dict[str, Any] = {}
    if file.etag:
        more["IfMatch"] = f'"{file.etag}"'
    ranged = start > 0 or stop is not None
    if ranged:
        more["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
    redirect: ReadRedirected | None = None
    answer: dict[str, Any] = {}
    try:
        answer = bucket.ask("get_object", file.key, **more)
    except ReadRedirected as error:
        redirect = error
    if redirect is not None:
        headers = {name: more[key] for name, key in (("Range", "Range"), ("If-Match", "IfMatch")) if key in more}
        answer = _elsewhere(bucket, file.key, redirect, headers)
    stream = BotoStream(answer, bucket.subject(file.key))
    if ranged and not _is_range(stream, start, stop):
        stream.close()
        raise RangeRefused(f"asked for a range of {bucket.subject(file.key)}, the server sent something else")
    return stream


def _elsewhere(bucket: S3Bucket, key: str, redirect: ReadRedirected, headers: dict[str, str]) -> dict[str, Any]:
    """The answer at the end of a redirect, by the same proxy and authorities, and without any credentials.

    Raises `redirect` if it leads from https to http, or has no end.
    """
    url = redirect.location()
    schemes = {"https"} if bucket.subject().address.startswith("https:") else {"http", "https"}
    for _ in range(_HOPS):
        if urlsplit(url).scheme not in schemes:
            break
        about = replace(bucket.subject(key), address=plain_address(url))
        request = AWSRequest("GET", url, {"Accept-Encoding": "identity", **headers}, stream_output=True)
        answer = _sent(bucket, request, about)
        if answer.status_code in (200, 206):
            length = answer.headers.get("Content-Length", "")
            return {
                "Body": StreamingBody(answer.raw, length or None),  # type: ignore[arg-type]  # as botocore itself does
                "ContentLength": int(length) if length.isdigit() else None,
                "ContentRange": answer.headers.get("Content-Range", ""),
                "ETag": answer.headers.get("ETag"),
                "Redirected": True,
            }
        answer.raw.close()
        if "Location" not in answer.headers:
            raise from_answer(about, answer.status_code)
        url = urljoin(url, answer.headers["Location"])
    raise redirect


def _sent(bucket: S3Bucket, request: AWSRequest, about: Subject) -> Any:
    try:
        return session_of(bucket.client).send(request.prepare())
    except (BotoCoreError, OSError, ValueError) as error:
        problem = from_boto3(error, about)
    raise problem


def as_stored(bucket: S3Bucket, file: RemoteFile, came: ByteStream, start: int, stop: int | None) -> ByteStream:
    """`came`, if it is of the expected size, or nothing better comes.

    Some servers and proxies (Google Cloud Storage, nginx's gunzip) unpack what is stored with Content-Encoding gzip,
    unless the request accepts gzip: then the stored bytes come. Raises SizeMismatch where they unpack in any case.
    """
    if file.size in (None, came.size) or (came.size is None and bucket.quirks.chunks):
        return came
    stored: BotoStream | None = None
    try:
        with accepting_gzip():
            stored = open_with_boto3(bucket, file, start, stop)
    except PermanentError:
        pass
    if stored is not None and stored.packed and stored.size == file.size:
        came.close()
        return stored
    if stored is not None:
        stored.close()
    try:
        head = bucket.request("head_object", file.key)
    except PermanentError:
        head = {}
    about = bucket.subject(file.key)
    if head.get("ContentEncoding") != "gzip" or head.get("ContentLength") != file.size:
        bucket.quirks.chunks = came.size is None
        return came
    came.close()
    raise SizeMismatch(
        f"{about.address} unpacks {about}, which is stored compressed (Content-Encoding: gzip), so other bytes come "
        "than those that are stored",
        "let the server, or the proxy before it, send the object as it is stored (no gunzip)",
    )


def _is_range(stream: BotoStream, start: int, stop: int | None) -> bool:
    if stream.stop is None or stream.size is None:
        return False
    return (stream.start, stream.stop) == (start, stream.size if stop is None else min(stop, stream.size))
