"""What is asked for over HTTP, with signatures and all, is in no log, however much is logged."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from downloader.errors import NetworkError
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.retry import RetryPolicy
from downloader.sources.http.request import HttpRequest
from downloader.sources.s3 import S3Source
from downloader.sources.s3.minio.listing import BucketListing
from downloader.sources.slooh import image_client
from downloader.sources.slooh.hosts import ImageHosts
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.secrets import secret
from include.stand_ins.slooh_server import Picture, SloohServer, serving
from include.stand_ins.wire import Answer
from support.minio import minio_of
from support.secret_search import bears_secret
from support.slooh_access import TIMEOUTS, client_of


@pytest.fixture
def server() -> Iterator[SloohServer]:
    with serving(SloohServer()) as served:
        yield served


def broken_header(answer: Answer) -> Answer:
    """A header without a name: the client below warns of it, with the whole address."""
    return replace(answer, headers={**answer.headers, "X-Broken": "1\r\n: nothing"})


def test_signed_addresses_are_in_no_log(server: SloohServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.add(Picture(1, file="1.png"))
    server.script("1.png", None, broken_header)
    images = image_client(ImageHosts(server.url), timeouts=TIMEOUTS)
    request = HttpRequest(f"{server.image_url}/1.png?Signature={secret('image')}", "1.png")
    images.open(request).close()
    with suppress(NetworkError):  # whether it is taken or not
        images.open(request).close()
    client_of(server).login()
    logging.getLogger("another").debug("this one is")
    assert len(server.asked("1.png")) == 2
    assert caplog.messages == ["this one is"]


def test_signatures_and_session_tokens_are_in_no_log(moto: S3Server, caplog: pytest.LogCaptureFixture) -> None:
    """boto3, obstore and MinIO's client."""
    caplog.set_level(logging.DEBUG)
    bucket = moto.new_bucket({"a.raw": b"abc"})
    source = S3Source(bucket, moto.access(moto.session(secret("session"))))
    file = source.describe(RemoteFile(safe_path("a.raw"), 3, "a.raw"))
    assert b"".join(source.open(file)) == b"abc"
    assert [one.key for one in BucketListing(minio_of(moto), bucket, RetryPolicy()).objects("")] == ["a.raw"]
    assert not bears_secret(caplog.text)
    assert "aws4_request" not in caplog.text
