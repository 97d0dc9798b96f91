"""Listing a bucket: on two real servers, and on one whose answers are scripted."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from unicodedata import normalize

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from contract.source_contract import ODD_KEYS
from downloader.errors import (
    AccessDenied,
    CredentialsExpired,
    DownloadError,
    Misconfigured,
    NetworkError,
    ObjectNotFound,
    ServerBusy,
    StreamStalled,
)
from downloader.retry import Halt, RetryPolicy
from downloader.source import Timeouts
from downloader.sources.s3.minio import listing as minio_listing
from downloader.sources.s3.minio.listing import BucketListing
from downloader.sources.s3.minio.pages import Listed
from downloader.sources.s3.minio.server import MinioServer
from include.stand_ins.s3_servers import S3Server, rclone_server
from include.stand_ins.secrets import secret
from include.stand_ins.wire import Answer, cut_at, refuse, reset_at, serving, stall_at
from support.certificates import authority_and_server
from support.minio import (
    Lister,
    listing_page,
    minio_at,
    minio_of,
    named,
    rclone_with_tls,
    refuse_xml,
)
from support.restoring import FakeClock
from support.secret_search import bears_secret

pytestmark = pytest.mark.timeout(60, method="thread")


@pytest.fixture
def lister() -> Iterator[Lister]:
    with serving(Lister()) as server:
        yield server


class Bucket:
    """A bucket, listed without waiting."""

    def __init__(self, server: MinioServer, name: str = "bucket", clock: FakeClock | None = None) -> None:
        self.listing = BucketListing(server, name, RetryPolicy(clock=(clock or FakeClock()).clock))

    def keys(self, prefix: str = "", after: str = "", upto: str | None = None) -> list[str]:
        return [listed.key for listed in self.listing.objects(prefix, after, upto)]

    def problem(self) -> DownloadError:
        with pytest.raises(DownloadError) as raised:
            self.keys()
        error: BaseException | None = raised.value
        while error is not None:
            assert isinstance(error, DownloadError), "the client's own error is handed on"
            error = error.__cause__ or error.__context__
        return raised.value


@pytest.fixture
def bucket(lister: Lister, clock: FakeClock) -> Bucket:
    return Bucket(minio_at(lister.url), clock=clock)


# --- real servers -----------------------------------------------------------------------------------------------------


@pytest.fixture(params=["moto", "rclone"])
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(request.param)
    return found


def filled(server: S3Server, keys: list[str]) -> Bucket:
    return Bucket(minio_of(server), server.new_bucket({key: key.encode() for key in keys}))


TREE = ["a.ndjson", "a/1.ndjson", "a/2.ndjson", "a/b/3.ndjson", "ab.ndjson", "b/4.ndjson", "c.txt"]


@pytest.mark.parametrize("page", [1, 2, 3, 7, 8, 1000])
def test_pages_of_any_length_give_each_key_once(server: S3Server, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr(minio_listing, "_PAGE", page)
    assert filled(server, TREE).keys() == TREE


def test_what_is_told_of_each(server: S3Server) -> None:
    name = server.new_bucket({"a.ndjson": b"12345", "empty.ndjson": b""})
    assert list(Bucket(minio_of(server), name).listing.objects()) == [
        Listed("a.ndjson", 5, "827ccb0eea8a706c4c34a16891f84e7b"),
        Listed("empty.ndjson", 0, "d41d8cd98f00b204e9800998ecf8427e"),
    ]


THOUSAND = sorted(f"{number % 3}/{number:04}.ndjson" for number in range(1050))


def test_more_keys_than_a_page_holds_on_moto(moto: S3Server) -> None:
    name = moto.new_bucket()
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for key in THOUSAND:
        backend.put_object(name, key, b"x")
    assert_listed_in_pages(Bucket(minio_of(moto), name))


def test_more_keys_than_a_page_holds_on_rclone(tmp_path: Path) -> None:
    for key in THOUSAND:
        file = tmp_path / "bucket" / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    with rclone_server(tmp_path) as server:
        assert_listed_in_pages(Bucket(minio_of(server)))


def assert_listed_in_pages(bucket: Bucket) -> None:
    assert bucket.keys() == THOUSAND
    assert bucket.keys(after=THOUSAND[10], upto=THOUSAND[1030]) == THOUSAND[11:1031]


def test_below_a_prefix(server: S3Server) -> None:
    bucket = filled(server, TREE)
    assert bucket.keys("a/") == ["a/1.ndjson", "a/2.ndjson", "a/b/3.ndjson"]
    assert bucket.keys("a/b/") == ["a/b/3.ndjson"]
    assert bucket.keys("nowhere/") == []


def test_ranges_of_keys_fit_together(server: S3Server) -> None:
    """From the first key behind `after` to `upto` itself."""
    bucket = filled(server, TREE)
    for at in range(len(TREE)):
        assert bucket.keys(upto=TREE[at]) + bucket.keys(after=TREE[at]) == TREE
    assert bucket.keys(after="a/2.ndjson", upto="b/4.ndjson") == ["a/b/3.ndjson", "ab.ndjson", "b/4.ndjson"]
    assert bucket.keys("a/", after="a/1.ndjson", upto="a/2.ndjson") == ["a/2.ndjson"]


def test_bounds_need_not_be_keys_that_are_still_there(server: S3Server) -> None:
    bucket = filled(server, TREE)
    assert bucket.keys(after="a/15", upto="aa") == ["a/2.ndjson", "a/b/3.ndjson"]
    assert bucket.keys(after="zzz") == bucket.keys(upto="A") == []


def test_an_empty_bucket(server: S3Server) -> None:
    assert filled(server, []).keys() == []


FOLDED = [normalize(form, "ä.ndjson") for form in ("NFD", "NFC")]


def test_odd_keys(server: S3Server) -> None:
    keys = sorted([*ODD_KEYS, *FOLDED, " lead", "trail ", "CASE", "case"])
    assert filled(server, keys).keys() == keys


def test_keys_that_no_folder_holds(moto: S3Server) -> None:
    keys = sorted(["a//b", "//a", "a/", "../x", "./x", "a/../b", "tab\t", "a", "x" * 1024])
    assert filled(moto, keys).keys() == [key for key in keys if not key.endswith("/")]


def test_of_versions_the_latest_and_of_deleted_ones_none(moto: S3Server) -> None:
    name, client = moto.new_bucket(), moto.client()
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"22"):
        client.put_object(Bucket=name, Key="written.ndjson", Body=body)
        client.put_object(Bucket=name, Key="deleted.ndjson", Body=body)
    client.delete_object(Bucket=name, Key="deleted.ndjson")
    assert [(listed.key, listed.size) for listed in Bucket(minio_of(moto), name).listing.objects()] == [
        ("written.ndjson", 2)
    ]


def test_a_multipart_etag_is_handed_on_as_it_is(moto: S3Server) -> None:
    name, client = moto.new_bucket(), moto.client()
    upload = client.create_multipart_upload(Bucket=name, Key="a")["UploadId"]
    part = client.upload_part(Bucket=name, Key="a", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    client.complete_multipart_upload(
        Bucket=name, Key="a", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}
    )
    (listed,) = Bucket(minio_of(moto), name).listing.objects()
    assert listed.etag.endswith("-1")


def test_a_missing_bucket_is_told_with_those_that_there_are(server: S3Server) -> None:
    there = server.new_bucket()
    problem = Bucket(minio_of(server), "no-such-bucket").problem()
    assert isinstance(problem, ObjectNotFound)
    assert problem.what == f"there is no bucket no-such-bucket at {server.url}"
    assert problem.to_do.startswith("check the bucket's name: there are ")
    assert there in problem.to_do or ", ..." in problem.to_do


def test_a_wrong_secret_is_really_refused(rclone: S3Server) -> None:
    problem = Bucket(minio_of(rclone, secret=secret("wrong")), rclone.new_bucket()).problem()
    assert str(problem) == (
        f"Access denied: {rclone.url} refused the signature: the secret key is wrong, or a proxy before the server "
        "changes the host, the port or the path; correct the password (the secret access key) of the connection; if it "
        "is right, let the proxy pass the Host header on as it is"
    )


def test_a_wrong_key_is_really_refused(rclone: S3Server) -> None:
    problem = Bucket(minio_at(rclone.url, "AKIANOBODY", rclone.secret), rclone.new_bucket()).problem()
    assert str(problem) == (
        f"Access denied: {rclone.url} does not know the access key; correct the login of the connection"
    )


# --- pages ------------------------------------------------------------------------------------------------------------

MANY = [f"{number:05}.ndjson" for number in range(2500)]


def test_each_page_is_asked_for_once_from_the_last_key_on(lister: Lister, bucket: Bucket) -> None:
    lister.keys = MANY
    assert bucket.keys() == MANY
    assert [request.query.get("start-after", "") for request in lister.asked] == ["", MANY[999], MANY[1999]]


def test_it_streams(lister: Lister, bucket: Bucket) -> None:
    """The first key is there before the second page is asked for."""
    lister.keys = MANY
    listing = bucket.listing.objects()
    assert next(listing).key == MANY[0]
    assert len(lister.asked) == 1


def test_no_page_is_asked_for_behind_the_range(lister: Lister, bucket: Bucket) -> None:
    lister.keys = MANY
    assert bucket.keys(after=MANY[99], upto=MANY[1098]) == MANY[100:1099]
    assert len(lister.asked) == 1
    assert lister.asked[0].query["start-after"] == MANY[99]


@pytest.mark.parametrize("most", [1, 7, 300, 999])
def test_a_server_of_shorter_pages(lister: Lister, bucket: Bucket, most: int) -> None:
    lister.keys, lister.most = MANY[: 3 * most + 1], most
    assert bucket.keys() == lister.keys


@pytest.mark.parametrize(
    "fault",
    [
        refuse_xml(503, "SlowDown"),
        refuse_xml(500, "InternalError"),
        refuse(502, b"<html>bad gateway", Content_Type="text/html"),
        refuse(504),
        refuse_xml(400, "RequestTimeout"),
        cut_at(500),
        cut_at(0),
        reset_at(-1),
        reset_at(700),
        refuse(200, b"<ListBucketResult><Name>bucket</Name><Contents>", Content_Type="application/xml"),
        refuse(200, b"", Content_Type="application/xml"),
    ],
    ids=[
        "slow down",
        "internal",
        "gateway",
        "no body",
        "timeout",
        "cut",
        "no body came",
        "reset",
        "reset late",
        "xml",
        "empty",
    ],
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_page_that_fails_once_is_asked_for_again_and_no_key_comes_twice(
    lister: Lister, bucket: Bucket, clock: FakeClock, fault: object, at: int
) -> None:
    lister.keys = MANY
    lister.script("listing", *[None] * at, fault)  # type: ignore[arg-type]
    assert bucket.keys() == MANY
    assert len(lister.asked) == 4
    assert lister.asked[at].query == lister.asked[at + 1].query
    assert len(clock.slept) >= 1


def test_a_server_that_asks_for_patience_is_given_it(lister: Lister, bucket: Bucket, clock: FakeClock) -> None:
    lister.keys = MANY
    lister.script("listing", refuse_xml(503, "SlowDown", Retry_After="20"))
    assert bucket.keys() == MANY
    assert clock.waited == 20


def test_a_batch_that_is_stopped_lists_no_further(lister: Lister, clock: FakeClock) -> None:
    lister.keys = MANY
    halt = Halt()
    listing = BucketListing(minio_at(lister.url), "bucket", RetryPolicy(clock=clock.clock, halt=halt)).objects()
    next(listing)
    halt.set("somebody asked for it")
    with pytest.raises(DownloadError, match="somebody asked for it"):
        list(listing)
    assert len(lister.asked) == 1


@pytest.mark.parametrize(
    ("keys", "after"),
    [
        (["b.ndjson", "a.ndjson"], ""),
        (["a.ndjson", "a.ndjson"], ""),
        (["a.ndjson", "b.ndjson"], "a.ndjson"),
        (["ä.ndjson", "z.ndjson"], ""),
        (["\U0001f600", "\uffff"], ""),
        ([""], ""),
    ],
    ids=["wrong order", "twice", "start-after ignored", "sorted by people", "sorted by UTF-16", "no key"],
)
def test_a_server_that_keeps_no_order_is_refused(lister: Lister, bucket: Bucket, keys: list[str], after: str) -> None:
    """A range of keys would lack some, and nobody would know."""
    lister.script("listing", lambda due: Answer(200, due.headers, listing_page(keys)))
    with pytest.raises(Misconfigured, match=r"does not list the keys of s3://bucket in their order.*ListObjectsV2"):
        bucket.keys(after=after)


def test_an_order_by_code_points_is_the_one_by_bytes(lister: Lister, bucket: Bucket) -> None:
    lister.keys = ["A", "Z", "a", "line\nbreak", "z", "ä", "\uffee", "\U0001f600"]
    assert bucket.keys() == lister.keys


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<html><body>MinIO Console</body></html>", Misconfigured),
        (b"<!doctype html><meta charset=utf-8><title>MinIO Console</title>", Misconfigured),
        (b"<ListBucketResult><Name>bucket</Name", NetworkError),
        (b"\xff\xfe", Misconfigured),
        (b'{"status": "ok"}', Misconfigured),
        (listing_page(["a"]).replace(b"<Size>3<", b"<Size>many<"), Misconfigured),
        (listing_page(["a"]).replace(b"2026-01", b"2026-13"), Misconfigured),
        (listing_page(["a"]).replace(b"<Name>bucket</Name>", b""), Misconfigured),
    ],
    ids=["another page", "the console", "cut off", "no text", "json", "size", "time", "no name"],
)
def test_what_is_no_listing_is_told_with_the_address(
    lister: Lister, bucket: Bucket, body: bytes, problem: type[DownloadError]
) -> None:
    lister.script("listing", *[refuse(200, body, Content_Type="application/xml")] * 6)
    found = bucket.problem()
    assert type(found) is problem
    assert lister.url in found.what
    assert "check host and port" in found.to_do
    assert "MinIO Console" not in str(found)


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_nobody_answers(clock: FakeClock) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        problem = Bucket(minio_at(url), clock=clock).problem()
    assert (
        str(problem)
        == f"Network error: {url} cannot be reached; check host and port and the network, then run it again"
    )
    assert problem.retryable
    assert len(clock.slept) >= 5


def test_no_such_host() -> None:
    problem = Bucket(minio_at("http://no-such-host.invalid:9000")).problem()
    assert problem.what == "no such host: http://no-such-host.invalid:9000"
    assert "host and port" in problem.to_do


def test_a_server_that_says_nothing(lister: Lister) -> None:
    lister.script("listing", *[stall_at(-1)] * 6)
    problem = Bucket(minio_at(lister.url, timeouts=Timeouts(connect=5, stall=0.05))).problem()
    assert isinstance(problem, StreamStalled)


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[tuple[str, Lister]]:
    """The file of a private authority, and a server that shows a certificate of it."""
    pem, context = authority_and_server(tmp_path)
    with serving(Lister(keys=["a.ndjson"]), tls=context) as server:
        yield str(pem), server


def over_tls(server: Lister, **more: bool | str) -> MinioServer:
    return minio_at(server.url.replace("http://", "https://"), **more)  # type: ignore[arg-type]


def test_a_private_authority_is_trusted_when_named(authority: tuple[str, Lister]) -> None:
    pem, server = authority
    assert Bucket(over_tls(server, verify=pem)).keys() == ["a.ndjson"]


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_authority_of_the_environment_is_trusted(
    authority: tuple[str, Lister], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    pem, server = authority
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, pem)
    listed = over_tls(server)
    assert Bucket(listed).keys() == ["a.ndjson"]
    assert listed.access().transport().authorities == pem


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_certificates_go_unchecked_when_told_so(authority: tuple[str, Lister]) -> None:
    assert Bucket(over_tls(authority[1], verify=False)).keys() == ["a.ndjson"]


def test_an_unknown_authority_is_refused_at_once(authority: tuple[str, Lister], clock: FakeClock) -> None:
    server = authority[1]
    problem = Bucket(over_tls(server), clock=clock).problem()
    assert str(problem) == (
        f"Wrong settings: the certificate of https://127.0.0.1:{server.port} is not trusted; "
        "set verify in the connection to the file of the authority that signed it"
    )
    assert clock.slept == []


def test_another_name_than_the_certificates_is_refused(authority: tuple[str, Lister]) -> None:
    pem, server = authority
    problem = Bucket(minio_at(f"https://localhost:{server.port}", verify=pem)).problem()
    assert problem.what == f"the certificate of https://localhost:{server.port} is for another host"
    assert problem.to_do.startswith("write a name that is in the certificate as host and port of the connection, or")


@pytest.mark.parametrize(
    ("content", "wrong"),
    [(None, "does not exist on this machine"), ("", "is empty"), ("no certificate", "holds no certificate that can")],
)
def test_the_file_of_an_authority_has_to_be_one(tmp_path: Path, content: str | None, wrong: str) -> None:
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(Misconfigured, match=f"the file of trusted authorities, {file}, {wrong}.*; correct verify in"):
        BucketListing(minio_at("https://127.0.0.1:9", verify=str(file)), "bucket")


def test_tls_to_a_server_that_speaks_none(lister: Lister, clock: FakeClock) -> None:
    problem = Bucket(over_tls(lister), clock=clock).problem()
    assert str(problem) == (
        f"Wrong settings: https://127.0.0.1:{lister.port} does not speak TLS; "
        'write "secure": false into the connection\'s extra'
    )
    assert clock.slept == []


def test_plain_http_to_a_server_of_tls(tmp_path: Path, clock: FakeClock) -> None:
    authority_and_server(tmp_path)
    with rclone_with_tls(tmp_path, tmp_path / "server.pem") as url:
        problem = Bucket(minio_at(url.replace("https://", "http://")), clock=clock).problem()
        assert Bucket(minio_at(url, verify=str(tmp_path / "authority.pem")), "no-bucket").problem().kind == "Not found"
    assert str(problem) == (
        f"Wrong settings: {url.replace('https://', 'http://')} speaks TLS only; "
        'write "secure": true into the connection\'s extra'
    )
    assert clock.slept == []


REFUSALS = [
    (403, "InvalidAccessKeyId", AccessDenied, "does not know the access key; correct the login of the connection"),
    (403, "SignatureDoesNotMatch", AccessDenied, "refused the signature * or a proxy * correct the password"),
    (403, "RequestTimeTooSkewed", AccessDenied, "the clock of this machine differs from that of * set this machine's"),
    (403, "AccessDenied", AccessDenied, "access to s3://bucket is denied (403 AccessDenied); give the connection's"),
    (400, "ExpiredToken", CredentialsExpired, "the credentials had expired when s3://bucket was asked for"),
    (400, "InvalidToken", AccessDenied, "refused the session token"),
    (400, "AuthorizationHeaderMalformed", Misconfigured, "lies in another region; set region in the connection"),
    (301, "PermanentRedirect", Misconfigured, "lies in another region; set region in the connection"),
    (307, "TemporaryRedirect", Misconfigured, "lies in another region; set region in the connection"),
    (400, "InvalidBucketName", ObjectNotFound, "there is no bucket bucket at"),
    (404, "NoSuchBucket", ObjectNotFound, "there is no bucket bucket at"),
    (503, "SlowDown", ServerBusy, "answered 503 SlowDown for s3://bucket"),
    (501, "NotImplemented", DownloadError, "refused the request for s3://bucket (501 NotImplemented)"),
]


@pytest.mark.parametrize(("status", "code", "kind", "words"), REFUSALS, ids=[row[1] for row in REFUSALS])
def test_what_the_server_refuses_is_told_with_what_to_do(
    lister: Lister, bucket: Bucket, status: int, code: str, kind: type[DownloadError], words: str
) -> None:
    lister.script("listing", *[refuse_xml(status, code, "AKIATESTONLY may not", Location="http://elsewhere/")] * 6)
    problem = bucket.problem()
    assert isinstance(problem, kind)
    assert all(part in str(problem) for part in words.split(" * "))
    assert "AKIATESTONLY" not in str(problem)
    assert len(lister.asked) == (6 if problem.retryable else 1)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, AccessDenied),
        (403, AccessDenied),
        (404, ObjectNotFound),
        (429, ServerBusy),
        (502, ServerBusy),
        (400, DownloadError),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>a proxy's own page</html>"])
def test_answers_of_a_proxy_that_speaks_no_s3(
    lister: Lister, bucket: Bucket, status: int, kind: type[DownloadError], body: bytes
) -> None:
    lister.script("listing", *[refuse(status, body, Content_Type="text/html")] * 6)
    problem = bucket.problem()
    assert isinstance(problem, kind)
    assert "own page" not in str(problem)
    assert ("with a web page" in str(problem)) == (body != b"" and not problem.retryable)
    assert len(lister.asked) == (6 if problem.retryable else 1)


CONSOLE = "it may be MinIO's console (its port is often 9001, and 9000 that of the S3 API), or a proxy that answers for"


def test_the_port_of_the_console_is_told(lister: Lister, bucket: Bucket) -> None:
    page = b"<!doctype html><html lang=en><head><title>MinIO Console</title></head></html>"
    lister.script("listing", refuse(200, page, Content_Type="text/html; charset=utf-8"))
    assert str(bucket.problem()).startswith(
        f"Wrong settings: {lister.url} answered 200 with a web page, and not as an S3 server does; check host and port "
        f"of the connection: {CONSOLE}"
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "place", "advice"),
    [
        ("https://{host}/bucket", "https://{host}", 'write "secure": true into the connection\'s extra'),
        ("https://127.0.0.1/", "https://127.0.0.1", 'write "secure": true into the connection\'s extra'),
        (
            "https://sso.example.org/login?code=abc",
            "a login page at https://sso.example.org",
            "a proxy that asks for a",
        ),
        ("/login", "a login page at http://{host}", "it may be MinIO's console"),
        ("http://other.example.org/", "http://other.example.org", "check host and port"),
        ("https://user@other.example.org/", "https://other.example.org", "check host and port"),
        ("", "another address", "check host and port"),
        ("http://[", "another address", "check host and port"),
        ("javascript:alert(1)", "another address", "check host and port"),
    ],
)
def test_a_redirect_of_a_proxy_is_told_with_its_place(
    lister: Lister, bucket: Bucket, status: int, location: str, place: str, advice: str
) -> None:
    host = lister.url.removeprefix("http://")
    headers = {"Content_Type": "text/html", **({"Location": location.format(host=host)} if location else {})}
    lister.script("listing", refuse(status, b"<html>moved</html>" if status % 2 else b"", **headers))
    problem = bucket.problem()
    assert isinstance(problem, Misconfigured)
    assert f"{lister.url} redirects to {place.format(host=host)}, and " in problem.what
    assert advice in problem.to_do
    assert not {"token", "word"} & set(str(problem).replace("?", " ").split())


def test_a_page_that_wants_https_is_told_as_that(lister: Lister, bucket: Bucket) -> None:
    """nginx's."""
    page = b"<html><body>The plain HTTP request was sent to HTTPS port</body></html>"
    lister.script("listing", refuse(400, page, Content_Type="text/html"))
    assert 'write "secure": true' in bucket.problem().to_do


