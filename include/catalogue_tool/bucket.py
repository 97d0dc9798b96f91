"""Raw files in a bucket: what a listing tells of their objects, and what each object tells of itself.

What a record can hold is an MD5, and the ETag of a multipart upload with the size of its parts. Only what is sure is
written: no ETag of an object that is encrypted with KMS, and no checksum that the server may have made of other bytes.
S3's other checksums are the objects' own, and a restore asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from downloader.catalogue import UploadPath
from downloader.checksums import MIB, S3_ETAG, Checksum
from downloader.errors import DownloadError, Misconfigured
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.retry import RetryPolicy
from downloader.sources.s3 import S3Access, check_bucket, describe_object
from downloader_tasks.failures import Refusal
from downloader_tasks.wording import one_line

from .found import Entry, Found, by_first_segment
from .progress import Advance

__all__ = ["Stored", "find_in_bucket", "list_objects"]

_THREADS: Final = 32
"""Objects that are asked for at once: boto3 has no use for more."""
_ARCHIVES: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_MOST_PART_MIB: Final = 5 * 1024
"""S3's own limit of a part is 5 GiB."""


class Stored(NamedTuple):
    """An object as the listing has it. `size` in bytes, None where it is not told. `etag` without its quotes.

    `archived`: whether it has to be restored in S3 before it can be read. A copy that was restored is one that can.
    """

    key: str
    size: int | None
    etag: str | None
    archived: bool = False


def list_objects(access: S3Access, bucket: str, prefix: str, policy: RetryPolicy) -> Iterator[Stored]:
    """The objects whose keys begin with `prefix`, in their order, without folder markers. Raises DownloadError."""
    opened, token = access.bucket(bucket), ""
    while True:
        more: dict[str, Any] = {"ContinuationToken": token} if token else {}
        page: dict[str, Any] = policy.call(
            partial(opened.ask, "list_objects_v2", Prefix=prefix, OptionalObjectAttributes=["RestoreStatus"], **more)
        )
        for one in page.get("Contents", ()):
            key = one.get("Key", "")
            if key.startswith(prefix) and not key.endswith("/") and key:
                yield Stored(key, one.get("Size"), (one.get("ETag") or "").strip('"') or None, _is_archived(one))
        if not page.get("IsTruncated"):
            return
        before, token = token, page.get("NextContinuationToken", "")
        if token in ("", before):
            raise Misconfigured(
                f"the listing of the bucket {bucket} does not go on behind its first pages",
                "use a server that follows S3's ListObjectsV2",
            )


def _is_archived(listed: dict[str, Any]) -> bool:
    """By storage class: of Intelligent-Tiering the listing does not tell."""
    restored = "RestoreExpiryDate" in listed.get("RestoreStatus", {})
    return listed.get("StorageClass") in _ARCHIVES and not restored


def find_in_bucket(
    access: S3Access, place: UploadPath, raw_file_id: str, policy: RetryPolicy, *, each: bool = False
) -> Found:
    """The raw file in `place`, or one for `each` entry below it. `raw_file_id`: ``""`` for the name of `place`.

    Raises DownloadError, and Refusal where there is no object.
    """
    check_bucket(access.bucket(place.bucket))
    top = place
    objects = {one.key: one for one in list_objects(access, place.bucket, place.key(""), policy)}
    if not objects and place.prefix:  # perhaps a single object
        top = UploadPath(place.bucket, place.prefix.rpartition("/")[0])
        near = list_objects(access, place.bucket, place.prefix, policy)
        objects = {one.key: one for one in near if one.key == place.prefix}
    if not objects:
        raise Refusal(f"there is no object below {_shown(place)}; check the path, in which upper and lower case differ")
    start = len(top.key(""))
    names = [key[start:] for key in objects]
    own_id = raw_file_id or place.prefix.rpartition("/")[2] or place.bucket

    def look(name: str, advance: Advance) -> Entry:
        entry = _entry(access, place.bucket, objects[top.key(name)], name, policy)
        advance(1)
        return entry

    return Found(
        by_first_segment(names) if each else {own_id: names},
        f"s3://{top.bucket}/{top.key('')}",
        look,
        _THREADS,
        len(names),
        in_bytes=False,
    )


def _shown(place: UploadPath) -> str:
    return one_line(f"s3://{place.bucket}/{place.prefix}")


def _entry(access: S3Access, bucket: str, stored: Stored, name: str, policy: RetryPolicy) -> Entry:
    """What the record says of an object. That of a name which no restore takes is not asked for."""
    try:
        file = RemoteFile(safe_path(name), stored.size, stored.key, (), stored.etag)
    except DownloadError:
        return [stored.size, None]
    opened = access.bucket(bucket)
    known = policy.call(lambda: describe_object(opened, file))
    sure = [checksum for checksum in known.checksums if not checksum.guessed]
    whole = sorted((one for one in sure if one.algorithm == "md5" and one.parts is None), key=_is_doubtful)
    etag = next((_recorded(one) for one in sure if one.algorithm == S3_ETAG and (one.parts or 0) > 1), None)
    md5 = whole[0].value if whole else None
    return [known.size, md5] if etag is None else [known.size, md5, etag]


def _is_doubtful(checksum: Checksum) -> bool:
    return bool(checksum.doubt)


def _recorded(etag: Checksum) -> str:
    """A multipart ETag, with the size of its parts in MiB if all but the last have one that can be written so."""
    if len(etag.part_sizes) != 1 or etag.part_sizes[0] % MIB or etag.part_sizes[0] > _MOST_PART_MIB * MIB:
        return etag.value
    return f"{etag.value}__{etag.part_sizes[0] // MIB}"
