"""S3 over TLS with a private authority: trusted, not asked, or not trusted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from downloader.errors import PermanentError
from downloader.paths import SafePath
from downloader.remote_file import RemoteFile
from downloader.sources.s3 import S3Access, S3Source, client_config
from downloader.sources.s3.errors import Subject, from_answer
from include.stand_ins.object_server import ObjectServer, serving
from include.stand_ins.s3_servers import S3Server
from support.certificates import authority_and_server

FILE = RemoteFile(SafePath("file.bin"), None, "file.bin")


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[tuple[Path, ObjectServer]]:
    pem, context = authority_and_server(tmp_path)
    with serving(tls=context) as server:
        server.put(FILE.key, b"secured")
        yield pem, server


def source_of(server: ObjectServer, verify: bool | str | None) -> S3Source:
    url = server.url.replace("http://", "https://")
    session = S3Server(url).session()
    config = client_config()
    client = session.client("s3", endpoint_url=url, verify=verify, config=config)
    return S3Source(server.bucket, S3Access(client, session.get_credentials(), verify=verify))


def test_a_private_authority_is_trusted_when_named(authority: tuple[Path, ObjectServer]) -> None:
    pem, server = authority
    source = source_of(server, str(pem))
    assert b"".join(source.open(source.describe(FILE))) == b"secured"


def test_the_authority_of_the_environment_is_trusted(
    authority: tuple[Path, ObjectServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    pem, server = authority
    monkeypatch.setenv("AWS_CA_BUNDLE", str(pem))
    source = source_of(server, None)
    assert b"".join(source.open(source.describe(FILE))) == b"secured"


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_certificates_go_unchecked_when_told_so(authority: tuple[Path, ObjectServer]) -> None:
    source = source_of(authority[1], False)
    assert b"".join(source.open(source.describe(FILE))) == b"secured"


def test_an_unknown_authority_is_refused_by_both_clients(authority: tuple[Path, ObjectServer]) -> None:
    source = source_of(authority[1], True)
    for ask in (source.open, source.describe):
        with pytest.raises(PermanentError, match="is not trusted; set verify in the connection"):
            ask(FILE)


def test_plain_http_to_a_server_of_tls_is_said(authority: tuple[Path, ObjectServer]) -> None:
    """What nginx and Go's servers answer; this one, Python's, only closes the connection."""
    text = "Client sent an HTTP request to an HTTPS server."
    problem = from_answer(Subject("bucket", None, "http://minio:9000"), 400, "", text)
    assert "write https:// for http://" in str(problem)
