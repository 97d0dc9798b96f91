"""What S3 says of an object, and what of it is believed."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber

from downloader.checksums import MIB, S3_ETAG, Checksum, from_base64
from downloader.errors import Archived, ServerBusy, SizeMismatch
from downloader.paths import SafePath
from downloader.remote_file import RemoteFile
from downloader.sources.s3.bucket import S3Bucket
from downloader.sources.s3.describe import describe
from include.stand_ins.s3_servers import S3Server

KEY = "folder/file.bin"
FILE = RemoteFile(SafePath("file.bin"), None, KEY)
DATA = bytes(range(251)) * 50_000  # 12 MiB
PARTS = (5 * MIB, 5 * MIB, len(DATA) - 10 * MIB)
UNEVEN = (5 * MIB, 4 * MIB, len(DATA) - 9 * MIB)
"""As many parts as there would be of 5 MiB each."""


@pytest.fixture
def bucket(moto: S3Server) -> S3Bucket:
    return S3Bucket(moto.new_bucket(), moto.client())


@pytest.fixture
def asked(bucket: S3Bucket) -> Iterator[list[str]]:
    """The requests that `describe` makes, in order."""
    seen: list[str] = []

    def note(model: Any, params: dict[str, Any], **_: object) -> None:
        seen.append(model.name + ("" if "partNumber" not in params["query_string"] else " part"))

    bucket.client.meta.events.register("before-call.s3", note)
    yield seen
    bucket.client.meta.events.unregister("before-call.s3", note)


def put(bucket: S3Bucket, data: bytes = DATA, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = bucket.client.put_object(Bucket=bucket.name, Key=KEY, Body=data, **more)
    return answer


def upload(bucket: S3Bucket, sizes: tuple[int, ...], algorithm: str | None = None) -> str:
    """A multipart upload with parts of `sizes`; answers the ETag."""
    place: dict[str, Any] = {"Bucket": bucket.name, "Key": KEY}
    more: dict[str, Any] = {"ChecksumAlgorithm": algorithm} if algorithm else {}
    begun = bucket.client.create_multipart_upload(**place, **more)
    place["UploadId"] = begun["UploadId"]
    parts, at = [], 0
    for number, size in enumerate(sizes, 1):
        done = bucket.client.upload_part(**place, PartNumber=number, Body=DATA[at : at + size], **more)
        kept = {name: value for name, value in done.items() if name == "ETag" or name.startswith("Checksum")}
        parts.append({"PartNumber": number, **kept})
        at += size
    done = bucket.client.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
    return str(done["ETag"]).strip('"')


def holds(checksum: Checksum, data: bytes = DATA) -> bool:
    """Whether `data` has `checksum` in one of the forms that come into question."""
    for form in checksum.candidates(len(data)):
        hasher = form.hasher()
        hasher.update(data)
        if hasher.value() == form.value:
            return True
    return False


# --- on moto ---------------------------------------------------------------------------------------------------------


def test_a_single_put_has_its_md5(bucket: S3Bucket, asked: list[str]) -> None:
    put(bucket)
    known = describe(bucket, FILE)
    md5 = hashlib.md5(DATA).hexdigest()
    assert (known.size, known.etag) == (len(DATA), md5)
    assert known.checksums[0] == Checksum("md5", md5)
    assert asked.count("HeadObject") == 1


def test_the_part_size_is_asked_for(bucket: S3Bucket, asked: list[str]) -> None:
    etag = upload(bucket, PARTS)
    asked.clear()
    known = describe(bucket, FILE)
    assert known.checksums[0] == Checksum(S3_ETAG, etag, (5 * MIB,))
    assert holds(known.checksums[0])
    assert asked == ["HeadObject", "HeadObject part", "HeadObject part"]


def test_the_part_size_of_the_record_is_taken(bucket: S3Bucket, asked: list[str]) -> None:
    etag = upload(bucket, PARTS)
    asked.clear()
    own = Checksum(S3_ETAG, etag, (5 * MIB,))
    assert describe(bucket, replace(FILE, checksums=(own,))).checksums == (own,)
    assert asked == ["HeadObject"]


def test_where_the_record_has_an_md5_no_part_size_is_needed(bucket: S3Bucket, asked: list[str]) -> None:
    etag = upload(bucket, PARTS)
    asked.clear()
    own = Checksum("md5", hashlib.md5(DATA).hexdigest())
    assert describe(bucket, replace(FILE, checksums=(own,))).checksums == (own, Checksum(S3_ETAG, etag))
    assert asked == ["HeadObject"]


def test_uneven_parts_are_asked_for_one_by_one(bucket: S3Bucket, asked: list[str]) -> None:
    """Not by GetObjectAttributes: Ceph's gateway answers it with the object itself."""
    sizes = (6 * MIB, 5 * MIB, len(DATA) - 11 * MIB)
    upload(bucket, sizes)
    asked.clear()
    known = describe(bucket, FILE)
    assert known.checksums[0].part_sizes == sizes
    assert holds(known.checksums[0])
    assert set(asked) == {"HeadObject", "HeadObject part"}


