"""The connection to MinIO, of both kinds, and each of its fields written wrongly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import certifi
import pytest

from downloader.errors import Misconfigured
from downloader.sources.s3.minio.server import MinioServer
from downloader.sources.s3.source import S3Access
from downloader_tasks.failures import Refusal
from downloader_tasks.minio.endpoint import endpoint
from downloader_tasks.settings.configuration import Configuration, load
from include.stand_ins.secrets import secret

SECRET = secret("minio")
SESSION_TOKEN = secret("minio-session")


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    file = tmp_path / "config.yaml"
    file.write_text("minio: {connection: lab}\ntransfer: {stall_seconds: 7}\n")
    return load({"DOWNLOADER_CONFIG": str(file)})


class Asks:
    """Makes the connection, and asks for the endpoint."""

    def __init__(self, configuration: Configuration, patch: pytest.MonkeyPatch) -> None:
        self._configuration = configuration
        self._patch = patch

    def __call__(self, **fields: Any) -> tuple[MinioServer, S3Access]:
        fields = {"conn_type": "generic", "login": "AKIATEST", "password": SECRET, **fields}
        self._patch.setenv("AIRFLOW_CONN_LAB", json.dumps(fields))
        return endpoint(self._configuration)

    def server(self, **fields: Any) -> MinioServer:
        return self(**fields)[0]

    def refusal(self, **fields: Any) -> str:
        with pytest.raises(Refusal) as raised:
            self(**fields)
        assert SECRET not in str(raised.value)
        assert raised.value.__cause__ is None
        return str(raised.value)


@pytest.fixture
def asks(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> Asks:
    return Asks(configuration, monkeypatch)


# --- generic ----------------------------------------------------------------------------------------------------------


def test_the_plain_case(asks: Asks) -> None:
    server, access = asks(host="localhost", port=9000, extra={"secure": False})
    assert (server.endpoint, server.secure, server.url) == ("localhost:9000", False, "http://localhost:9000")
    assert (server.key, server.secret, server.region, server.verify) == ("AKIATEST", SECRET, "us-east-1", None)
    assert server.timeouts.stall == access.timeouts.stall == 7
    assert access.client.meta.endpoint_url == "http://localhost:9000"
    assert access.address("bucket").url == "http://localhost:9000/bucket"
    assert access.client.meta.config.retries["total_max_attempts"] == 1


@pytest.mark.parametrize(
    "fields",
    [{"host": "minio"}, {"conn_type": "aws", "extra": {"endpoint_url": "http://minio:9000"}}],
    ids=["generic", "aws"],
)
def test_a_profile_of_the_environment_that_does_not_exist_is_named(
    asks: Asks, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "elsewhere")
    assert asks.refusal(**fields).startswith("AWS_PROFILE in the environment names a profile that this machine does")


@pytest.mark.parametrize("kind", ["generic", "http", ""])
def test_kinds_that_mean_the_same(asks: Asks, kind: str) -> None:
    assert asks.server(conn_type=kind, host="minio", port=9000).endpoint == "minio:9000"


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("minio", None, "https://minio"),
        ("minio", 9000, "https://minio:9000"),
        ("minio:9000", None, "https://minio:9000"),
        ("minio:9000", 9001, "https://minio:9001"),
        (" minio.example.org\n", 9000, "https://minio.example.org:9000"),
        ("http://minio", 9000, "http://minio:9000"),
        ("http://minio:9000/", None, "http://minio:9000"),
        ("HTTP://Minio:9000", None, "http://minio:9000"),
        ("https://minio", None, "https://minio"),
        ("MINIO-1", 9000, "https://minio-1:9000"),
        ("192.0.2.7", 9000, "https://192.0.2.7:9000"),
        ("[2001:db8::7]", 9000, "https://[2001:db8::7]:9000"),
        ("[2001:db8::7]:9000", None, "https://[2001:db8::7]:9000"),
        ("http://[::1]:9000", None, "http://[::1]:9000"),
        ("2001:db8::7", 9000, "https://[2001:db8::7]:9000"),
        ("::1", None, "https://[::1]"),
        ("http://::1", 9000, "http://[::1]:9000"),
    ],
)
def test_hosts_with_a_scheme_a_port_or_neither(asks: Asks, host: str, port: int | None, url: str) -> None:
    server, access = asks(host=host, port=port)
    assert server.url == url
    assert access.client.meta.endpoint_url == url
    server.client()
    access.address("bucket")


@pytest.mark.parametrize(
    "host",
    [
        "",
        "  ",
        "://",
        "http://",
        "ftp://minio",
        "s3://bucket",
        "minio/bucket",
        "http://minio:9000/bucket",
        "minio?x=1",
        "minio#x",
        "admin:opens-nothing@minio",
        "minio:abc",
        "minio:9000:9000",
        "[::1",
        "a b",
        "a\tb",
        "a\nb",
        "minio\x00",
        ":9000",
        "minio_1",
        "-minio",
        "minio..example",
        "münio",
        "1:2:3",
        "[minio]",
        "[::1]9000",
        "x" * 64,
    ],
)
def test_what_is_no_host_is_refused(asks: Asks, host: str) -> None:
    assert asks.refusal(host=host) == (
        "the host of the connection lab is not the name of a server; write one such as minio.example.org there, and "
        "the port into its own field"
    )


@pytest.mark.parametrize(
    ("host", "port"), [("minio", -1), ("minio", 65_536), ("minio:9000", 10**9), ("minio:99999", None)]
)
def test_a_port_that_there_is_not_is_refused(asks: Asks, host: str, port: int | None) -> None:
    told = asks.refusal(host=host, port=port)
    port = port or 99_999
    assert told == f"the port of the connection lab is {port}; write a number up to 65535"


@pytest.mark.parametrize(
    ("host", "written", "secure"),
    [
        ("minio", {}, True),
        ("http://minio", {}, False),
        ("https://minio", {}, True),
        *[("minio", {"secure": value}, False) for value in (False, "false", "False", " NO ", "0", 0)],
        *[("minio", {"secure": value}, True) for value in (True, "true", "TRUE", "yes", "1", 1)],
        ("http://minio", {"secure": True}, True),
        ("https://minio", {"secure": "false"}, False),
    ],
)
def test_secure_as_a_truth_or_as_text(asks: Asks, host: str, written: dict[str, Any], secure: bool) -> None:
    assert asks.server(host=host, extra=written).secure is secure


@pytest.mark.parametrize("value", ["", "maybe", "off", 2, None, [], {"a": 1}])
def test_secure_that_is_neither_is_refused(asks: Asks, value: object) -> None:
    told = asks.refusal(host="minio", extra={"secure": value})
    assert told == "secure in the extra of the connection lab is neither true nor false; write true or false"


@pytest.mark.parametrize(
    ("value", "verify"),
    [(True, True), ("true", True), (False, False), ("False", False), ("no", False), (certifi.where(), certifi.where())],
)
def test_certificates_are_checked_unless_told_otherwise(asks: Asks, value: object, verify: bool | str) -> None:
    server, access = asks(host="minio", extra={"verify": value})
    assert (server.verify, access.verify) == (verify, verify)
    assert server.transport is not None
    assert server.transport.authorities == (None if verify is False else certifi.where())
    assert asks.server(host="minio").verify is None


@pytest.mark.parametrize("value", ["", 7, None])
def test_verify_that_is_nothing_is_refused(asks: Asks, value: object) -> None:
    told = asks.refusal(host="minio", extra={"verify": value})
    assert told == (
        "verify in the extra of the connection lab is neither true nor false; write true or false, or the path of a "
        "file of trusted authorities"
    )


@pytest.mark.parametrize(
    ("extra", "region"), [({}, "us-east-1"), ({"region": "lab-1"}, "lab-1"), ({"region": ""}, "us-east-1")]
)
def test_the_region(asks: Asks, extra: dict[str, str], region: str) -> None:
    server, access = asks(host="minio", extra=extra)
    assert (server.region, access.client.meta.region_name) == (region, region)


def test_a_region_that_is_none_is_refused(asks: Asks) -> None:
    told = asks.refusal(host="minio", extra={"region": "no region"})
    assert (
        told == "the region in the extra of the connection lab is not valid; remove it, or write one such as us-east-1"
    )


@pytest.mark.parametrize("key", ["sekure", "endpoint_url", "secret_key", "Secure", "verify "])
def test_an_unknown_extra_key_is_refused(asks: Asks, key: str) -> None:
    told = asks.refusal(host="minio", extra={"secure": False, key: SECRET})
    assert told == (f"the extra of the connection lab has an unknown key {key}; its keys are secure, region, verify")


@pytest.mark.parametrize("extra", ["[]", "7", '"text"', '["secure"]', "null", "{secure: false}", '{"secure": false'])
def test_an_extra_that_is_no_object_is_refused(asks: Asks, extra: str) -> None:
    assert "the extra of the connection lab is not a JSON object" in asks.refusal(host="minio", extra=extra)


@pytest.mark.parametrize("extra", ["[]", "7", '{"endpoint_url": "http://minio:9000"'])
def test_nor_is_one_of_type_aws(asks: Asks, extra: str) -> None:
    assert "the extra of the connection lab is not a JSON object" in asks.refusal(conn_type="aws", extra=extra)


def test_without_a_login_it_is_read_anonymously(asks: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret("of-somebody"))
    server, access = asks(host="minio", login=None, password=None)
    assert (server.key, access.credentials) == ("", None)
    assert access.address("bucket").credentials is None


def test_a_login_with_a_line_break_is_refused(asks: Asks) -> None:
    with pytest.raises(Misconfigured, match="of the connection holds a line break"):
        asks(host="minio", login="AKIATEST\n")


def test_a_login_with_odd_letters_is_taken_as_it_is(asks: Asks) -> None:
    odd = secret("minio", "%2F/+=ä")
    server, access = asks(host="minio", login="a/b+c=", password=odd)
    assert (server.key, server.secret) == ("a/b+c=", odd)
    assert access.credentials.get_frozen_credentials().secret_key == odd


def test_the_secret_stands_in_no_repr(asks: Asks) -> None:
    assert SECRET not in repr(asks(host="minio"))


# --- aws --------------------------------------------------------------------------------------------------------------


def test_a_connection_of_type_aws(asks: Asks) -> None:
    server, access = asks(
        conn_type="aws",
        extra={"endpoint_url": "http://localhost:9000", "region_name": "lab-1", "aws_session_token": SESSION_TOKEN},
    )
    assert (server.endpoint, server.secure, server.region) == ("localhost:9000", False, "lab-1")
    assert (server.key, server.secret, server.token) == ("AKIATEST", SECRET, SESSION_TOKEN)
    assert server.timeouts.stall == access.timeouts.stall == 7
    assert "endpoint_url" in server.fields.address
    assert SESSION_TOKEN not in repr(server)


@pytest.mark.parametrize(
    ("url", "endpoint_", "secure"),
    [
        ("https://minio.example.org", "minio.example.org", True),
        ("https://[2001:db8::7]:9000", "[2001:db8::7]:9000", True),
        ("http://10.0.0.1:9000", "10.0.0.1:9000", False),
    ],
)
def test_its_endpoint_url_says_host_port_and_tls(asks: Asks, url: str, endpoint_: str, secure: bool) -> None:
    server = asks.server(conn_type="aws", extra={"endpoint_url": url})
    assert (server.endpoint, server.secure) == (endpoint_, secure)


@pytest.mark.parametrize("url", ["minio:9000", "minio", "http://minio_1:9000", "http://"])
def test_its_endpoint_url_has_to_be_one(asks: Asks, url: str) -> None:
    assert asks.refusal(conn_type="aws", extra={"endpoint_url": url}) == (
        "endpoint_url is not an address in the extra of the connection lab; write one such as http://localhost:9000"
    )


def test_its_region_has_to_be_one(asks: Asks) -> None:
    assert asks.refusal(conn_type="aws", extra={"endpoint_url": "http://minio:9000", "region_name": "no region"}) == (
        "region_name is not a valid region in the extra of the connection lab; write one such as eu-central-1"
    )


def test_its_endpoint_may_be_that_of_the_service(asks: Asks) -> None:
    extra = {"service_config": {"s3": {"endpoint_url": "http://minio:9000"}}}
    assert asks.server(conn_type="aws", extra=extra).url == "http://minio:9000"


@pytest.mark.parametrize("verify", [False, certifi.where()])
def test_its_verify_is_that_of_both_clients(asks: Asks, verify: bool | str) -> None:
    server, access = asks(conn_type="aws", extra={"endpoint_url": "https://minio", "verify": verify})
    assert (server.verify, access.verify) == (verify, verify)
    assert asks.server(conn_type="aws", extra={"endpoint_url": "https://minio"}).verify is None


@pytest.mark.parametrize("extra", [{}, {"endpoint_url": ""}, {"region_name": "lab-1"}])
def test_without_an_endpoint_url_it_would_lead_to_amazon(asks: Asks, extra: dict[str, str]) -> None:
    assert asks.refusal(conn_type="aws", extra=extra) == (
        "the connection lab has no endpoint_url in its extra; write the address of the MinIO server there, such as "
        "http://localhost:9000"
    )


# --- neither ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["postgres", "ssh", "s3"])
def test_another_kind_is_refused(asks: Asks, kind: str) -> None:
    assert asks.refusal(conn_type=kind, host="minio") == (
        f"the connection lab is of type {kind}, and MinIO needs one of type generic or aws; change its type"
    )


def test_no_connection_at_all_is_told(configuration: Configuration) -> None:
    with pytest.raises(Refusal) as raised:
        endpoint(configuration)
    told = str(raised.value)
    assert told.startswith("there is no Airflow connection lab for MinIO; create it")
    assert told.endswith(f"or name another one as minio.connection in {configuration.file}")


def test_nothing_is_asked_yet(asks: Asks) -> None:
    """The host is nobody's: only the listing finds out."""
    asks(host="no-such-host.invalid", port=9)
