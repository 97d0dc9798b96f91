"""What a bucket knows of one object: its size, its ETag, and its checksums.

An ETag is the MD5 of the bytes (of the parts' MD5s, after a multipart upload) unless the object is encrypted with KMS
or a customer's key, or in a directory bucket: there it only looks like one. Other servers do not say where it is none:
MinIO gives objects that it compresses or encrypts random ones, with ``-1`` behind them. So what a server says by its
ETag is held with a doubt (`Checksum`); ``-1``, a weak one, and one whose part sizes are unknown never condemn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from ...checksums import S3_ETAG, Checksum, from_base64, from_etag, opaque_tag
from ...errors import DownloadError, NetworkError, ObjectNotFound, PermanentError, RetryableError, SizeMismatch
from ...remote_file import RemoteFile
from .bucket import S3Bucket
from .errors import ARCHIVES, archived
from .object_store import bare_etag

__all__ = ["ADDITIONAL", "MOST_PARTS", "NO_PROOF", "describe", "describe_object"]

ADDITIONAL: Final = ("CRC64NVME", "SHA512", "SHA256", "SHA1", "MD5", "CRC32C", "CRC32")
"""S3's additional checksums that can be computed; those of the whole object and the strong ones first."""
MOST_PARTS: Final = 1000
"""Parts whose sizes are requested one by one."""
_EMPTY: Final = hashlib.md5(b"").hexdigest()
_NO_MD5: Final = frozenset({"aws:kms", "aws:kms:dsse"})
_OPAQUE: Final = "etag"
"""An algorithm that nothing computes: an ETag that cannot be one of a known form, kept for its doubt."""
_MAY_BE_NONE: Final = "the server's ETag is not an MD5 (as where it compresses or encrypts)"
NO_PROOF: Final = "the server's ETag does not prove it, and may be no MD5 (as where it compresses or encrypts)"
"""Why an ETag proves nothing by a mismatch: what the file's line in the report says."""


def describe(bucket: S3Bucket, file: RemoteFile) -> RemoteFile:
    """As `Source.describe`."""
    head = _head(bucket, file)
    if head is None:
        return file
    in_archive = head.get("StorageClass") in ARCHIVES
    restored = 'ongoing-request="false"' in head.get("Restore", "")
    if (in_archive or "ArchiveStatus" in head) and not restored:
        raise archived(bucket.subject(file.key), head.get("Restore"), days=in_archive)
    return _known(bucket, file, head)


def describe_object(bucket: S3Bucket, file: RemoteFile) -> RemoteFile:
    """As `describe`, also of an object that lies in an archive tier: a HEAD tells of it what it tells of others."""
    head = _head(bucket, file)
    return file if head is None else _known(bucket, file, head)


def _known(bucket: S3Bucket, file: RemoteFile, head: dict[str, Any]) -> RemoteFile:
    size: int | None = head.get("ContentLength", file.size)
    if file.size not in (None, size):
        raise SizeMismatch(f"{file.path} has {size} bytes in the bucket, {file.size} in its record")
    known = replace(file, size=size, etag=bare_etag(head.get("ETag")))
    checksums = {str(checksum): checksum for checksum in _own(bucket, known, head)}
    for checksum in _advertised(bucket, head):
        checksums.setdefault(str(checksum), checksum)
    if not checksums and known.etag:
        return replace(known, checksums=(Checksum(_OPAQUE, known.etag, guessed=True, doubt=NO_PROOF),))
    return replace(known, checksums=_with_part_sizes(bucket, known, tuple(checksums.values())))


def _head(bucket: S3Bucket, file: RemoteFile) -> dict[str, Any] | None:
    """What the server knows of the object; None where it does not tell, which the record can do without.

    boto3 accepts a head that was truncated, and a bit may flip on the way. So an ETag that differs from the listed one,
    is not a checksum, or is missing, is accepted only if it comes twice.
    """
    head = _ask(bucket, file)
    if head is None or _is_likely(head, file):
        return head
    again = _ask(bucket, file)
    if again is not None and again.get("ETag") != head.get("ETag") and not _is_likely(again, file):
        raise NetworkError(f"two answers about {bucket.subject(file.key)} contradict each other")
    return again


def _ask(bucket: S3Bucket, file: RemoteFile) -> dict[str, Any] | None:
    """The answer to a HEAD.

    Where that is refused, fails again and again, or has no likely length, the answer to a GET of the first byte
    goes before it.
    """
    quirks, head, refused = bucket.quirks, {}, False
    if quirks.heads:
        try:
            head = _with_checksums(bucket, file.key)
            quirks.note_head(failed=False)
        except RetryableError:
            if not quirks.note_head(failed=True):
                raise
        except PermanentError:
            refused = True
    if _has_length(head, file):
        return head
    try:
        head |= bucket.first_byte(file.key)
    except PermanentError as reason:
        if type(reason) is PermanentError and file.size is not None:  # no word on the object: the record does
            return head if "ContentLength" in head else None
        if "ContentLength" not in head:
            raise
    quirks.heads = quirks.heads and not refused
    return head


def _with_checksums(bucket: S3Bucket, key: str) -> dict[str, Any]:
    """The answer to a HEAD, asked for its checksums if the server bears that."""
    if bucket.quirks.checksum_mode:
        try:
            return bucket.request("head_object", key, ChecksumMode="ENABLED")
        except ObjectNotFound:
            raise
        except PermanentError:
            pass
    head = bucket.request("head_object", key)
    bucket.quirks.checksum_mode = False
    return head