@pytest.mark.parametrize("algorithm", ["SHA256", "SHA1", "CRC32", "CRC32C", "CRC64NVME"])
def test_an_additional_checksum_comes_behind_the_etag(bucket: S3Bucket, algorithm: str) -> None:
    value = put(bucket, ChecksumAlgorithm=algorithm)[f"Checksum{algorithm}"]
    known = describe(bucket, FILE)
    assert known.checksums[1:] == (from_base64(algorithm, value),)
    assert holds(known.checksums[1])


@pytest.mark.parametrize("algorithm", ["SHA256", "CRC32"])
def test_a_composite_checksum_gets_the_part_size(bucket: S3Bucket, algorithm: str) -> None:
    upload(bucket, PARTS, algorithm)
    composite = next(checksum for checksum in describe(bucket, FILE).checksums[1:] if checksum.parts)
    assert (composite.algorithm, composite.part_sizes) == (algorithm.lower(), (5 * MIB,))
    assert holds(composite)


def test_the_etag_under_kms_is_no_md5(bucket: S3Bucket) -> None:
    put(bucket, ServerSideEncryption="aws:kms", ChecksumAlgorithm="SHA256")
    assert [checksum.algorithm for checksum in describe(bucket, FILE).checksums] == ["sha256"]


def test_an_object_in_glacier_is_refused_until_restored(bucket: S3Bucket) -> None:
    put(bucket, StorageClass="GLACIER")
    with pytest.raises(Archived, match=rf"aws s3api restore-object --bucket {bucket.name} --key folder/file\.bin"):
        describe(bucket, FILE)
    bucket.client.restore_object(Bucket=bucket.name, Key=KEY, RestoreRequest={"Days": 1})
    assert describe(bucket, FILE).size == len(DATA)


# --- answers that no free server gives -------------------------------------------------------------------------------

Describe = Callable[..., S3Bucket]
MD5 = hashlib.md5(DATA).hexdigest()
ETAG_OF_THREE = "9b2cf535f27731c974343645a3985328-3"


def digest(algorithm: str, data: bytes) -> str:
    hasher = Checksum(algorithm, "").hasher()
    hasher.update(data)
    return b64encode(bytes.fromhex(hasher.value())).decode()


@pytest.fixture
def says(moto: S3Server) -> Iterator[Describe]:
    """A bucket whose answers are these, in this order: ``says(head, ("get_object_attributes", answer))``."""
    stubbers: list[Stubber] = []

    def build(*answers: dict[str, Any] | tuple[str, dict[str, Any]], name: str = "bucket") -> S3Bucket:
        client = moto.client()
        stubber = Stubber(client)
        for answer in answers:
            stubber.add_response(*(answer if isinstance(answer, tuple) else ("head_object", head(**answer))))
        stubber.activate()
        stubbers.append(stubber)
        return S3Bucket(name, client)

    yield build
    for stubber in stubbers:
        stubber.assert_no_pending_responses()


def head(**more: Any) -> dict[str, Any]:
    return {"ContentLength": len(DATA), "ETag": f'"{MD5}"', **more}


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"ServerSideEncryption": "aws:kms"}, "bucket"),
        ({"ServerSideEncryption": "aws:kms:dsse"}, "bucket"),
        ({"SSECustomerAlgorithm": "AES256"}, "bucket"),
        ({}, "bucket--euc1-az1--x-s3"),
    ],
    ids=["kms", "dsse", "customer", "directory"],
)
def test_what_was_copied_from_an_etag_that_is_no_md5_is_dropped(
    says: Describe, more: dict[str, Any], name: str
) -> None:
    own = Checksum("md5", hashlib.md5(b"the truth").hexdigest())
    brought = (own, Checksum("md5", MD5), Checksum(S3_ETAG, ETAG_OF_THREE, (5 * MIB,)))
    assert describe(says(more, name=name), replace(FILE, checksums=brought)).checksums == (own,)


def test_a_first_md5_that_equals_such_an_etag_proves_only_by_equality(says: Describe) -> None:
    """Old records hold an MD5 or an ETag in one field."""
    brought = (Checksum("md5", MD5),)
    known = describe(says({"ServerSideEncryption": "aws:kms"}), replace(FILE, checksums=brought))
    assert known.checksums == (Checksum("md5", MD5, guessed=True),)


def test_s3s_own_encryption_leaves_the_etag_an_md5(says: Describe) -> None:
    assert describe(says({"ServerSideEncryption": "AES256"}), FILE).checksums == (Checksum("md5", MD5),)


def test_additional_checksums_stand_in_the_order_of_trust(says: Describe) -> None:
    names = ("CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME")
    answer = {f"Checksum{name}": digest(name.lower(), DATA) for name in names}
    known = describe(says({**answer, "ChecksumType": "FULL_OBJECT"}), FILE)
    order = ["md5", "crc64nvme", "sha256", "sha1", "crc32c", "crc32"]
    assert [checksum.algorithm for checksum in known.checksums] == order
    assert all(holds(checksum) for checksum in known.checksums)


