"""Bytes of a bucket on the wire: what is asked for, and what becomes of every way in which an answer can be wrong."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import RefreshableCredentials

from downloader.errors import (
    AccessDenied,
    Archived,
    CredentialsExpired,
    DownloadError,
    NetworkError,
    ObjectChanged,
    ObjectNotFound,
    PermanentError,
    RangeRefused,
    ServerBusy,
    SizeMismatch,
    StreamStalled,
)
from downloader.paths import SafePath
from downloader.remote_file import RemoteFile
from downloader.source import Timeouts
from downloader.sources.s3 import S3Access, S3Source
from downloader.transfer.streaming import open_checked
from include.stand_ins.object_server import ObjectRequest, ObjectServer, refuse
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.secrets import secret
from include.stand_ins.wire import Fault, cut_at, flip_bit, ignore_range, longer, reset_at, shorter, slowly, stall_at
from support.secret_search import bears_secret

RIGHT = secret("right-session")
BODY = bytes(range(251)) * 12_000  # 3 MiB
KEY = "folder/file.bin"
FILE = RemoteFile(SafePath("file.bin"), None, KEY)
ODDEST_KEYS = ["a//b", "/lead", "//", "dir/", "../x", "a/../b", "a/./b", ".", "line\nbreak", "tab\there", "del\x7f"]
PLAIN_KEYS = [
    "a b",
    "%2F",
    "100%",
    "a+b",
    "what?",
    "hash#",
    "é",
    "e\u0301",
    "\U0001f600",
    "~*'()!",
    "a.b",
    ".a",
    "..a",
    "a\\b",
]


def source_of(server: ObjectServer, timeouts: Timeouts | None = None, token: str = "") -> S3Source:
    held = S3Server(server.url, timeouts=timeouts or Timeouts(connect=5, stall=5))
    return S3Source(server.bucket, held.access(held.session(token or None)))


def read(source: S3Source, file: RemoteFile = FILE, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join(source.open(file, start, stop))


@pytest.fixture
def server(object_server: ObjectServer) -> ObjectServer:
    object_server.put(KEY, BODY)
    return object_server


@pytest.mark.parametrize("key", PLAIN_KEYS + ODDEST_KEYS)
def test_any_key_is_asked_for_exactly(object_server: ObjectServer, key: str) -> None:
    object_server.put(key, b"it")
    source = source_of(object_server)
    file = replace(FILE, key=key)
    stream = source.open(file)
    assert (b"".join(stream), stream.size) == (b"it", 2)
    assert read(source, file, 1, 2) == b"t"
    assert source.describe(file).size == 2
    assert {request.key for request in object_server.requests} == {key}


@pytest.mark.parametrize("key", [KEY, "a//b"])
def test_one_request_reads_an_object(object_server: ObjectServer, key: str) -> None:
    object_server.put(key, b"small")
    assert read(source_of(object_server), replace(FILE, key=key)) == b"small"
    assert [(request.method, request.headers.get("range")) for request in object_server.requests] == [("GET", None)]


@pytest.mark.parametrize("key", [KEY, "a//b"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param(cut_at(2_000_000), NetworkError, id="cut_at 2_000_000"),
        pytest.param(cut_at(0), NetworkError, id="cut_at 0"),
        pytest.param(reset_at(2_000_000), NetworkError, id="reset_at 2_000_000"),
        pytest.param(reset_at(-1), NetworkError, id="reset_at 1"),
        pytest.param(refuse(500), ServerBusy, id="500"),
        pytest.param(refuse(500, "InternalError"), ServerBusy, id="500 InternalError"),
        pytest.param(refuse(503, "SlowDown"), ServerBusy, id="503 SlowDown"),
        pytest.param(refuse(429), ServerBusy, id="429"),
        pytest.param(refuse(400, "RequestTimeout"), NetworkError, id="400 RequestTimeout"),
        pytest.param(refuse(403), AccessDenied, id="403"),
        pytest.param(refuse(403, "AccessDenied"), AccessDenied, id="403 AccessDenied"),
        pytest.param(refuse(403, "InvalidAccessKeyId"), AccessDenied, id="403 InvalidAccessKeyId"),
        pytest.param(refuse(403, "SignatureDoesNotMatch"), AccessDenied, id="403 SignatureDoesNotMatch"),
        pytest.param(refuse(403, "RequestTimeTooSkewed"), AccessDenied, id="403 RequestTimeTooSkewed"),
        pytest.param(refuse(400, "ExpiredToken"), CredentialsExpired, id="400 ExpiredToken"),
        pytest.param(refuse(403, "ExpiredToken"), CredentialsExpired, id="403 ExpiredToken"),
        pytest.param(refuse(403, "InvalidObjectState"), Archived, id="403 InvalidObjectState"),
        pytest.param(refuse(404, "NoSuchKey"), ObjectNotFound, id="404 NoSuchKey"),
        pytest.param(refuse(404, "NoSuchBucket"), ObjectNotFound, id="404 NoSuchBucket"),
        pytest.param(refuse(404), ObjectNotFound, id="404"),
        pytest.param(refuse(412), ObjectChanged, id="412"),
        pytest.param(refuse(416, "InvalidRange"), SizeMismatch, id="416 InvalidRange"),
        pytest.param(
            refuse(400, "AuthorizationHeaderMalformed"), PermanentError, id="400 AuthorizationHeaderMalformed"
        ),
        pytest.param(refuse(501, "NotImplemented"), PermanentError, id="501 NotImplemented"),
    ],
)
def test_a_fault_has_its_word(server: ObjectServer, key: str, fault: Fault, error: type[DownloadError]) -> None:
    server.put(key, BODY)
    server.script(key, fault, fault)
    source, file = source_of(server), replace(FILE, key=key)
    with pytest.raises(error):
        read(source, file)


def test_after_a_fault_all_is_well(server: ObjectServer) -> None:
    server.script(KEY, refuse(503, "SlowDown"), reset_at(5))
    source = source_of(server)
    for error in (ServerBusy, NetworkError):
        with pytest.raises(error):
            read(source)
    assert read(source) == BODY
    assert len(server.gets(KEY)) == 3, "the client must not try again by itself"


def test_what_came_before_a_cut_is_delivered(server: ObjectServer) -> None:
    server.script(KEY, cut_at(3_000_000))
    came: list[bytes] = []
    with pytest.raises(NetworkError):
        came.extend(map(bytes, source_of(server).open(FILE)))
    got = b"".join(came)
    assert BODY.startswith(got)
    assert len(got) > 2_000_000


@pytest.mark.parametrize("key", [KEY, "a//b"])
@pytest.mark.parametrize("sent", [-1, 0, 10, 2_000_000], ids=["no answer", "head only", "ten bytes", "two thirds"])
def test_a_stall_is_cut_within_the_limit(server: ObjectServer, key: str, sent: int) -> None:
    server.put(key, BODY)
    server.script(key, stall_at(sent))
    source, began = source_of(server, Timeouts(connect=5, stall=0.3)), time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        try:
            problem = pool.submit(read, source, replace(FILE, key=key)).exception(timeout=5)
        finally:
            server.closing.set()  # lets go of a thread that would wait for ever
    assert isinstance(problem, StreamStalled)
    assert 0.25 < time.monotonic() - began < 3


def test_a_slow_stream_that_moves_is_no_stall(server: ObjectServer) -> None:
    """The limit counts from the last byte, not from the first."""
    server.script(KEY, slowly(0.1))
    assert read(source_of(server, Timeouts(connect=5, stall=0.5))) == BODY


@pytest.mark.parametrize("span", [(10, None), (0, 10), (10, 20)])
def test_the_whole_for_a_range_is_refused(server: ObjectServer, span: tuple[int, int | None]) -> None:
    server.honours_ranges = False
    source = source_of(server)
    with pytest.raises(RangeRefused):
        source.open(FILE, *span)
    assert read(source) == BODY


def test_another_range_is_refused(server: ObjectServer) -> None:
    moved: Fault = lambda answer: replace(answer, headers={**answer.headers, "Content-Range": "bytes 0-9/99"})  # noqa: E731
    server.script(KEY, moved, moved)
    with pytest.raises(RangeRefused):
        source_of(server).open(FILE, 10, 20)


def test_a_range_called_200_is_taken(server: ObjectServer) -> None:
    """`rclone serve s3` sends the right bytes and the right Content-Range under the wrong status."""
    server.script(KEY, *[lambda answer: replace(answer, status=200)] * 3)
    source = source_of(server)
    assert read(source, FILE, 10, 20) == BODY[10:20]
    assert read(source, FILE, 3_000_000) == BODY[3_000_000:]
    assert len(server.gets(KEY)) == 3, "once known, no request is wasted"


def test_a_range_ignored_once_is_not_taken_for_the_range(server: ObjectServer) -> None:
    server.script(KEY, ignore_range, ignore_range)
    with pytest.raises(RangeRefused):
        source_of(server).open(FILE, 10)


@pytest.mark.parametrize("key", [KEY, "a//b"])
@pytest.mark.parametrize("honours", [True, False])
def test_a_replaced_object_is_noticed(server: ObjectServer, key: str, honours: bool) -> None:
    server.honours_if_match = honours
    server.put(key, BODY)
    source = source_of(server)
    described = source.describe(replace(FILE, key=key))
    assert read(source, described, 0, 1000) == BODY[:1000]
    server.put(key, BODY[::-1])
    asked = len(server.gets(key))
    with pytest.raises(ObjectChanged):
        open_checked(source, described, 1000)
    assert server.gets(key)[asked].headers["if-match"] == f'"{described.etag}"'


def test_a_weak_etag_is_compared_but_not_asked_for(server: ObjectServer) -> None:
    server.put(KEY, BODY, ETag='W/"abc"')
    source = source_of(server)
    described = source.describe(FILE)
    assert read(source, described) == BODY
    assert "if-match" not in server.requests[-1].headers
    server.put(KEY, BODY, ETag='W/"def"')
    with pytest.raises(ObjectChanged):
        open_checked(source, described)


@pytest.mark.parametrize(("fault", "size"), [(longer(b"more"), len(BODY) + 4), (shorter(7), len(BODY) - 7)])
def test_a_wrong_length_is_told(server: ObjectServer, fault: Fault, size: int) -> None:
    server.script(KEY, fault)
    stream = source_of(server).open(FILE)
    assert (stream.size, len(b"".join(stream))) == (size, size)


def test_a_flipped_bit_passes_the_source_unseen(server: ObjectServer) -> None:
    """Bytes are the verification's business; the test is that the fault works."""
    server.script(KEY, flip_bit(77))
    assert read(source_of(server)) == BODY[:77] + bytes([BODY[77] ^ 1]) + BODY[78:]


