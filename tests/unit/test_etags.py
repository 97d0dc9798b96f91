"""ETags of servers that are not Amazon's: no MD5s, weak ones, and expected ones that are refused."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from downloader.checksums import Checksum, same_object
from downloader.errors import ObjectChanged
from downloader.remote_file import RemoteFile
from downloader.results import SIZE_ONLY, FileResult, Outcome
from downloader.sources.s3 import S3Source
from downloader.sources.s3.describe import NO_PROOF
from downloader.sources.s3.minio import Listed, MinioSource, listed_file
from downloader.transfer.streaming import open_checked
from include.stand_ins.object_server import ObjectRequest, ObjectServer, refuse
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.wire import Answer, Fault
from support.restoring import KIB, content, file_for, part_files, part_path, plain_copy, restored

pytestmark = [pytest.mark.usefixtures("quick_disk"), pytest.mark.timeout(100, method="thread")]

SMALL, LARGE = content(1000), content(200 * KIB)
"""One for each of the two lanes."""
LANES = pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
OTHER = "0123456789abcdef" * 2
"""Looks like an MD5."""


def hex_of(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def source_of(server: ObjectServer, kind: type[S3Source] = S3Source) -> S3Source:
    return kind(server.bucket, S3Server(server.url).access())


def bare(data: bytes, key: str = "x") -> RemoteFile:
    """Of a record without a checksum."""
    return replace(file_for(key, data), checksums=())


def fetched(server: ObjectServer, folder: Path, file: RemoteFile, kind: type[S3Source] = S3Source) -> FileResult:
    return restored(source_of(server, kind), folder, [file])[file.path.text]


def headers_of(change: Callable[[str], str], *methods: str) -> Callable[[ObjectRequest], Fault | None]:
    """Answers whose ETags are changed, as proxies do."""

    def changed(answer: Answer) -> Answer:
        held = dict(answer.headers)
        if "ETag" in held:
            held["ETag"] = change(held["ETag"])
        return replace(answer, headers=held)

    return lambda request: changed if request.method in methods else None


# --- ETags that are no checksum ---------------------------------------------------------------------------------------

NO_MD5 = [
    pytest.param({"ETag": f'"{OTHER}-1"'}, id="random of one part"),
    pytest.param({"ETag": f'"{"0" * 32}-1"'}, id="constant"),
    pytest.param({"ETag": f'"{OTHER}-3"'}, id="of parts that fit nothing"),
    pytest.param({"ETag": '"Zm9vYmFy"'}, id="no hex"),
    pytest.param({"ETag": f'W/"{OTHER}"'}, id="weak"),
    pytest.param({"ETag": f'"{OTHER}-gzip"'}, id="encoded"),
    pytest.param({"ETag": f'"{OTHER}"', "x_amz_server_side_encryption": "aws:kms"}, id="KMS"),
    pytest.param({"ETag": f'"{OTHER}-3"', "x_amz_server_side_encryption": "aws:kms"}, id="KMS of parts"),
]


@LANES
@pytest.mark.parametrize("listed", [False, True], ids=["S3", "MinIO"])
@pytest.mark.parametrize("headers", NO_MD5)
def test_an_etag_that_is_no_md5_never_condemns(
    object_server: ObjectServer, tmp_path: Path, data: bytes, headers: dict[str, Any], listed: bool
) -> None:
    object_server.put("x", data, **headers)
    file, kind = bare(data), MinioSource if listed else S3Source
    if listed:
        file = listed_file(Listed("x", len(data), headers["ETag"].replace('"', "")), file.path)
    first = fetched(object_server, tmp_path, file, kind)
    assert (first.outcome, first.assurance, first.message) == (Outcome.DOWNLOADED, SIZE_ONLY, NO_PROOF)
    assert plain_copy(tmp_path, "x") == data
    gets = len(object_server.gets("x"))
    again = fetched(object_server, tmp_path, file, kind)
    assert (again.outcome, again.assurance, again.message) == (Outcome.SKIPPED, SIZE_ONLY, NO_PROOF)
    assert len(object_server.gets("x")) == gets, "what is there is not downloaded for ever"


@LANES
@pytest.mark.parametrize(
    ("made", "assurance"),
    [
        ('"{part}-1"', "s3-etag:{part}-1"),
        ('W/"{md5}"', "md5:{md5}"),
        ('"{md5}-gzip"', "md5:{md5}"),
        ('W/"{md5}-gzip"', "md5:{md5}"),
    ],
)
def test_it_proves_by_equality(
    object_server: ObjectServer, tmp_path: Path, data: bytes, made: str, assurance: str
) -> None:
    md5 = hashlib.md5(data)
    values = {"md5": md5.hexdigest(), "part": hex_of(md5.digest())}
    object_server.put("x", data, ETag=made.format(**values))
    result = fetched(object_server, tmp_path, bare(data))
    assert (result.outcome, result.assurance, result.message) == (Outcome.DOWNLOADED, assurance.format(**values), "")


@LANES
def test_32_digits_that_differ_are_a_judgement_with_two_causes(
    object_server: ObjectServer, tmp_path: Path, data: bytes
) -> None:
    object_server.put("x", data, ETag=f'"{OTHER}"')
    result = fetched(object_server, tmp_path, bare(data))
    assert result.outcome is Outcome.FAILED
    assert result.message == (
        f"Checksum mismatch: x came wrong twice: md5 {hex_of(data)} instead of {OTHER}; the file at its source is "
        "damaged or was replaced, or the server's ETag is not an MD5 (as where it compresses or encrypts): compare it "
        "with another copy; if it is right, store it there again with a further checksum (such as SHA-256), which "
        "decides"
    )
    assert plain_copy(tmp_path, "x") is None


@LANES
@pytest.mark.parametrize("etag", [OTHER, f"{OTHER}-1", f"{OTHER}-3", "Zm9v"])
def test_another_checksum_decides(object_server: ObjectServer, tmp_path: Path, data: bytes, etag: str) -> None:
    sha256 = hashlib.sha256(data)
    stated = {"x_amz_checksum_sha256": b64encode(sha256.digest()).decode(), "x_amz_checksum_type": "FULL_OBJECT"}
    object_server.put("x", data, ETag=f'"{etag}"', **stated)
    result = fetched(object_server, tmp_path, bare(data))
    assert (result.outcome, result.assurance, result.message) == (
        Outcome.DOWNLOADED,
        f"sha256:{sha256.hexdigest()}",
        "",
    )
    object_server.put("x", data[::-1], ETag=f'"{etag}"', **stated)
    (tmp_path / "x").unlink()
    assert fetched(object_server, tmp_path, bare(data)).outcome is Outcome.FAILED


@LANES
@pytest.mark.parametrize("etag", [OTHER, f"{OTHER}-1", "Zm9v"])
def test_the_checksum_of_the_record_decides(
    object_server: ObjectServer, tmp_path: Path, data: bytes, etag: str
) -> None:
    object_server.put("x", data, ETag=f'"{etag}"')
    file = file_for("x", data)
    result = fetched(object_server, tmp_path, file)
    assert (result.outcome, result.assurance) == (Outcome.DOWNLOADED, str(file.checksums[0]))
    (tmp_path / "x").unlink()
    wrong = replace(file, checksums=(Checksum("md5", hex_of(b"other")),))
    assert fetched(object_server, tmp_path, wrong).outcome is Outcome.FAILED


@LANES
def test_an_etag_of_one_part_in_the_record_that_is_still_the_objects_never_condemns(
    object_server: ObjectServer, tmp_path: Path, data: bytes
) -> None:
    object_server.put("x", data, ETag=f'"{OTHER}-1"')
    recorded = replace(bare(data), checksums=(Checksum("s3-etag", f"{OTHER}-1"),))
    for outcome in (Outcome.DOWNLOADED, Outcome.SKIPPED):
        result = fetched(object_server, tmp_path, recorded)
        assert (result.outcome, result.assurance, result.message) == (outcome, SIZE_ONLY, NO_PROOF)
    (tmp_path / "x").unlink()
    object_server.put("x", data, ETag=f'"{OTHER[::-1]}-1"')
    assert fetched(object_server, tmp_path, recorded).outcome is Outcome.FAILED


KMS = {"x_amz_server_side_encryption": "aws:kms"}


@LANES
@pytest.mark.parametrize("written", ['"{}"', 'W/"{}"', '"{}-gzip"', '" {} "', "{}"])
@pytest.mark.parametrize(("recorded", "shown"), [(OTHER, OTHER), (OTHER, OTHER.upper()), (f"{OTHER}-1", OTHER.upper())])
def test_in_whatever_form_the_server_writes_it(
    object_server: ObjectServer, tmp_path: Path, data: bytes, written: str, recorded: str, shown: str
) -> None:
    """A record copied it from a listing, in another form."""
    one = recorded.endswith("-1")
    object_server.put("x", data, ETag=written.format(f"{shown}-1" if one else shown), **({} if one else KMS))
    checksum = Checksum("s3-etag" if one else "md5", recorded)
    result = fetched(object_server, tmp_path, replace(bare(data), checksums=(checksum,)))
    assert (result.outcome, result.assurance, result.message) == (Outcome.DOWNLOADED, SIZE_ONLY, NO_PROOF)


def test_what_such_an_etag_cannot_prove_is_resumed_all_the_same(object_server: ObjectServer, tmp_path: Path) -> None:
    object_server.put("x", LARGE, ETag=f'"{OTHER}-1"')
    described = source_of(object_server).describe(bare(LARGE))
    part_path(tmp_path, described).write_bytes(LARGE[: 150 * KIB])
    result = fetched(object_server, tmp_path, bare(LARGE))
    assert (result.outcome, result.assurance, result.message) == (Outcome.RESUMED, SIZE_ONLY, NO_PROOF)
    assert result.fetched < 150 * KIB
    assert plain_copy(tmp_path, "x") == LARGE
    (tmp_path / "x").unlink()
    part_path(tmp_path, described).write_bytes(b"?" * 150 * KIB)
    result = fetched(object_server, tmp_path, bare(LARGE))
    assert (result.outcome, plain_copy(tmp_path, "x")) == (Outcome.DOWNLOADED, LARGE)
    assert part_files(tmp_path) == []


@LANES
def test_an_incomplete_copy_is_healed(object_server: ObjectServer, tmp_path: Path, data: bytes) -> None:
    object_server.put("x", data, ETag=f'"{OTHER}-1"')
    (tmp_path / "x").write_bytes(data[:-1])
    result = fetched(object_server, tmp_path, bare(data))
    assert (result.outcome, result.message) == (
        Outcome.SELF_HEALED,
        f"incomplete copy detected; {NO_PROOF}",
    )
    assert plain_copy(tmp_path, "x") == data


# --- opaque tags ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other", ['W/"x"', '"x"', "x", "W/x", 'W/"x', "x-gzip", '"x-gzip"', '"x"-gzip', "x;gzip", "W/x-br"]
)
def test_proxies_change_no_object(other: str) -> None:
    assert same_object("x", other)
    assert same_object(other, "x")
    assert not same_object("y", other)


WEAK = [
    pytest.param(lambda etag: f"W/{etag}", id="weak"),
    pytest.param(lambda etag: f'{etag[:-1]}-gzip"', id="gzip"),
    pytest.param(lambda etag: f'W/{etag[:-1]}-gzip"', id="weak gzip"),
]


@LANES
@pytest.mark.parametrize("change", WEAK)
@pytest.mark.parametrize("methods", [("HEAD",), ("GET",), ("HEAD", "GET")], ids="+".join)
@pytest.mark.parametrize("kind", ["record", "bare", "listed"])
def test_a_proxy_that_makes_etags_weak_changes_nothing(
    object_server: ObjectServer,
    tmp_path: Path,
    data: bytes,
    change: Callable[[str], str],
    methods: tuple[str, ...],
    kind: str,
) -> None:
    object_server.put("x", data)
    object_server.intercept = headers_of(change, *methods)
    files = {
        "record": file_for("x", data),
        "bare": bare(data),
        "listed": listed_file(Listed("x", len(data), hex_of(data)), bare(data).path),
    }
    result = fetched(object_server, tmp_path, files[kind], MinioSource if kind == "listed" else S3Source)
    assert (result.outcome, result.assurance) == (Outcome.DOWNLOADED, f"md5:{hex_of(data)}")
    assert plain_copy(tmp_path, "x") == data


def test_a_weak_etag_of_another_object_is_a_change(object_server: ObjectServer) -> None:
    object_server.put("x", SMALL)
    source = source_of(object_server)
    described = source.describe(bare(SMALL))
    object_server.honours_if_match = False
    object_server.intercept = headers_of(lambda etag: f"W/{etag}", "GET")
    with closing(open_checked(source, described)):
        pass
    object_server.put("x", SMALL[::-1])
    with pytest.raises(ObjectChanged), closing(open_checked(source, described)):
        pass


def test_where_no_checksum_decides_ranges_of_weak_etags_are_not_mixed(
    object_server: ObjectServer, tmp_path: Path
) -> None:
    object_server.put("x", LARGE, ETag='W/"abc"')
    result = fetched(object_server, tmp_path, bare(LARGE))
    assert (result.outcome, result.assurance) == (Outcome.DOWNLOADED, SIZE_ONLY)
    assert len(object_server.gets("x")) == 1


# --- If-Match ---------------------------------------------------------------------------------------------------------

REFUSALS = [
    pytest.param(refuse(501, "NotImplemented"), id="501"),
    pytest.param(refuse(400, "InvalidArgument"), id="400"),
    pytest.param(refuse(400), id="400 of a proxy"),
    pytest.param(refuse(412, "PreconditionFailed"), id="412"),
]


def refusing_if_match(fault: Fault) -> Callable[[ObjectRequest], Fault | None]:
    return lambda request: fault if "if-match" in request.headers else None


@pytest.mark.parametrize("key", ["x", "a//b"])
@pytest.mark.parametrize("fault", REFUSALS)
def test_an_if_match_that_is_refused_is_not_sent_again(
    object_server: ObjectServer, caplog: pytest.LogCaptureFixture, fault: Fault, key: str
) -> None:
    object_server.put(key, LARGE)
    object_server.intercept = refusing_if_match(fault)
    source = source_of(object_server)
    described = source.describe(replace(bare(LARGE), key=key))
    for start in (0, 1000, 2000):
        with closing(open_checked(source, described, start)) as stream:
            assert b"".join(stream) == LARGE[start:]
    assert sum("if-match" in request.headers for request in object_server.requests) == 1
    assert len([record for record in caplog.records if "refuses If-Match" in record.getMessage()]) == 1
    object_server.put(key, LARGE[::-1])
    with pytest.raises(ObjectChanged), closing(open_checked(source, described, 3000)):
        pass


@LANES
@pytest.mark.parametrize("fault", REFUSALS)
def test_files_come_home_where_if_match_is_refused(
    object_server: ObjectServer, tmp_path: Path, data: bytes, fault: Fault
) -> None:
    object_server.put("x", data)
    object_server.intercept = refusing_if_match(fault)
    listed = listed_file(Listed("x", len(data), hex_of(data)), bare(data).path)
    result = fetched(object_server, tmp_path, listed, MinioSource)
    assert (result.outcome, result.assurance) == (Outcome.DOWNLOADED, f"md5:{hex_of(data)}")


@pytest.mark.parametrize("key", ["x", "a//b"])
def test_a_refusal_that_is_a_change_stays_one(object_server: ObjectServer, key: str) -> None:
    object_server.put(key, SMALL)
    source = source_of(object_server)
    described = source.describe(replace(bare(SMALL), key=key))
    object_server.put(key, SMALL[::-1])
    for _ in range(2):
        with pytest.raises(ObjectChanged):
            source.open(described)
    object_server.put(key, SMALL)
    with closing(open_checked(source, described)) as stream:
        assert b"".join(stream) == SMALL
    assert "if-match" in object_server.requests[-1].headers


def test_what_is_refused_for_another_reason_is_told_as_that(object_server: ObjectServer) -> None:
    object_server.put("x", SMALL)
    source = source_of(object_server)
    described = source.describe(bare(SMALL))
    object_server.intercept = lambda request: refuse(501, "NotImplemented")
    with pytest.raises(Exception, match="501 NotImplemented"):
        source.open(described)
    object_server.intercept = lambda request: None
    with closing(open_checked(source, described)):
        pass
    assert "if-match" in object_server.requests[-1].headers
