"""The checksums of an object's parts, which servers keep where the upload carried any.

GetObjectAttributes tells them, a thousand at once, to who has the right `s3:GetObjectAttributes` (Amazon; MinIO since
2024). A HEAD of each part tells its own to who may read the object. The ETag of a multipart upload says of the MD5s of
its parts only what they are together, so it tells no wrong part from a right one.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from ...checksums import Checksum, from_base64, opaque_tag, same_object
from ...errors import PermanentError
from ...remote_file import RemoteFile, RemotePart
from .attributes import PARTS_AT_ONCE
from .bucket import S3Bucket
from .describe import ADDITIONAL, MOST_PARTS
from .object_store import bare_etag

__all__ = ["parts_of_object"]

log = logging.getLogger(__name__)

_ASKED_AT_ONCE: Final = 16
_MOST_PAGES: Final = 100
"""Of a server that gives fewer parts at once than it may."""
_COUNT: Final = re.compile(r"-([1-9][0-9]{0,4})$")
"""What stands behind an ETag, or a composite checksum, of so many parts."""

_Rows = Sequence[Mapping[str, Any]]
"""Parts in order, as boto3 has them: `Size`, `ChecksumSHA256` and its like."""


def parts_of_object(bucket: S3Bucket, file: RemoteFile) -> tuple[RemotePart, ...]:
    """As `KnowsParts.parts`. Asks only about an object of several parts. Raises RetryableError."""
    count = _count(file)
    if count < 2:
        return ()
    return _laid_out(_by_attributes(bucket, file), file) or _laid_out(_by_heads(bucket, file, count), file)


def _count(file: RemoteFile) -> int:
    """In how many parts the object was uploaded, as far as its ETag and its checksums tell."""
    written = (opaque_tag(file.etag or ""), *(checksum.value for checksum in file.checksums))
    return max((int(found[1]) for text in written if (found := _COUNT.search(text))), default=1)


def _by_attributes(bucket: S3Bucket, file: RemoteFile) -> _Rows:
    """Every page of the parts; nothing where the server, or the rights, do not grant them."""
    rows: list[Mapping[str, Any]] = []
    more: dict[str, Any] = {"ObjectAttributes": ["ETag", "ObjectParts"], "MaxParts": PARTS_AT_ONCE}
    try:
        for _ in range(_MOST_PAGES):
            answer = bucket.request("get_object_attributes", file.key, **more)
            found = answer.get("ObjectParts") or {}
            rows += found.get("Parts") or []
            marker = found.get("NextPartNumberMarker") or 0
            if not _is_of(answer, file):
                break
            if not found.get("IsTruncated"):
                return rows
            if marker <= more.get("PartNumberMarker", 0):
                break
            more["PartNumberMarker"] = marker
    except PermanentError as error:
        log.info("%s: no attributes of its parts (%s)", file.path, error.what)
    return ()


def _by_heads(bucket: S3Bucket, file: RemoteFile, count: int) -> _Rows:
    """A HEAD of each part; nothing where that of the first has no checksum of its own."""

    def head(number: int) -> dict[str, Any]:
        return bucket.request("head_object", file.key, PartNumber=number, ChecksumMode="ENABLED")

    if count > MOST_PARTS or not bucket.quirks.checksum_mode:
        return ()
    try:
        rows = [head(1)]
        own = {checksum.value for checksum in _checksums(rows[0])}
        whole = {checksum.value for checksum in file.checksums}
        if rows[0].get("PartsCount") != count or not own or own & whole:
            return ()
        with ThreadPoolExecutor(_ASKED_AT_ONCE, "part-heads") as pool:
            rows += pool.map(head, range(2, count + 1))
    except PermanentError:
        return ()
    return [{**row, "Size": row.get("ContentLength")} for row in rows if _is_of(row, file)]


def _is_of(answer: Mapping[str, Any], file: RemoteFile) -> bool:
    """Whether an answer is about the object that was described."""
    etag = bare_etag(answer.get("ETag"))
    return etag is None or file.etag is None or same_object(etag, file.etag)


def _laid_out(rows: _Rows, file: RemoteFile) -> tuple[RemotePart, ...]:
    """The parts one behind the other; nothing where they are not the whole object, or one has no checksum."""
    parts, at = [], 0
    for row in rows:
        size, checksum = row.get("Size") or 0, next(iter(_checksums(row)), None)
        if size <= 0 or checksum is None:
            return ()
        parts.append(RemotePart(range(at, at + size), checksum))
        at += size
    return tuple(parts) if at == file.size else ()


def _checksums(row: Mapping[str, Any]) -> list[Checksum]:
    found = (from_base64(name, row[f"Checksum{name}"]) for name in ADDITIONAL if row.get(f"Checksum{name}"))
    return [checksum for checksum in found if checksum is not None and checksum.parts is None]