def test_a_full_object_checksum_of_a_multipart_upload_is_whole(says: Describe) -> None:
    crc = digest("crc64nvme", DATA)
    bucket = says(
        {"ETag": f'"{ETAG_OF_THREE}"', "ChecksumCRC64NVME": crc, "ChecksumType": "FULL_OBJECT"}, {}
    )  # the second answer, to partNumber=1, knows nothing of parts
    known = describe(bucket, FILE)
    assert known.checksums == (Checksum(S3_ETAG, ETAG_OF_THREE), from_base64("crc64nvme", crc))


def test_a_composite_checksum_without_its_number_gets_it(says: Describe) -> None:
    """boto/botocore#3346."""
    parts = [DATA[: 5 * MIB], DATA[5 * MIB : 10 * MIB], DATA[10 * MIB :]]
    value = b64encode(hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()).decode()
    answers = [
        {"ETag": f'"{ETAG_OF_THREE}"', "ChecksumSHA256": value, "ChecksumType": "COMPOSITE"},
        {"ContentLength": 5 * MIB, "PartsCount": 3},
        {"ContentLength": PARTS[2], "PartsCount": 3},
    ]
    etag, composite = describe(says(*answers), FILE).checksums
    assert (etag.part_sizes, composite.part_sizes, composite.parts) == ((5 * MIB,), (5 * MIB,), 3)
    assert holds(composite)


def test_a_checksum_of_unknown_type_proves_only_by_equality(says: Describe) -> None:
    answer = {"ETag": f'"{ETAG_OF_THREE}"', "ChecksumSHA256": digest("sha256", DATA)}
    _, composite, whole = describe(says(answer, {}), FILE).checksums
    assert (composite.parts, composite.guessed) == (3, True)
    assert (whole.parts, whole.guessed) == (None, True)
    assert holds(whole)


@pytest.mark.parametrize("sizes", [UNEVEN, (5 * MIB, 5 * MIB, 7)], ids=["whole", "another sum"])
def test_parts_are_believed_if_they_add_up(says: Describe, sizes: tuple[int, ...]) -> None:
    answers = [{"ContentLength": size, "PartsCount": 3} for size in sizes]
    bucket = says({"ETag": f'"{ETAG_OF_THREE}"'}, answers[0], {"ContentLength": 7}, *answers)
    assert describe(bucket, FILE).checksums[0].part_sizes == (sizes if sum(sizes) == len(DATA) else ())


def test_the_sizes_of_very_many_uneven_parts_are_not_asked_for(says: Describe) -> None:
    whole = {"ETag": f'"{ETAG_OF_THREE[:-1]}1001"', "ContentLength": 1000 * 8 * MIB + 10}
    first, last = ({"ContentLength": length, "PartsCount": 1001} for length in (8 * MIB, 9))
    assert describe(says(whole, first, last), FILE).checksums[0].part_sizes == ()


def test_a_server_that_is_busy_with_parts_is_asked_again_later(moto: S3Server) -> None:
    client = moto.client()
    with Stubber(client) as stubber:
        stubber.add_response("head_object", head(ETag=f'"{ETAG_OF_THREE}"'))
        stubber.add_client_error("head_object", "503", http_status_code=503)
        with pytest.raises(ServerBusy, match="answered 503 for"):
            describe(S3Bucket("bucket", client), FILE)


@pytest.mark.parametrize("storage", ["GLACIER", "DEEP_ARCHIVE"])
@pytest.mark.parametrize(
    ("restore", "says_so"),
    [
        (None, "restore-object"),
        ('ongoing-request="true"', "a restore of s3://bucket/folder/file.bin is in progress"),
        ('ongoing-request="false", expiry-date="Fri, 21 Dec 2026 00:00:00 GMT"', None),
    ],
    ids=["asleep", "waking", "awake"],
)
def test_the_state_of_a_restore_decides(says: Describe, storage: str, restore: str | None, says_so: str | None) -> None:
    bucket = says({"StorageClass": storage, **({"Restore": restore} if restore else {})})
    if says_so is None:
        assert describe(bucket, FILE).size == len(DATA)
    else:
        with pytest.raises(Archived, match=says_so):
            describe(bucket, FILE)


def test_instant_retrieval_is_no_archive_and_an_archive_tier_is(says: Describe) -> None:
    assert describe(says({"StorageClass": "GLACIER_IR"}), FILE).size == len(DATA)
    with pytest.raises(Archived, match=r"--restore-request '\{\}'"):
        describe(says({"StorageClass": "INTELLIGENT_TIERING", "ArchiveStatus": "ARCHIVE_ACCESS"}), FILE)


def test_another_size_names_both(says: Describe) -> None:
    with pytest.raises(SizeMismatch, match=rf"{len(DATA)} bytes in the bucket, 17 in its record"):
        describe(says({}), replace(FILE, size=17))