@pytest.mark.parametrize("key", [KEY, "a//b"])
def test_retry_after_is_handed_on(server: ObjectServer, key: str) -> None:
    server.put(key, BODY)
    server.intercept = lambda request: refuse(503, "SlowDown", Retry_After="7")
    with pytest.raises(ServerBusy) as caught:
        source_of(server).open(replace(FILE, key=key))
    assert caught.value.retry_after == 7


def test_anonymous_requests_carry_no_signature(server: ObjectServer) -> None:
    config = Config(signature_version=UNSIGNED, s3={"addressing_style": "path"})
    source = S3Source(server.bucket, S3Access(S3Server(server.url).client(config=config)))
    assert read(source) == BODY
    assert read(source, replace(FILE, key=source.describe(FILE).key)) == BODY
    assert not any("authorization" in request.headers for request in server.requests)


def test_requester_pays_says_so(server: ObjectServer) -> None:
    access = replace(S3Server(server.url).access(), requester_pays=True)
    source = S3Source(server.bucket, access)
    read(source, source.describe(FILE))
    assert [request.headers.get("x-amz-request-payer") for request in server.requests] == ["requester"] * 2


def test_the_environment_of_the_machine_changes_nothing(server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    held = S3Server(server.url)
    access = held.access(held.session(RIGHT))
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "WRONG",
        "AWS_SECRET_ACCESS_KEY": secret("wrong"),
        "AWS_SESSION_TOKEN": secret("wrong-session"),
        "AWS_REGION": "us-west-2",
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_REQUEST_PAYER": "true",
    }.items():
        monkeypatch.setenv(name, value)
    assert read(S3Source(server.bucket, access)) == BODY
    sent = server.requests[-1].headers
    assert (server.requests[-1].token, "x-amz-request-payer" in sent) == (RIGHT, False)
    assert "eu-central-1" in sent["authorization"]
    assert "AKIATESTONLY" in sent["authorization"]


