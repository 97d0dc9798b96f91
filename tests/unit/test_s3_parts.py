"""What S3 servers tell of the parts of an object, and what is made of answers that tell nothing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber

from downloader.checksums import MIB, Checksum
from downloader.errors import ServerBusy
from downloader.paths import SafePath
from downloader.remote_file import RemoteFile
from downloader.sources.s3 import S3Source
from downloader.sources.s3.bucket import S3Bucket
from downloader.sources.s3.parts import parts_of_object
from include.stand_ins.attributes_server import AttributesServer, in_front_of
from include.stand_ins.object_server import ObjectRequest, ObjectServer, refuse
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.wire import Answer, stall_at
from support.restoring import content
from support.uploads import upload_in_parts

DATA = content(50_000)
CUT = [DATA[at : at + 8000] for at in range(0, len(DATA), 8000)]
FILE = RemoteFile(SafePath("x"), None, "x")


@pytest.fixture
def front(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[AttributesServer]:
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    with in_front_of(moto) as server:
        yield server


def stored(front: AttributesServer, algorithm: str | None = "SHA256", **more: Any) -> tuple[S3Source, RemoteFile]:
    """A source of a bucket with one object in parts, and that as it is described. Nothing was asked yet."""
    bucket = front.behind.new_bucket()
    upload_in_parts(front.behind, bucket, "x", CUT, algorithm, **more)
    source = S3Source(bucket, front.front.access())
    file = source.describe(FILE)
    front.requests.clear()
    return source, file


def refusing(status: int, code: str) -> Any:
    """Refuses GetObjectAttributes."""

    def intercept(request: ObjectRequest) -> Answer | None:
        return refuse(status, code)(Answer(200, {})) if "attributes" in request.query else None

    return intercept


def test_one_request_tells_all_parts(front: AttributesServer) -> None:
    source, file = stored(front)
    assert len(source.parts(file)) == len(CUT)
    assert front.asked() == ["attributes"]
    headers = front.requests[0].headers
    assert (headers["x-amz-object-attributes"], headers["x-amz-max-parts"]) == ("ETag,ObjectParts", "1000")


def test_each_page_is_asked_for(front: AttributesServer) -> None:
    source, file = stored(front)
    front.parts_at_once = 3
    assert len(source.parts(file)) == len(CUT)
    assert [request.headers.get("x-amz-part-number-marker") for request in front.requests] == [None, "3", "6"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "AccessDenied"),
        (501, "NotImplemented"),
        (405, "MethodNotAllowed"),
        (400, "InvalidArgument"),
        (404, "NoSuchKey"),
    ],
)
def test_without_the_right_each_part_is_asked_for(front: AttributesServer, status: int, code: str) -> None:
    source, file = stored(front)
    front.intercept = refusing(status, code)
    assert [len(part.span) for part in source.parts(file)] == [len(part) for part in CUT]
    assert front.asked() == ["attributes", *["HEAD part"] * len(CUT)]


def test_an_upload_without_checksums_has_no_parts(front: AttributesServer) -> None:
    source, file = stored(front, None)
    assert source.parts(file) == ()
    assert front.asked() == ["attributes", "HEAD part"]


def test_moto_itself_knows_none(front: AttributesServer) -> None:
    source, file = stored(front)
    bare = S3Source(source._bucket.name, front.behind.access())
    assert bare.parts(file) == ()


def test_an_upload_of_one_part_is_not_asked_about(front: AttributesServer) -> None:
    bucket = front.behind.new_bucket({"x": DATA})
    source = S3Source(bucket, front.front.access())
    file = source.describe(FILE)
    front.requests.clear()
    assert source.parts(file) == ()
    assert front.requests == []


def test_the_parts_of_another_object_are_not_those_of_the_file(front: AttributesServer) -> None:
    source, file = stored(front)
    assert source.parts(replace(file, etag=f"{'0' * 32}-{len(CUT)}")) == ()
    assert source.parts(replace(file, size=len(DATA) - 1)) == ()


def test_the_etag_under_kms_tells_how_many_parts_there_are(front: AttributesServer) -> None:
    source, file = stored(front, ServerSideEncryption="aws:kms")
    assert len(source.parts(file)) == len(CUT)


def test_a_busy_server_is_asked_again_by_whoever_asked(front: AttributesServer) -> None:
    source, file = stored(front)
    front.intercept = refusing(503, "SlowDown")
    with pytest.raises(ServerBusy):
        source.parts(file)


# --- answers that are something else ----------------------------------------------------------------------------------


ETAG = f"{'9' * 32}-3"
LARGE = replace(FILE, size=6 * MIB, etag=ETAG)


@pytest.mark.parametrize("size", [6 * MIB, 100_000], ids=["larger than any answer", "smaller"])
def test_a_server_that_sends_the_object_itself_is_not_read_to_its_end(object_server: ObjectServer, size: int) -> None:
    """As Ceph's gateway did. An answer of which nothing more comes shows that nothing more is waited for."""
    file = replace(LARGE, size=size)
    object_server.put("x", content(size), ETag=f'"{ETAG}"')
    if size > 3 * MIB:
        object_server.script("x", stall_at(3 * MIB))
    source = S3Source("bucket", S3Server(object_server.url).access())
    assert source.parts(file) == ()
    assert [request.method for request in object_server.requests] == ["GET", "HEAD"]