def _has_length(head: dict[str, Any], file: RemoteFile) -> bool:
    """Whether `head` has a length that need not be doubted."""
    length = head.get("ContentLength")
    if file.size is None and length == 0:
        return bare_etag(head.get("ETag")) == _EMPTY
    return length is not None and file.size in (None, length)


def _is_likely(head: dict[str, Any], file: RemoteFile) -> bool:
    etag = bare_etag(head.get("ETag"))
    return etag is not None and file.etag in (None, etag) and from_etag(etag) is not None


def _etag_is_md5(bucket: S3Bucket, head: dict[str, Any]) -> bool:
    by_customer = "SSECustomerAlgorithm" in head
    directory = bucket.name.endswith("--x-s3")
    return not (by_customer or directory or head.get("ServerSideEncryption") in _NO_MD5)


def _own(bucket: S3Bucket, file: RemoteFile, head: dict[str, Any]) -> tuple[Checksum, ...]:
    """The checksums of the record, without those that come from an ETag that is not an MD5.

    A first MD5 may have been computed from the file by the record's writer, so it stays; if it equals such an ETag it
    was most likely copied from it, so a mismatch proves nothing. Nor does that of an ETag of one part, if it is still
    the object's.
    """
    opaque = opaque_tag(file.etag or "").strip().lower()
    if _etag_is_md5(bucket, head):
        return tuple(
            replace(c, guessed=True, doubt=NO_PROOF) if c.parts == 1 and not c.part_sizes and c.value == opaque else c
            for c in file.checksums
        )
    copied = Checksum("md5", opaque)
    first = file.checksums[:1]
    kept = [c for c in file.checksums[1:] if c.algorithm != S3_ETAG and c != copied]
    if first and first[0].algorithm != S3_ETAG:
        kept.insert(0, replace(first[0], guessed=True, doubt=NO_PROOF) if first[0] == copied else first[0])
    return tuple(kept)


def _advertised(bucket: S3Bucket, head: dict[str, Any]) -> Iterator[Checksum]:
    """The checksums that the server advertises for the whole object.

    Some answers omit the number of parts of a composite one (boto/botocore#3346). If they omit its type as well, it may
    be either, and a mismatch proves nothing.
    """
    header = bare_etag(head.get("ETag")) or ""
    etag = from_etag(opaque_tag(header))
    advertised = etag if etag is not None and _etag_is_md5(bucket, head) else None
    decides = advertised is not None and advertised.parts != 1 and opaque_tag(header) == header
    if advertised is not None and decides:
        yield replace(advertised, doubt=_MAY_BE_NONE if advertised.parts is None else NO_PROOF)
    kind, parts = head.get("ChecksumType"), etag.parts if etag else None
    for algorithm in ADDITIONAL:
        value = head.get(f"Checksum{algorithm}")
        if not value:
            continue
        whole, composite = from_base64(algorithm, value), from_base64(algorithm, f"{value}-{parts}")
        if "-" in value or parts is None or kind is not None or algorithm == "CRC64NVME":
            known = composite if kind == "COMPOSITE" and composite else whole
            yield from filter(None, [known])
        else:
            yield from (replace(checksum, guessed=True) for checksum in (composite, whole) if checksum)
    if advertised is not None and not decides:
        yield replace(advertised, guessed=True, doubt=NO_PROOF)


def _with_part_sizes(bucket: S3Bucket, file: RemoteFile, checksums: tuple[Checksum, ...]) -> tuple[Checksum, ...]:
    """`checksums` with the sizes of the parts, which are requested only if the first checksum needs them."""
    size = file.size or 0
    best = next((form for checksum in checksums for form in checksum.candidates(size)), None)
    if best is None or not best.guessed or best.parts in (None, 1):
        return checksums
    sizes = _part_sizes(bucket, file.key, size, best.parts)
    return tuple(
        replace(c, part_sizes=sizes, doubt=(_MAY_BE_NONE if c.doubt else "") if sizes else NO_PROOF)
        if c.parts == best.parts and not c.part_sizes
        else c
        for c in checksums
    )


def _part_sizes(bucket: S3Bucket, key: str, size: int, parts: int) -> tuple[int, ...]:
    """One size if all parts but the last have it, else that of every part; empty if the server does not know."""
    try:
        first = _part(bucket, key, 1)
        if first.get("PartsCount") != parts:
            return ()
        length: int = first["ContentLength"]
        rest = size - length * (parts - 1)
        if 0 < rest <= length and (parts < 3 or _part(bucket, key, parts)["ContentLength"] == rest):
            return (length,)
        if parts > MOST_PARTS:
            return ()
        # GetObjectAttributes has them in one answer, on AWS, and other servers answer it with the object itself.
        every = tuple(_part(bucket, key, number)["ContentLength"] for number in range(1, parts + 1))
    except DownloadError as error:
        if error.retryable:
            raise
        return ()
    return every if sum(every) == size else ()


def _part(bucket: S3Bucket, key: str, number: int) -> dict[str, Any]:
    part = bucket.request("head_object", key, PartNumber=number)
    if "ContentLength" not in part:
        raise PermanentError(f"the server does not tell the size of a part of {bucket.subject(key)}")
    return part
