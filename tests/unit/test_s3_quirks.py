"""Servers that speak S3 otherwise than Amazon's: HEADs that tell too little, and answers that obstore cannot parse."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from downloader.checksums import Checksum
from downloader.errors import Archived, Misconfigured, NetworkError, ObjectNotFound, ServerBusy, SizeMismatch
from downloader.paths import SafePath
from downloader.remote_file import RemoteFile
from downloader.source import Source
from downloader.sources.s3 import S3Source
from downloader.sources.s3.minio import MinioSource
from include.stand_ins.object_server import ObjectRequest, ObjectServer, refuse
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.wire import Answer, Fault, chunked, cut_at, without
from support.minio import minio_of

KEY = "folder/file.raw"
BODY = bytes(range(256)) * 40
MD5 = hashlib.md5(BODY).hexdigest()
FILE = RemoteFile(SafePath("file.raw"), None, KEY)
RECORDED = replace(FILE, size=len(BODY), checksums=(Checksum("md5", MD5),))
MODE = "x-amz-checksum-mode"

Intercept = Callable[[ObjectRequest], Fault | None]


def s3_source(server: ObjectServer) -> Source:
    return S3Source(server.bucket, S3Server(server.url).access())


def minio_source(server: ObjectServer) -> Source:
    return MinioSource(server.bucket, minio_of(S3Server(server.url)).access())


both_sources = pytest.mark.parametrize("source_on", [s3_source, minio_source])


@pytest.fixture
def server(object_server: ObjectServer) -> ObjectServer:
    object_server.put(KEY, BODY)
    return object_server


def read(source: Source, file: RemoteFile, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join(source.open(file, start, stop))


def headed(name: str, value: str) -> Fault:
    return lambda answer: replace(answer, headers={**answer.headers, name: value})


def of_heads(fault: Fault) -> Intercept:
    return lambda request: fault if request.method == "HEAD" else None


def refuses_mode(*refusal: int | str) -> Intercept:
    return lambda request: refuse(*refusal) if MODE in request.headers else None  # type: ignore[arg-type]


# --- HEADs -----------------------------------------------------------------------------------------------------------

POOR_HEADS = {
    "no length": of_heads(chunked),
    "400": of_heads(refuse(400)),
    "403": of_heads(refuse(403)),
    "404": of_heads(refuse(404)),
    "405": of_heads(refuse(405)),
    "501": of_heads(refuse(501)),
    "length 0": of_heads(lambda answer: replace(answer, body=b"")),
    "another length": of_heads(lambda answer: replace(answer, body=BODY[:17])),
    "no checksum mode 400": refuses_mode(400, "InvalidArgument"),
    "no checksum mode 405": refuses_mode(405, "MethodNotAllowed"),
    "no checksum mode 501": refuses_mode(501, "NotImplemented"),
    "no ETag": lambda request: without("ETag"),
    "ISO date": lambda request: headed("Last-Modified", "2026-01-15T10:00:00.000Z"),
    "empty date": lambda request: headed("Last-Modified", ""),
    "no date": lambda request: headed("Last-Modified", "tomorrow"),
    "no number": lambda request: headed("x-amz-missing-meta", "none"),
}


@both_sources
@pytest.mark.parametrize("intercept", POOR_HEADS.values(), ids=POOR_HEADS)
def test_a_poor_head_is_no_obstacle(
    server: ObjectServer, source_on: Callable[[ObjectServer], Source], intercept: Intercept
) -> None:
    server.intercept = intercept
    source = source_on(server)
    for file in (RECORDED, replace(RECORDED, checksums=())):
        described = source.describe(file)
        assert described.size == len(BODY)
        assert read(source, described) == BODY
        assert read(source, described, 5, 9) == BODY[5:9]


@pytest.mark.parametrize("name", [name for name in POOR_HEADS if name != "another length"])
def test_the_size_is_found_without_a_record(server: ObjectServer, name: str) -> None:
    server.intercept = POOR_HEADS[name]
    described = s3_source(server).describe(FILE)
    assert described.size == len(BODY)
    assert described.checksums == (() if name == "no ETag" else (Checksum("md5", MD5),))


@pytest.mark.parametrize("name", ["400", "403", "405", "501"])
def test_a_server_that_refuses_heads_is_asked_by_get_from_then_on(server: ObjectServer, name: str) -> None:
    server.intercept = POOR_HEADS[name]
    source = s3_source(server)
    source.describe(FILE)
    server.requests.clear()
    source.describe(FILE)
    assert [(request.method, request.headers.get("range")) for request in server.requests] == [("GET", "bytes=0-0")]


@pytest.mark.parametrize("name", ["no checksum mode 400", "no checksum mode 405", "no checksum mode 501"])
def test_the_checksum_header_is_refused_once(server: ObjectServer, name: str) -> None:
    server.intercept = POOR_HEADS[name]
    source = s3_source(server)
    source.describe(FILE)
    server.requests.clear()
    source.describe(FILE)
    assert [(request.method, MODE in request.headers) for request in server.requests] == [("HEAD", False)]


@pytest.mark.parametrize("fault", [refuse(500), refuse(503), cut_at(-1)], ids=["500", "503", "cut"])
def test_heads_that_always_fail_are_given_up_for_gets(server: ObjectServer, fault: Fault) -> None:
    server.intercept = of_heads(fault)
    source = s3_source(server)
    with pytest.raises((ServerBusy, NetworkError)):
        source.describe(FILE)
    assert source.describe(FILE).size == len(BODY)


@pytest.mark.parametrize("ranges", [True, False], ids=["416", "200"])
def test_an_empty_object_is_found_without_heads(server: ObjectServer, ranges: bool) -> None:
    server.honours_ranges = ranges
    server.put("empty", b"")
    server.intercept = of_heads(refuse(405))
    assert s3_source(server).describe(replace(FILE, key="empty")).size == 0


def test_a_head_that_is_right_needs_no_get(server: ObjectServer) -> None:
    server.put("empty", b"")
    source = s3_source(server)
    for file in (RECORDED, FILE, replace(FILE, key="empty"), replace(FILE, key="empty", size=0)):
        source.describe(file)
    assert {request.method for request in server.requests} == {"HEAD"}


def test_a_size_that_is_really_another_is_told(server: ObjectServer) -> None:
    with pytest.raises(SizeMismatch, match=f"{len(BODY)} bytes in the bucket, 17 in its record"):
        s3_source(server).describe(replace(RECORDED, size=17))


def test_the_record_does_where_neither_a_head_nor_a_range_is_answered(server: ObjectServer) -> None:
    server.intercept = lambda request: (
        refuse(501, "NotImplemented") if request.method == "HEAD" or "range" in request.headers else None
    )
    source = s3_source(server)
    assert source.describe(RECORDED) == RECORDED
    assert read(source, RECORDED) == BODY


@pytest.mark.parametrize(("code", "error"), [("NoSuchKey", ObjectNotFound), ("InvalidObjectState", Archived)], ids=str)
def test_the_reason_of_a_refused_head_is_that_of_the_get(
    server: ObjectServer, code: str, error: type[Exception]
) -> None:
    server.intercept = lambda request: refuse(403 if error is Archived else 404, code)
    with pytest.raises(error):
        s3_source(server).describe(RECORDED)


# --- answers that obstore cannot parse -------------------------------------------------------------------------------

ODD = {
    "ISO date": headed("Last-Modified", "2026-01-15T10:00:00.000Z"),
    "empty date": headed("Last-Modified", ""),
    "no date": headed("Last-Modified", "tomorrow"),
    "no length": chunked,
    "an ETag in Latin-1": headed("ETag", '"é"'),
    "metadata in Latin-1": headed("x-amz-meta-author", "é"),
    "a type in Latin-1": headed("Content-Type", "é"),
}


@both_sources
@pytest.mark.parametrize("fault", ODD.values(), ids=ODD)
def test_what_obstore_cannot_parse_boto3_reads(
    server: ObjectServer, source_on: Callable[[ObjectServer], Source], fault: Fault
) -> None:
    server.intercept = lambda request: fault
    source = source_on(server)
    for _ in range(4):
        assert read(source, RECORDED) == BODY
    server.requests.clear()
    assert read(source, RECORDED, 10, 20) == BODY[10:20]
    assert len(server.requests) == 1, "once known, no request is wasted"


def test_a_single_odd_answer_changes_nothing(server: ObjectServer) -> None:
    source = s3_source(server)
    for _ in range(4):
        server.script(KEY, ODD["no date"])
        assert read(source, RECORDED) == BODY
        assert read(source, RECORDED) == BODY
    assert server.requests[-1].headers["user-agent"].startswith("object_store")


def test_what_nothing_can_parse_is_told_as_that_and_not_tried_for_ever(server: ObjectServer) -> None:
    server.intercept = lambda request: headed("Content-Length", "abc")
    source = s3_source(server)
    with pytest.raises(NetworkError, match=r"sent an answer about s3://bucket/folder/file\.raw that cannot be read"):
        source.open(RECORDED)
    with pytest.raises(Misconfigured, match=r"that cannot be read .*; check endpoint_url"):
        source.open(RECORDED)


def test_no_answer_may_be_compressed_on_its_way(server: ObjectServer) -> None:
    source = s3_source(server)
    read(source, RECORDED)
    source.describe(RECORDED)
    assert {request.headers["accept-encoding"] for request in server.requests} == {"identity"}


# --- servers that unpack ---------------------------------------------------------------------------------------------

PACKED = gzip.compress(BODY, mtime=0)
PACKED_FILE = replace(FILE, size=len(PACKED), checksums=(Checksum("md5", hashlib.md5(PACKED).hexdigest()),))


def unpacked(answer: Answer) -> Answer:
    """As nginx's gunzip and Google Cloud Storage send an object of Content-Encoding gzip."""
    return replace(without("Content-Encoding")(answer), body=BODY, status=200)