@pytest.mark.parametrize("code", ["No\nSuch", "x" * 500, "<b>", "a b", "\u202e"])
def test_a_code_that_is_none_is_not_shown(lister: Lister, bucket: Bucket, code: str) -> None:
    lister.script("listing", refuse_xml(403, code.replace("<", "&lt;")))
    assert str(bucket.problem()).startswith("Access denied: access to s3://bucket is denied (403); ")


# --- the buckets that there are ---------------------------------------------------------------------------------------


TWENTY, TWENTY_MORE = ([f"{letter}-{n:02}" for n in range(20)] for letter in "bc")


@pytest.mark.parametrize(
    ("buckets", "advice"),
    [
        (named("b-2", "b-1"), "check the bucket's name: there are b-1, b-2"),
        (named("only"), "check the bucket's name: there are only"),
        (named(), "check the bucket's name: the server has no buckets"),
        (named(*TWENTY, *TWENTY_MORE), f"check the bucket's name: there are {', '.join(TWENTY)}, ..."),
        (named("a\nOK - forged", "x" * 70, "fine"), "check the bucket's name: there are fine"),
        (refuse_xml(403, "AccessDenied")(Answer(0, {})), "check the bucket's name"),
        (refuse(500)(Answer(0, {})), "check the bucket's name"),
        (Answer(200, {}, b"<broken"), "check the bucket's name"),
        (Answer(200, {}, b"\xff"), "check the bucket's name"),
    ],
    ids=["two", "one", "none", "many", "odd", "denied", "busy", "broken", "no text"],
)
def test_the_names_of_those_that_there_are_if_they_may_be_known(
    lister: Lister, bucket: Bucket, buckets: Answer, advice: str
) -> None:
    lister.buckets = lambda: buckets
    lister.script("listing", refuse_xml(404, "NoSuchBucket"))
    assert bucket.problem().to_do == advice


def test_a_name_that_no_bucket_has_is_told_without_asking(lister: Lister) -> None:
    for name in ("", "a", "Upper/slash", "x" * 70, "a..b"):
        problem = Bucket(minio_at(lister.url), name).problem()
        assert isinstance(problem, ObjectNotFound)
        assert "is not a valid name of a bucket" in problem.what
    assert lister.asked == []


# --- anonymously ------------------------------------------------------------------------------------------------------


def test_without_a_key_nothing_is_signed(lister: Lister) -> None:
    lister.keys = ["a.ndjson"]
    assert Bucket(minio_at(lister.url, "", "")).keys() == ["a.ndjson"]
    assert "authorization" not in lister.asked[0].headers


def test_with_a_key_the_region_is_signed_and_not_asked_for(lister: Lister, bucket: Bucket) -> None:
    lister.keys = ["a.ndjson"]
    bucket.keys()
    assert "/us-east-1/s3/aws4_request" in lister.asked[0].headers["authorization"]
    assert len(lister.asked) == 1


def test_the_secret_stands_in_no_repr() -> None:
    assert not bears_secret(repr(minio_at("http://minio:9000")))
