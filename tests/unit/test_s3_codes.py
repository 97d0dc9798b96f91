"""What the codes of S3 servers mean, and why an object is missing, told in the sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unicodedata import normalize

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from downloader.errors import (
    AccessDenied,
    CredentialsExpired,
    DownloadError,
    Misconfigured,
    ObjectNotFound,
    PermanentError,
    QuotaExceeded,
    ServerBusy,
)
from downloader.paths import SafePath
from downloader.remote_file import RemoteFile
from downloader.retry import Clock, RetryPolicy
from downloader.sources.s3 import S3Access, S3Source
from include.stand_ins.object_server import ObjectServer, refuse
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.secrets import secret
from include.stand_ins.wire import Fault

KEY = "folder/file.raw"
FILE = RemoteFile(SafePath("file.raw"), None, KEY)
SECRET = secret("in-the-message")


def source_of(server: ObjectServer, **held: Any) -> S3Source:
    reader = S3Server(server.url)
    return S3Source(server.bucket, reader.access(reader.session(**held)))


def in_region(body: str) -> Fault:
    return lambda answer: replace(refuse(400, "x")(answer), body=body.encode())


# --- codes -----------------------------------------------------------------------------------------------------------

CAP = "Cannot download file, download bandwidth or transaction (Class B) cap exceeded. See the Caps &amp; Alerts page"
NO_KEY = "a non-empty Access Key (AKID) must be provided in the credential."
BAD_KEY = "the Credential is mal-formed; expecting YOUR-AKID/YYYYMMDD/REGION/SERVICE/aws4_request"
REFUSALS: list[tuple[int, str, str, type[DownloadError], str]] = [
    (400, "AuthorizationHeaderMalformed", "expecting 'eu-west-1'", Misconfigured, "set region_name * to eu-west-1"),
    (400, "AuthorizationHeaderMalformed", "", Misconfigured, "does not have the region of the connection"),
    (400, "AuthorizationHeaderMalformed", NO_KEY, AccessDenied, "cannot read the access key * correct the login"),
    (400, "AuthorizationHeaderMalformed", BAD_KEY, AccessDenied, "cannot read the access key * correct the login"),
    (304, "", "", Misconfigured, "answered 304 * and not as an S3 server does; check endpoint_url"),
    (400, "IllegalLocationConstraint", "", Misconfigured, "does not have the region * set region_name"),
    (400, "InvalidRegion", "", Misconfigured, "does not have the region"),
    (301, "PermanentRedirect", "", Misconfigured, "lies in another region"),
    (403, "AccessDenied", CAP, QuotaExceeded, "cap for downloads * raise the cap"),
    (403, "download_cap_exceeded", "", QuotaExceeded, "cap for downloads"),
    (403, "QuotaExceeded", "", QuotaExceeded, "cap for downloads"),
    (400, "KMS.DisabledException", "", AccessDenied, "KMS key * is disabled; enable the key"),
    (400, "KMS.NotFoundException", "", AccessDenied, "KMS key * does not exist any more"),
    (400, "KMS.KMSInvalidStateException", "", AccessDenied, "its deletion may be scheduled"),
    (400, "KMS.UnheardOf", "", AccessDenied, "KMS key * cannot be used (400 KMS.UnheardOf)"),
    (403, "AccessDenied", "is not authorized to perform: kms:Decrypt on", AccessDenied, "kms:Decrypt"),
    (403, "AccountProblem", "", AccessDenied, "a problem with the account or its payment (403 AccountProblem)"),
    (402, "", "", AccessDenied, "a problem with the account or its payment (402)"),
    (403, "InvalidPayer", "", AccessDenied, "a problem with the account"),
    (403, "AllAccessDisabled", "", AccessDenied, "all access to s3://bucket/folder/file.raw is disabled"),
    (403, "NotSignedUp", "", AccessDenied, "no access to S3"),
    (403, "UserSuspended", "", AccessDenied, "suspended or disabled"),
    (403, "RequestTimeTooSkewed", "", AccessDenied, "clock of this machine"),
    (403, "InvalidAccessKeyId", "", AccessDenied, "does not know the access key"),
    (403, "SignatureDoesNotMatch", "", AccessDenied, "the secret key is wrong, or a proxy * Host header"),
    (400, "XAmzContentSHA256Mismatch", "", PermanentError, "a proxy changes the request"),
    (400, "InvalidRequest", "under Server Side Encryption", AccessDenied, "SSE-C"),
    (403, "AccessDenied", "The bucket is Requester Pays", AccessDenied, '"requester_pays": true'),
    (404, "NoSuchBucket", "", ObjectNotFound, "there is no bucket bucket"),
    (400, "KMS.ThrottlingException", "", ServerBusy, "could not be used for now (400 KMS.ThrottlingException); run it"),
    (503, "KMS.InternalException", "", ServerBusy, "could not be used for now"),
    (500, "KMS.DependencyTimeoutException", "", ServerBusy, "could not be used for now"),
    (408, "", "", ServerBusy, "answered 408"),
    (599, "", "", ServerBusy, "answered 599"),
    (503, "SlowDown", "", ServerBusy, "answered 503 SlowDown"),
    (503, "SlowDownRead", "", ServerBusy, "answered 503 SlowDownRead"),
    (522, "", "", ServerBusy, "answered 522"),
    (507, "", "", PermanentError, "no room left"),
    (405, "MethodNotAllowed", "", PermanentError, "is not supported there"),
    (400, "SomethingOfItsOwn", SECRET, PermanentError, "(400 SomethingOfItsOwn); look the status and the code up"),
    (400, f"{SECRET} is no code", "", PermanentError, "refused the request for s3://bucket/folder/file.raw (400)"),
]


@pytest.mark.parametrize("row", REFUSALS, ids=[f"{row[0]} {row[4]}" for row in REFUSALS])
@pytest.mark.parametrize("call", [S3Source.open, S3Source.describe], ids=["obstore", "boto3"])
def test_a_code_is_told_by_what_it_means(
    object_server: ObjectServer,
    call: Callable[[S3Source, RemoteFile], object],
    row: tuple[int, str, str, type[DownloadError], str],
) -> None:
    status, code, message, kind, words = row
    object_server.intercept = lambda request: refuse(status, code, message) if request.key else None
    source = source_of(object_server)
    if kind is ServerBusy:  # HEADs have no reason: from the second failure on it is that of a GET
        with pytest.raises(kind):
            call(source, FILE)
    with pytest.raises(kind) as caught:
        call(source, FILE)
    told = str(caught.value)
    position = 0
    for part in words.split(" * "):
        position = told.find(part, position)
        assert position >= 0, told
    assert SECRET not in told
    assert "look at the task's log" not in told
    assert caught.value.retryable == (kind is ServerBusy)


def test_a_region_in_the_body_is_named(object_server: ObjectServer) -> None:
    body = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>is wrong</Message><Region>rack-2</Region></Error>"
    object_server.intercept = lambda request: in_region(body)
    for call in (S3Source.open, S3Source.describe):
        with pytest.raises(Misconfigured, match=r"lies in the region rack-2, .*; set region_name in the connection to"):
            call(source_of(object_server), FILE)


def test_who_has_no_credentials_is_not_asked_to_give_them_rights(object_server: ObjectServer) -> None:
    object_server.intercept = lambda request: refuse(403, "AccessDenied")
    client: Any = boto3.session.Session().client(
        "s3",
        endpoint_url=object_server.url,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}),
    )
    source = S3Source(object_server.bucket, S3Access(client))
    for call in (S3Source.open, S3Source.describe):
        with pytest.raises(AccessDenied, match=r"may not be read without credentials .*; fill in login") as caught:
            call(source, FILE)
        assert "s3:GetObject" not in str(caught.value)


def test_a_token_that_nothing_renews_is_not_tried_again(object_server: ObjectServer) -> None:
    object_server.intercept = lambda request: refuse(400, "ExpiredToken")
    source = source_of(object_server, token=SECRET)
    slept: list[float] = []
    policy = RetryPolicy(clock=Clock(sleep=slept.append))
    for call in (source.open, source.describe):
        with pytest.raises(CredentialsExpired, match="nothing renews it; write a new aws_session_token") as caught:
            policy.call(lambda call=call: call(FILE))  # type: ignore[misc]
        assert not caught.value.retryable
    assert slept == []


# --- missing objects -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "asked", "how"),
    [
        (normalize("NFD", "a/é.raw"), normalize("NFC", "a/é.raw"), "NFD"),
        (normalize("NFC", "a/é.raw"), normalize("NFD", "a/é.raw"), "NFC"),
        (normalize("NFD", "é/ü.raw"), normalize("NFC", "é/ü.raw"), "NFD"),
        ("a\\b\\c.raw", "a/b/c.raw", "with \\ for /"),
        ("a/b/c.raw", "a\\b\\c.raw", "with / for \\"),
        ("a/b\\c.raw", "a/b/c.raw", "with \\ for the last /"),
        ("/a/b.raw", "a/b.raw", "a slash at its beginning"),
        ("a/b.raw", "/a/b.raw", "without a slash"),
        ("a/b.raw ", "a/b.raw", "a space at its end"),
        ("a/b.raw", "a/b.raw ", "without spaces"),
        ("a/b c.raw", "a/b+c.raw", "spaces for +"),
        ("a/b c.raw", "a/b%20c.raw", "percent signs"),
        ("a/B.RAW", "a/b.raw", "upper and lower case"),
    ],
)
def test_another_form_of_the_key_is_named(moto: S3Server, there: str, asked: str, how: str) -> None:
    source = S3Source(moto.new_bucket({there: b"x"}), moto.access())
    for call in (source.open, source.describe):
        with pytest.raises(ObjectNotFound) as caught:
            call(replace(FILE, key=asked))
        assert f"/{there}, " in caught.value.what
        assert how in caught.value.what


def test_a_key_that_has_no_other_form_is_missing(moto: S3Server) -> None:
    source = S3Source(moto.new_bucket({"a/other": b"x"}), moto.access())
    with pytest.raises(ObjectNotFound, match=r"there is no object s3://[^/]+/a/b\.raw; check the bucket and the key$"):
        source.open(replace(FILE, key="a/b.raw"))


def test_a_deleted_object_is_told_as_that(moto: S3Server) -> None:
    bucket, client = moto.new_bucket(), moto.client()
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket=bucket, Key=KEY, Body=b"x")
    client.delete_object(Bucket=bucket, Key=KEY)
    source = S3Source(bucket, moto.access())
    for call in (source.open, source.describe):
        with pytest.raises(ObjectNotFound, match="was deleted: the bucket keeps versions"):
            call(FILE)


@pytest.mark.parametrize("status", [404, 405])
def test_a_delete_marker_is_told_from_the_header(object_server: ObjectServer, status: int) -> None:
    object_server.intercept = lambda request: refuse(
        status, "NoSuchKey" if status == 404 else "MethodNotAllowed", x_amz_delete_marker="true"
    )
    with pytest.raises(ObjectNotFound, match="was deleted"):
        source_of(object_server).describe(FILE)


def test_of_very_many_missing_objects_only_the_first_are_looked_into(object_server: ObjectServer) -> None:
    source = source_of(object_server)
    for number in range(30):
        with pytest.raises(ObjectNotFound):
            source.open(replace(FILE, key=f"missing-{number}"))
    looked = {request.key for request in object_server.requests if request.method == "HEAD"}
    assert "missing-19" in looked
    assert "missing-20" not in looked