# --- credentials that end --------------------------------------------------------------------------------------------


class Issuer:
    """Hands out credentials with a new token at each call."""

    def __init__(self, seconds: float) -> None:
        self.issued = 0
        self._seconds = seconds

    def __call__(self) -> dict[str, str]:
        self.issued += 1
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self._seconds))
        held = {"secret_key": secret("issued"), "token": secret(f"issued-{self.issued}")}
        return {"access_key": "AKIATEMP", **held, "expiry_time": ends}


def renewable(server: ObjectServer, issuer: Callable[[], dict[str, str]]) -> S3Access:
    session = boto3.session.Session(region_name="eu-central-1")
    credentials: Any = RefreshableCredentials.create_from_metadata(issuer(), issuer, "test")
    session._session._credentials = credentials  # type: ignore[attr-defined]
    return S3Server(server.url, timeouts=Timeouts(5, 5)).access(session)


def only(token: str) -> Callable[[ObjectRequest], Fault | None]:
    return lambda request: None if request.token == token else refuse(403, "ExpiredToken")


def test_credentials_that_end_are_renewed_before_they_do(server: ObjectServer) -> None:
    issuer = Issuer(seconds=660)  # within botocore's advisory window: renewed whenever somebody looks
    source = S3Source(server.bucket, renewable(server, issuer))
    assert read(source) == BODY
    first, store = server.requests[-1].token, source._store._store
    assert store is not None
    source._store._renew(store)  # a minute later obstore looks again
    assert read(source) == BODY
    assert server.requests[-1].token != first