@both_sources
@pytest.mark.parametrize("length", [True, False], ids=["with a length", "without"])
def test_what_is_unpacked_on_its_way_comes_as_it_is_stored(
    server: ObjectServer, source_on: Callable[[ObjectServer], Source], length: bool
) -> None:
    server.put(KEY, PACKED, Content_Encoding="gzip")
    sent: Fault = unpacked if length else lambda answer: chunked(unpacked(answer))
    server.intercept = lambda request: (
        sent if request.method == "GET" and "gzip" not in request.headers.get("accept-encoding", "") else None
    )
    assert read(source_on(server), PACKED_FILE) == PACKED


@pytest.mark.parametrize("length", [True, False], ids=["with a length", "without"])
def test_a_server_that_always_unpacks_is_told_as_that(server: ObjectServer, length: bool) -> None:
    server.put(KEY, PACKED, Content_Encoding="gzip")
    sent: Fault = unpacked if length else lambda answer: chunked(unpacked(answer))
    server.intercept = lambda request: sent if request.method == "GET" else None
    with pytest.raises(SizeMismatch, match=r"unpacks s3://bucket/folder/file\.raw, which is stored compressed"):
        s3_source(server).open(PACKED_FILE)


def test_a_packed_object_that_comes_as_it_is_stored_is_read_at_once(server: ObjectServer) -> None:
    server.put(KEY, PACKED, Content_Encoding="gzip")
    assert read(s3_source(server), PACKED_FILE) == PACKED
    assert len(server.requests) == 1
