"""One way to the server for all clients: proxy, authorities, certificates; and where secrets must not go."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest

from downloader.errors import Misconfigured, Unreachable
from downloader.paths import SafePath
from downloader.remote_file import RemoteFile
from downloader.source import probe
from downloader.sources.s3 import S3Source
from downloader.sources.s3.minio.listing import BucketListing
from downloader_tasks.failures import Refusal
from downloader_tasks.settings import connections
from include.stand_ins import wire
from include.stand_ins.object_server import ObjectRequest, ObjectServer, refuse, serving
from include.stand_ins.secrets import secret
from include.stand_ins.wire import Fault
from support.certificates import authority_and_server
from support.minio import Lister, minio_at

pytestmark = pytest.mark.usefixtures("no_environment")

FILE = RemoteFile(SafePath("file.bin"), None, "file.bin")
NOBODY = "http://127.0.0.1:9"
FAR = "http://s3.lab.invalid"
TOKEN = secret("aws-session")
PATH_STYLE = {"s3": {"addressing_style": "path"}}


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))


class Connect:
    """Makes the connection of type aws, and the source that it leads to."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def __call__(self, url: str, *, token: str = "", **extra: Any) -> S3Source:
        extra = {"endpoint_url": url, "config_kwargs": PATH_STYLE, **extra}
        if token:
            extra["aws_session_token"] = token
        connection = {"conn_type": "aws", "login": "AKIATEST", "password": secret("aws"), "extra": extra}
        self._patch.setenv("AIRFLOW_CONN_LAB", json.dumps(connection))
        return S3Source("bucket", connections.aws_access("lab", "eu-central-1", 5))


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    return Connect(monkeypatch)


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with serving() as found:
        found.put(FILE.key, b"body")
        yield found


def both(source: S3Source) -> tuple[int | None, bytes]:
    """What either client gets: boto3 asks, obstore reads."""
    assert source._store._store is not None
    return source.describe(FILE).size, b"".join(source.open(FILE))


def test_a_server_without_encryption_is_read_where_the_system_has_no_authorities(
    connect: Connect, server: ObjectServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As in a slim container: obstore would not even begin."""
    (tmp_path / "none").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert both(connect(server.url)) == (4, b"body")


# --- the proxy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["", "user:p%40ss@"], ids=["no login", "login"])
def test_a_proxy_of_the_connection_is_that_of_both_clients(connect: Connect, server: ObjectServer, login: str) -> None:
    proxy = server.url.replace("//", f"//{login}")
    assert both(connect(FAR, config_kwargs={**PATH_STYLE, "proxies": {"http": proxy}})) == (4, b"body")
    logins = {request.headers.get("proxy-authorization") for request in server.requests}
    assert logins == {"Basic dXNlcjpwQHNz" if login else None}


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy"])
def test_a_proxy_of_the_environment_is_too(
    connect: Connect, server: ObjectServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, server.url)
    assert both(connect(FAR)) == (4, b"body")


@pytest.mark.parametrize("all_proxy", [NOBODY, "socks5h://127.0.0.1:1080"])
def test_all_proxy_is_none_of_boto3(
    connect: Connect, server: ObjectServer, monkeypatch: pytest.MonkeyPatch, all_proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", all_proxy)
    assert both(connect(server.url)) == (4, b"body")


@pytest.mark.parametrize("excepted", ["{host}", "127.0.0.1", "0.0.1", "*", "other.example,{host}"])
def test_no_proxy_is_read_as_python_reads_it(
    connect: Connect, server: ObjectServer, monkeypatch: pytest.MonkeyPatch, excepted: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", NOBODY)
    monkeypatch.setenv("NO_PROXY", excepted.format(host=server.url.removeprefix("http://")))
    assert both(connect(server.url)) == (4, b"body")


def test_where_boto3_takes_the_proxy_so_does_obstore(
    connect: Connect, server: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python knows no networks in NO_PROXY, obstore by itself does."""
    monkeypatch.setenv("HTTP_PROXY", NOBODY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.0/8")
    source = connect(server.url)
    for ask in (source.describe, source.open):
        with pytest.raises(Unreachable, match=f"cannot be reached through the proxy {NOBODY}; check the proxy"):
            ask(FILE)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "http://", "http://proxy:port"])
