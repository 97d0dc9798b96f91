"""Whether a bucket can be read, told in one sentence; and where its objects are."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from downloader.errors import (
    AccessDenied,
    CredentialsExpired,
    DownloadError,
    Misconfigured,
    NetworkError,
    ObjectNotFound,
    PermanentError,
    ServerBusy,
)
from downloader.sources.s3.bucket import S3Bucket, bucket_url, check_bucket
from include.stand_ins import wire
from include.stand_ins.object_server import ObjectServer, refuse
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.secrets import secret
from include.stand_ins.wire import Fault


def problem_of(server: S3Server, bucket: str) -> str:
    with pytest.raises(DownloadError) as caught:
        check_bucket(S3Bucket(bucket, server.client()))
    return str(caught.value)


def test_a_bucket_that_can_be_read_passes(moto: S3Server, rclone: S3Server) -> None:
    for server in (moto, rclone):
        check_bucket(server.access().bucket(server.new_bucket({"a": b"a"})))


def test_a_missing_bucket(moto: S3Server, rclone: S3Server) -> None:
    for server in (moto, rclone):
        expected = f"Not found: there is no bucket no-such-bucket at {server.url}; check the bucket's name"
        assert problem_of(server, "no-such-bucket") == expected


def test_a_wrong_key_and_a_wrong_secret(rclone: S3Server) -> None:
    """rclone checks signatures."""
    bucket = rclone.new_bucket()
    key, password = replace(rclone, key="AKIAWRONG"), replace(rclone, secret=secret("wrong"))
    assert problem_of(key, bucket).startswith(f"Access denied: {rclone.url} does not know the access key; ")
    told = f"Access denied: {rclone.url} refused the signature: the secret key is wrong, or a proxy "
    assert problem_of(password, bucket).startswith(told)


def test_a_server_that_does_not_listen() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        expected = f"Network error: {url} cannot be reached; check endpoint_url and the network, then run it again"
        assert problem_of(S3Server(url), "bucket") == expected


def test_tls_to_a_server_without(moto: S3Server) -> None:
    url = moto.url.replace("http://", "https://")
    expected = f"Wrong settings: {url} does not speak TLS; write http:// for https:// in the connection's endpoint_url"
    assert problem_of(replace(moto, url=url), "bucket") == expected


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (refuse(403, "RequestTimeTooSkewed"), AccessDenied, "set this machine's clock"),
        (refuse(400, "ExpiredToken"), CredentialsExpired, "renew the credentials"),
        (refuse(400, "InvalidToken"), AccessDenied, "session token"),
        (refuse(400, "AuthorizationHeaderMalformed"), PermanentError, "region_name"),
        (
            refuse(403, "AccessDenied"),
            AccessDenied,
            "; give the connection's credentials s3:GetObject and s3:ListBucket on the bucket$",
        ),
        (refuse(400, "RequestLimitExceeded"), ServerBusy, "answered 400 RequestLimitExceeded"),
        (refuse(403, "AccessDenied", "not authorized to perform: kms:Decrypt"), AccessDenied, "kms:Decrypt"),
        (refuse(400), PermanentError, "400"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refusal_has_its_sentence(
    object_server: ObjectServer, fault: Fault, error: type[DownloadError], words: str
) -> None:
    object_server.intercept = lambda request: fault
    with pytest.raises(error, match=words):
        check_bucket(S3Bucket(object_server.bucket, S3Server(object_server.url).client()))


def test_a_refused_head_is_explained(object_server: ObjectServer) -> None:
    """The answer to a HEAD has no body to say why."""
    object_server.intercept = lambda request: refuse(400, "ExpiredToken" if request.method == "GET" else "")
    bucket = S3Bucket(object_server.bucket, S3Server(object_server.url).client())
    with pytest.raises(CredentialsExpired):
        bucket.ask("head_object", "key")


def test_who_may_read_but_not_list_passes_by_the_probe(object_server: ObjectServer) -> None:
    object_server.put("there", b"x")
    object_server.intercept = lambda request: None if request.key else refuse(403, "AccessDenied")
    bucket = S3Bucket(object_server.bucket, S3Server(object_server.url).client())
    check_bucket(bucket, "there")
    with pytest.raises(AccessDenied):
        check_bucket(bucket)
    with pytest.raises(ObjectNotFound):
        check_bucket(bucket, "missing")


class Elsewhere:
    """A client of AWS whose bucket lies in another region than it thinks; boto3 followed the redirect."""

    class meta:  # noqa: N801 - boto3's name
        endpoint_url = "https://s3.eu-central-1.amazonaws.com"
        region_name = "eu-central-1"

    def list_objects_v2(self, **_: object) -> dict[str, Any]:
        return {"ResponseMetadata": {"HTTPHeaders": {"x-amz-bucket-region": "us-west-2"}}}


def test_a_bucket_in_another_region() -> None:
    with pytest.raises(PermanentError, match="lies in us-west-2, the connection says eu-central-1; set region_name"):
        check_bucket(S3Bucket("bucket", Elsewhere()))


XHTML = b'<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"/>'
NO_S3 = "did not answer as an S3 server does: its answer is not XML, or not a listing; check endpoint_url"
CONSOLE = "answered 200 with a web page, and not as an S3 server does; check endpoint_url"
TLS = "speaks TLS only; write https:// for http://"
FOREIGN = [
    (wire.refuse(200, b"<!doctype html><title>MinIO Console</title>", Content_Type="text/html"), CONSOLE),
    (wire.refuse(200, b"<meta http-equiv=refresh>", Content_Type="Text/HTML"), CONSOLE),
    (wire.refuse(200, XHTML), NO_S3),
    (wire.refuse(200, b'{"status": "ok"}', Content_Type="application/json"), NO_S3),
    (wire.refuse(200, b"OK"), NO_S3),
    (wire.refuse(200, b"<rss/>"), NO_S3),
    (wire.refuse(400, b"The plain HTTP request was sent to HTTPS port", Content_Type="text/html"), TLS),
    (wire.refuse(400, b"Client sent an HTTP request to an HTTPS server."), TLS),
    (wire.refuse(301, Location="https://127.0.0.1/bucket"), "redirects to https://127.0.0.1, and S3 clients do not"),
    (wire.refuse(302, Location="/login?code=abc"), "redirects to a login page at http://127.0.0.1:"),
    (wire.refuse(307, Location="https://sso.example.org/"), "redirects to a login page at https://sso.example.org, "),
    (wire.refuse(308), "redirects to another address, and not as an S3 server does"),
]


@pytest.mark.parametrize(("answer", "sentence"), FOREIGN, ids=range(len(FOREIGN)))
def test_what_is_no_s3_server_is_no_bucket(object_server: ObjectServer, answer: Fault, sentence: str) -> None:
    object_server.intercept = lambda request: answer
    with pytest.raises(Misconfigured) as caught:
        check_bucket(S3Server(object_server.url).access().bucket("bucket"))
    assert f"{object_server.url} {sentence}" in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"\n"])
def test_an_empty_answer_is_no_bucket_and_may_pass(object_server: ObjectServer, body: bytes) -> None:
    object_server.intercept = lambda request: wire.refuse(200, body)
    with pytest.raises(NetworkError, match="cannot be read"):
        check_bucket(S3Server(object_server.url).access().bucket("bucket"))


# --- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bucket", "settings", "url"),
    [
        ("buck", {}, "https://buck.s3.eu-central-1.amazonaws.com"),
        ("bu.ck", {}, "https://s3.eu-central-1.amazonaws.com/bu.ck"),
        ("alphakraken-PRID001", {}, "https://s3.eu-central-1.amazonaws.com/alphakraken-PRID001"),
        ("buck", {"s3": {"addressing_style": "path"}}, "https://s3.eu-central-1.amazonaws.com/buck"),
        ("buck", {"use_dualstack_endpoint": True}, "https://buck.s3.dualstack.eu-central-1.amazonaws.com"),
        ("buck", {"signature_version": UNSIGNED}, "https://buck.s3.eu-central-1.amazonaws.com"),
        ("buck", {"endpoint_url": "http://minio:9000"}, "http://minio:9000/buck"),
        ("buck", {"endpoint_url": "http://minio:9000/sub/"}, "http://minio:9000/sub/buck"),
        (
            "buck",
            {"endpoint_url": "http://minio:9000", "s3": {"addressing_style": "virtual"}},
            "http://buck.minio:9000",
        ),
        ("buck", {"region_name": "us-east-1"}, "https://buck.s3.us-east-1.amazonaws.com"),
        ("buck", {"region_name": "cn-north-1"}, "https://buck.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_objects_are_looked_for_where_boto3_does(bucket: str, settings: dict[str, Any], url: str) -> None:
    config = {"region_name": "eu-central-1", **settings}
    endpoint = config.pop("endpoint_url", None)
    client: Any = S3Server("").session().client("s3", endpoint_url=endpoint, config=Config(**config))
    assert bucket_url(client, bucket) == url


def test_a_connection_without_credentials_says_so() -> None:
    client = boto3.session.Session(region_name="eu-central-1").client("s3")
    with pytest.raises(AccessDenied, match="the connection holds no credentials; fill in login and password"):
        bucket_url(client, "bucket")