def digest_of(data: bytes) -> str:
    digest = Checksum("sha256", "").digest()
    digest.update(data)
    return b64encode(digest.digest()).decode()


GOOD: list[dict[str, Any]] = [
    {"PartNumber": number, "Size": 2 * MIB, "ChecksumSHA256": digest_of(bytes([number]))} for number in (1, 2, 3)
]


def answering(moto: S3Server, *pages: dict[str, Any]) -> Stubber:
    stubber = Stubber(moto.client())
    for page in pages:
        stubber.add_response("get_object_attributes", {"ETag": ETAG, **page})
    stubber.add_client_error("head_object", "405", "no", 405)
    return stubber


def parts_by(stubber: Stubber) -> int:
    with stubber:
        return len(parts_of_object(S3Bucket("bucket", stubber.client), LARGE))


def test_an_answer_as_it_is_due(moto: S3Server) -> None:
    assert parts_by(answering(moto, {"ObjectParts": {"Parts": GOOD, "IsTruncated": False}})) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"ObjectParts": {}},
        {"ObjectParts": {"TotalPartsCount": 3}},
        {"ObjectParts": {"Parts": []}},
        {"ObjectParts": {"Parts": GOOD[:2]}},
        {"ObjectParts": {"Parts": [*GOOD, GOOD[0]]}},
        {"ObjectParts": {"Parts": [*GOOD[:2], {**GOOD[2], "Size": -5}]}},
        {"ObjectParts": {"Parts": [*GOOD[:2], {**GOOD[2], "Size": 0}]}},
        {"ObjectParts": {"Parts": [{**GOOD[0], "Size": 9 * MIB}, {**GOOD[1], "Size": -5 * MIB}, GOOD[2]]}},
        {"ObjectParts": {"Parts": [*GOOD[:2], {"PartNumber": 3, "Size": 2 * MIB}]}},
        {"ObjectParts": {"Parts": [*GOOD[:2], {**GOOD[2], "ChecksumSHA256": "no base64"}]}},
        {"ObjectParts": {"Parts": [*GOOD[:2], {**GOOD[2], "ChecksumSHA256": digest_of(b"") + "-3"}]}},
        {"ObjectParts": {"Parts": GOOD, "IsTruncated": True}},
        {"ObjectParts": {"Parts": GOOD, "IsTruncated": True, "NextPartNumberMarker": 0}},
        {"ETag": f"{'8' * 32}-3", "ObjectParts": {"Parts": GOOD}},
    ],
)
def test_what_is_not_the_whole_object_in_parts_is_nothing(moto: S3Server, wrong: dict[str, Any]) -> None:
    assert parts_by(answering(moto, wrong)) == 0


def test_pages_that_never_end_do(moto: S3Server) -> None:
    pages = ({"ObjectParts": {"IsTruncated": True, "NextPartNumberMarker": number}} for number in range(1, 101))
    assert parts_by(answering(moto, *pages)) == 0


def test_as_many_parts_as_s3_allows(moto: S3Server) -> None:
    rows = [{"PartNumber": number, "Size": 1, "ChecksumSHA256": digest_of(b"")} for number in range(1, 10_001)]
    file = replace(FILE, size=10_000, etag=f"{'9' * 32}-10000")
    pages = [
        {"Parts": rows[at : at + 1000], "IsTruncated": at < 9000, "NextPartNumberMarker": at + 1000}
        for at in range(0, 10_000, 1000)
    ]
    with answering(moto, *({"ETag": file.etag, "ObjectParts": page} for page in pages)) as stubber:
        assert len(parts_of_object(S3Bucket("bucket", stubber.client), file)) == 10_000


@pytest.mark.parametrize(
    "row",
    [
        {"ContentLength": 2 * MIB, "PartsCount": 3},
        {"ContentLength": 2 * MIB, "ChecksumSHA256": digest_of(b"1")},
        {"ContentLength": 2 * MIB, "PartsCount": 4, "ChecksumSHA256": digest_of(b"1")},
        {"ContentLength": 2 * MIB, "PartsCount": 3, "ChecksumSHA256": digest_of(b"whole")},
        {"ContentLength": 2 * MIB, "PartsCount": 3, "ChecksumSHA256": digest_of(b"1") + "-3"},
    ],
    ids=["no checksum", "no count", "another count", "that of the whole", "composite"],
)
def test_a_head_that_says_nothing_of_the_first_part_is_the_only_one(moto: S3Server, row: dict[str, Any]) -> None:
    stubber = Stubber(moto.client())
    stubber.add_client_error("get_object_attributes", "AccessDenied", "no", 403)
    stubber.add_response("head_object", {"ETag": f'"{ETAG}"', **row})
    whole = Checksum("sha256", Checksum("sha256", "").hasher().value())
    hasher = whole.hasher()
    hasher.update(b"whole")
    file = replace(LARGE, checksums=(replace(whole, value=hasher.value()),))
    with stubber:
        assert parts_of_object(S3Bucket("bucket", stubber.client), file) == ()