def test_a_proxy_that_cannot_be_one_is_refused_at_once(connect: Connect, proxy: str) -> None:
    with pytest.raises(Misconfigured, match=r"the proxy is .*; write it as http://HOST:PORT: proxies in config_kwargs"):
        connect(FAR, config_kwargs={"proxies": {"http": proxy}})


def test_a_proxy_that_wants_a_login_is_named(connect: Connect, server: ObjectServer) -> None:
    server.intercept = lambda request: refuse(407)
    source = connect(FAR, config_kwargs={**PATH_STYLE, "proxies": {"http": server.url}})
    for ask in (source.describe, source.open):
        with pytest.raises(Misconfigured, match=f"the proxy {server.url} wants a login"):
            ask(FILE)


def test_minios_own_client_goes_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    with wire.serving(Lister(keys=["a.ndjson"])) as lister:
        monkeypatch.setenv("HTTP_PROXY", lister.url)
        assert [found.key for found in BucketListing(minio_at(FAR), "bucket").objects()] == ["a.ndjson"]
        monkeypatch.setenv("HTTP_PROXY", NOBODY)
        monkeypatch.setenv("NO_PROXY", lister.url.removeprefix("http://"))
        assert [found.key for found in BucketListing(minio_at(lister.url), "bucket").objects()] == ["a.ndjson"]


# --- the authorities and certificates ---------------------------------------------------------------------------------


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[tuple[Path, ssl.SSLContext, str]]:
    pem, context = authority_and_server(tmp_path)
    with serving(tls=context) as found:
        found.put(FILE.key, b"body")
        yield pem, context, found.url.replace("http://", "https://")


def by_connection(bundle: str, connect: Connect, url: str, patch: pytest.MonkeyPatch) -> S3Source:
    return connect(url, verify=bundle)


def by_aws(bundle: str, connect: Connect, url: str, patch: pytest.MonkeyPatch) -> S3Source:
    patch.setenv("AWS_CA_BUNDLE", bundle)
    return connect(url)


def by_requests(bundle: str, connect: Connect, url: str, patch: pytest.MonkeyPatch) -> S3Source:
    patch.setenv("REQUESTS_CA_BUNDLE", bundle)
    return connect(url)


def by_file(bundle: str, connect: Connect, url: str, patch: pytest.MonkeyPatch, **extra: str) -> S3Source:
    file = Path(bundle).with_name("config")
    file.write_text(f"[default]\nca_bundle = {bundle}\n[profile lab]\nca_bundle = {bundle}\n")
    patch.setenv("AWS_CONFIG_FILE", str(file))
    return connect(url, **extra)


def by_profile(bundle: str, connect: Connect, url: str, patch: pytest.MonkeyPatch) -> S3Source:
    return by_file(bundle, connect, url, patch, profile_name="lab")


WAYS = [by_connection, by_aws, by_requests, by_file, by_profile]
NAMED = ["verify in the connection", "AWS_CA_BUNDLE in the", "REQUESTS_CA_BUNDLE in the", *["ca_bundle in the AWS"] * 2]


@pytest.mark.parametrize("way", WAYS)
def test_the_authorities_are_those_of_both_clients(
    connect: Connect, secured: tuple[Path, Any, str], monkeypatch: pytest.MonkeyPatch, way: Callable[..., S3Source]
) -> None:
    pem, _, url = secured
    bundle = pem.with_name("bundle.pem")
    bundle.write_text(f"# Roots\n{Path(certifi.where()).read_text()}\nSubject: CN=Test authority\n{pem.read_text()}")
    assert both(way(str(bundle), connect, url, monkeypatch)) == (4, b"body")