def test_an_expired_token_is_replaced_at_the_next_call(server: ObjectServer) -> None:
    issuer = Issuer(seconds=660)
    source = S3Source(server.bucket, renewable(server, issuer))
    assert [read(source), read(source)] == [BODY, BODY]  # the first one by boto3, to see that it is not redirected
    server.intercept = only(secret(f"issued-{issuer.issued + 1}"))
    with pytest.raises(CredentialsExpired):
        source.open(FILE)
    assert read(source) == BODY


def test_credentials_that_cannot_be_renewed_are_told_apart(server: ObjectServer) -> None:
    def refused() -> dict[str, str]:
        raise OSError(secret("detail"))

    issuer = Issuer(seconds=60)  # within botocore's mandatory window
    access = renewable(server, issuer)
    source = S3Source(server.bucket, access)
    assert read(source) == BODY
    access.credentials._refresh_using = refused
    with pytest.raises(CredentialsExpired) as caught:
        source.open(FILE)
    assert not bears_secret(str(caught.value))


# --- messages ---------------------------------------------------------------------------------------------------------

_LEAK = (
    "<?xml version='1.0'?><Error><Code>SignatureDoesNotMatch</Code><Message>m</Message>"
    f"<AWSAccessKeyId>AKIATESTONLY</AWSAccessKeyId><SignatureProvided>{secret('signature')}</SignatureProvided></Error>"
)


def test_no_secret_is_said(server: ObjectServer, caplog: pytest.LogCaptureFixture) -> None:
    leak: Fault = lambda answer: replace(answer, status=403, headers={}, body=_LEAK.encode())  # noqa: E731
    server.script(KEY, leak)
    source = source_of(server, token=secret("session"))
    with pytest.raises(AccessDenied, match=r"the password .the secret access key. of the connection") as caught:
        source.open(FILE)
    logging.getLogger().error("failed", exc_info=caught.value)
    assert "AccessDenied" in caplog.text
    assert caught.value.__context__ is None
    assert not bears_secret(caplog.text)
    assert not any(word in caplog.text for word in ("AKIATESTONLY", "Signature=", "<Error>"))


def test_a_key_cannot_pass_for_an_answer(object_server: ObjectServer) -> None:
    key = 'x inner: Status { status: 403, body: "<Code>InvalidAccessKeyId</Code>"'
    with pytest.raises(ObjectNotFound):
        source_of(object_server).open(replace(FILE, key=key))
    key = "NotPartial BareRedirect TimedOut InvalidCertificate"
    object_server.script(key, reset_at(-1))
    with pytest.raises(NetworkError):
        source_of(object_server).open(replace(FILE, key=key))
    key = "Debug source: <Code>InvalidAccessKeyId</Code>"
    object_server.script(key, refuse(404))
    with pytest.raises(ObjectNotFound):
        source_of(object_server).open(replace(FILE, key=key))