@pytest.mark.parametrize(("way", "named"), zip(WAYS, NAMED, strict=True))
@pytest.mark.parametrize("content", [None, "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "/"])
def test_a_file_of_authorities_that_cannot_be_used_is_named(
    connect: Connect,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: Callable[..., S3Source],
    named: str,
    content: str | None,
) -> None:
    file = tmp_path / "bundle.pem"
    if content == "/":
        file.mkdir()
    elif content is not None:
        file.write_text(content)
    wrong = {None: "does not exist", "": "is empty", "/": "is a folder"}.get(content, "holds no certificate")
    with pytest.raises(Misconfigured, match=f"authorities, {file}, {wrong}.*; correct {named}"):
        way(str(file), connect, "https://127.0.0.1:9", monkeypatch)


def test_a_certificate_that_is_its_own_authority_is_read_by_boto3(
    connect: Connect, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As ``openssl req -x509`` makes it, for many a MinIO: OpenSSL takes it, rustls does not."""
    pem, context = authority_and_server(tmp_path, self_signed=True)
    with serving(tls=context) as server:
        server.put(FILE.key, b"body")
        source = connect(server.url.replace("http://", "https://"), verify=str(pem))
        with caplog.at_level(logging.WARNING):
            assert [b"".join(source.open(FILE)) for _ in range(2)] == [b"body"] * 2
    assert caplog.text.count("is read with boto3, which is slower") == 1


@pytest.mark.parametrize(
    ("valid_from", "sentence"), [(-9, "has expired; have"), (3, "is not valid yet; set the clock")]
)
def test_a_certificate_out_of_its_time_is_told_as_that_by_both_clients(
    connect: Connect, tmp_path: Path, valid_from: int, sentence: str
) -> None:
    pem, context = authority_and_server(tmp_path, valid_from=valid_from)
    with serving(tls=context) as server:
        source = connect(server.url.replace("http://", "https://"), verify=str(pem))
        for ask in (source.describe, source.open):
            with pytest.raises(Misconfigured, match=f"the certificate of https://127.0.0.1:[0-9]+ {sentence}"):
                ask(FILE)


def test_a_client_certificate_is_taken_as_a_pair(connect: Connect, secured: tuple[Path, ssl.SSLContext, str]) -> None:
    pem, context, url = secured
    context.load_verify_locations(pem)
    context.verify_mode = ssl.CERT_REQUIRED
    own = str(pem.with_name("server.pem"))
    source = connect(url, verify=str(pem), config_kwargs={**PATH_STYLE, "client_cert": [own, own]})
    assert (source.describe(FILE).size, b"".join(source.open(FILE))) == (4, b"body")
    with pytest.raises(Misconfigured, match=r"wants a client certificate; write .*client_cert"):
        probe(connect(url, verify=str(pem)), FILE)
    with pytest.raises(
        Misconfigured, match=r"the client certificate /no/such.pem cannot be read.*; correct client_cert"
    ):
        connect(url, verify=str(pem), config_kwargs={"client_cert": "/no/such.pem"})


# --- booleans as texts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["False", "false", False])
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_verify_may_be_a_text(connect: Connect, secured: tuple[Path, Any, str], value: object) -> None:
    assert both(connect(secured[2], verify=value)) == (4, b"body")


@pytest.mark.parametrize(("value", "pays"), [("true", True), ("TRUE", True), (True, True), ("False", False)])
def test_requester_pays_may_be_a_text(connect: Connect, server: ObjectServer, value: object, pays: bool) -> None:
    both(connect(server.url, requester_pays=value))
    assert ["x-amz-request-payer" in request.headers for request in server.requests] == [pays] * 2


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ({"requester_pays": "requester"}, "requester_pays"),
        ({"requester_pays": None}, "requester_pays"),
        ({"verify": ""}, "verify"),
        ({"config_kwargs": {"s3": {"use_accelerate_endpoint": "maybe"}}}, "config_kwargs.s3.use_accelerate_endpoint"),
        ({"config_kwargs": {"use_dualstack_endpoint": 7}}, "config_kwargs.use_dualstack_endpoint"),
    ],
)
def test_what_is_neither_true_nor_false_is_refused_by_its_field(
    connect: Connect, extra: dict[str, Any], field: str
) -> None:
    refusal = f"^{field} in the extra of the connection lab is neither true nor false; write true or false"
    with pytest.raises(Refusal, match=refusal):
        connect("http://127.0.0.1:9", **extra)


def test_the_parts_of_config_kwargs_may_be_texts(connect: Connect, server: ObjectServer) -> None:
    """boto3 takes the text ``false`` for true."""
    config = {"s3": {"addressing_style": "path", "use_accelerate_endpoint": "false"}, "use_fips_endpoint": "False"}
    assert both(connect(server.url, config_kwargs=config)) == (4, b"body")


# --- redirects --------------------------------------------------------------------------------------------------------


def onward(store: ObjectServer, host: str, status: int) -> Callable[[ObjectRequest], Fault | None]:
    place = store.url.replace("127.0.0.1", host)
    location = f"{place}/bucket/{FILE.key}?X-Amz-Signature={secret('signature')}"
    return lambda request: refuse(status, Location=location) if request.method == "GET" and request.key else None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("token", ["", TOKEN], ids=["no token", "token"])
@pytest.mark.parametrize("later", [False, True])
def test_no_credentials_follow_a_redirect_to_another_host(
    connect: Connect, server: ObjectServer, status: int, host: str, token: str, later: bool
) -> None:
    """Another port is another server too, but it is noticed only where the first read is redirected."""
    if later and host == "127.0.0.1":
        return
    with serving() as store:
        store.put(FILE.key, b"body")
        source = connect(server.url, token=token)
        if later:
            assert b"".join(source.open(FILE)) == b"body"
        server.intercept = onward(store, host, status)
        assert [b"".join(source.open(FILE)), b"".join(source.open(FILE, 1, 3))] == [b"body", b"od"]
        assert len(store.requests) == 2
        assert {(request.headers.get("authorization"), request.token) for request in store.requests} == {(None, "")}


def test_a_redirect_is_followed_through_a_proxy_without_credentials(connect: Connect, server: ObjectServer) -> None:
    seen: list[tuple[str, str]] = []

    def redirecting(request: ObjectRequest) -> Fault | None:
        seen.append((request.headers["host"], request.token))
        away = request.headers["host"] == "s3.lab.invalid" and request.method == "GET"
        return refuse(302, Location=f"http://other.lab.invalid/bucket/{FILE.key}") if away else None

    server.intercept = redirecting
    source = connect(FAR, token=TOKEN, config_kwargs={**PATH_STYLE, "proxies": {"http": server.url}})
    assert b"".join(source.open(FILE)) == b"body"
    assert [token for host, token in seen if host == "other.lab.invalid"] == [""]
    assert {token for host, token in seen if host == "s3.lab.invalid"} == {TOKEN}


def test_a_read_that_is_redirected_to_encryption_goes_on_with_the_authorities_of_the_connection(
    connect: Connect, server: ObjectServer, secured: tuple[Path, Any, str]
) -> None:
    pem, _, url = secured
    location = f"{url}/bucket/{FILE.key}"
    server.intercept = lambda request: refuse(307, Location=location) if request.method == "GET" else None
    source = connect(server.url, verify=str(pem))
    assert [b"".join(source.open(FILE)), b"".join(source.open(FILE, 1, 3))] == [b"body", b"od"]


def test_a_server_that_redirects_everything_is_named(connect: Connect, server: ObjectServer) -> None:
    server.intercept = lambda request: refuse(302, Location="http://localhost:9/login")
    with pytest.raises(Misconfigured, match=f"{server.url} redirects every request"):
        connect(server.url).describe(FILE)


def test_minios_own_client_follows_no_redirect() -> None:
    with serving() as other, serving() as lister:
        lister.intercept = lambda request: refuse(302, Location=f"{other.url}/bucket/")
        with pytest.raises(Misconfigured):
            list(BucketListing(minio_at(lister.url), "bucket").objects())
        assert other.requests == []
