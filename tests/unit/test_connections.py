from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from botocore.exceptions import ClientError, CredentialRetrievalError

from downloader.catalogue import CatalogueRefused
from downloader.errors import AccessDenied, Misconfigured, NetworkError, ServerBusy
from downloader_tasks.failures import Refusal
from downloader_tasks.settings import connections
from downloader_tasks.settings.configuration import Configuration, load
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.secrets import secret
from support.catalogues import MongoDatabase

ROLE = "arn:aws:iam::123456789012:role/lab"


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    file = tmp_path / "config.yaml"
    file.write_text("s3: {region: eu-west-3}\ntransfer: {stall_seconds: 7}\n")
    return load({"DOWNLOADER_CONFIG": str(file)})


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was kept out of the logs, besides what Airflow keeps out itself."""
    found: list[str] = []
    monkeypatch.setattr("airflow.sdk.log.mask_secret", found.append)
    return found


def connect(monkeypatch: pytest.MonkeyPatch, **extra: Any) -> None:
    connection = {"conn_type": "aws", "login": "AKIATEST", "password": secret("aws"), "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))


@pytest.mark.parametrize(("extra", "region"), [({}, "eu-west-3"), ({"region_name": "us-east-2"}, "us-east-2")])
def test_the_connections_region_goes_before_the_configurations(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch, extra: dict[str, str], region: str
) -> None:
    connect(monkeypatch, **extra)
    access = connections.s3_access(configuration)
    assert access.client.meta.region_name == region
    assert access.client.meta.endpoint_url == f"https://s3.{region}.amazonaws.com"
    assert access.address("bucket").region == region


def test_endpoint_addressing_certificates_and_payer_are_the_connections(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(
        monkeypatch,
        endpoint_url="http://127.0.0.1:9000",
        config_kwargs={"s3": {"addressing_style": "path"}},
        verify="/etc/lab.pem",
        requester_pays=True,
    )
    access = connections.s3_access(configuration)
    assert access.address("bucket").url == "http://127.0.0.1:9000/bucket"
    assert (access.verify, access.requester_pays) == ("/etc/lab.pem", True)
    assert access.timeouts.stall == 7
    assert access.client.meta.config.retries["total_max_attempts"] == 1


def test_what_the_environment_gives_is_masked_too(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch, masked: list[str]
) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"):
        monkeypatch.setenv(f"AWS_{name}", secret(f"environment-{name}"))
    access = connections.s3_access(configuration)
    assert access.credentials.secret_key == secret("environment-SECRET_ACCESS_KEY")
    assert masked == [secret("environment-SECRET_ACCESS_KEY"), secret("environment-SESSION_TOKEN")]


def test_without_any_credentials_there_is_nothing_to_mask(configuration: Configuration, masked: list[str]) -> None:
    assert connections.s3_access(configuration).credentials is None
    assert masked == []


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        (
            {"endpoint_url": "localhost:9000"},
            "endpoint_url is not an address in the extra of the connection aws_default",
        ),
        ({"region_name": "eu central"}, "region_name is not a valid region in the extra of the connection"),
        (
            {"profile_name": "nobodys"},
            "profile_name is not a profile of this machine in the extra of the connection aws_d",
        ),
        ({"endpoint_url": 5}, "endpoint_url is not an address in the extra of the connection aws_default; write one"),
        ({"endpoint_url": "s3://bucket"}, "endpoint_url is not an address"),
        ({"endpoint_url": "http://minio:99999"}, "endpoint_url is not an address"),
        ({"region_name": 5}, "there is something that cannot be used (TypeError) in the extra of the connection aws_d"),
        ({"config_kwargs": "s3"}, "config_kwargs in the extra of the connection aws_default is not a JSON object"),
        (
            {"config_kwargs": {"s3": "path"}},
            "config_kwargs.s3 in the extra of the connection aws_default is not a JSON",
        ),
        ({"config_kwargs": {"proxies": "http://p:1"}}, "config_kwargs.proxies in the extra of the connection aws_defa"),
        ({"config_kwargs": {"read_timeout": "soon"}}, "config_kwargs.read_timeout in the extra of the connection aws_"),
        ({"config_kwargs": {"connect_timeout": True}}, "aws_default is not a number; write one such as 10"),
        ({"config_kwargs": {"client_cert": ["a", "b", "c"]}}, "aws_default is not a pair of files; write the paths of"),
        ({"config_kwargs": {"nonsense": 1}}, "config_kwargs in the extra of the connection aws_default cannot be used"),
        ({"config_kwargs": {"s3": {"addressing_style": "Path"}}}, "cannot be used (InvalidS3AddressingStyleError); wr"),
    ],
)
def test_a_connection_that_cannot_be_used_is_refused_in_a_sentence(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any], sentence: str
) -> None:
    connect(monkeypatch, **extra)
    with pytest.raises(Refusal) as caught:
        connections.s3_access(configuration)
    assert sentence in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("extra", ['{"endpoint_url": "http://minio:9000"', "[]", "7", "null", "{'verify': false}"])
def test_an_extra_that_is_no_object_is_not_taken_for_an_empty_one(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch, extra: str
) -> None:
    """Without its endpoint_url, the credentials would go to Amazon."""
    connection = {"conn_type": "aws", "login": "AKIATEST", "password": secret("aws"), "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    with pytest.raises(Refusal, match="the extra of the connection aws_default is not a JSON object"):
        connections.s3_access(configuration)


@pytest.mark.parametrize(
    ("login", "extra", "shown"),
    [
        ("AKIATEST\n", {}, "the access key (the login)"),
        ("AKIATEST", {"aws_session_token": f"{secret('aws-session')}\r\n"}, "the session token"),
    ],
)
def test_credentials_that_no_header_can_hold_are_refused(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch, login: str, extra: dict[str, str], shown: str
) -> None:
    connection = {"conn_type": "aws", "login": login, "password": secret("aws"), "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    with pytest.raises(Misconfigured) as caught:
        connections.s3_access(configuration)
    assert caught.value.what.startswith(f"{shown} of the connection holds a line break")


def test_numbers_of_a_connection_may_be_texts(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"connect_timeout": "7", "read_timeout": "2.5", "max_pool_connections": "9"}
    connect(monkeypatch, config_kwargs={**settings, "retries": {"total_max_attempts": "3"}})
    config = connections.s3_access(configuration).client.meta.config
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (7, 2.5, 9)
    assert config.retries["total_max_attempts"] == 3


def test_a_role_that_cannot_be_asked_for_is_told(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, role_arn=ROLE, service_config={"sts": {"endpoint_url": "http://127.0.0.1:1"}})
    with pytest.raises(NetworkError, match="AWS could not be asked for the role of the connection aws_default"):
        connections.s3_access(configuration)


def test_a_role_that_is_refused_is_told(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch, rclone: S3Server
) -> None:
    connect(monkeypatch, role_arn=ROLE, service_config={"sts": {"endpoint_url": rclone.url}})
    with pytest.raises(AccessDenied, match="AWS gave the connection aws_default no credentials for its role"):
        connections.s3_access(configuration)


def answered(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "AssumeRole")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answered("Throttling", 400), ServerBusy),
        (answered("", 503), ServerBusy),
        (CredentialRetrievalError(provider="a process", error_msg="it ended"), NetworkError),
        (OSError(errno.EMFILE, "Too many open files"), OSError),
        (RuntimeError("Airflow does not answer"), RuntimeError),
    ],
)
def test_what_may_pass_is_not_laid_to_the_connection(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[Exception]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    connect(monkeypatch)
    monkeypatch.setattr(S3Hook, "get_session", fail)
    with pytest.raises(kind) as caught:
        connections.s3_access(configuration)
    assert getattr(caught.value, "retryable", True)


def test_the_catalogues_connection_has_to_be_there(configuration: Configuration) -> None:
    refused = pytest.raises(CatalogueRefused, match="there is no Airflow connection raw_files")
    with refused as raised, connections.catalogue(configuration):
        pass
    assert f"or name another as s3.catalogue in {configuration.file}" in str(raised.value)


@pytest.mark.parametrize("form", ["sqlite:///{path}", '{{"conn_type": "sqlite", "host": "{path}"}}'])
def test_both_ways_to_write_a_sqlite_connection_are_understood(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str
) -> None:
    (tmp_path / "catalogue.db").write_bytes(b"")
    monkeypatch.setenv("AIRFLOW_CONN_RAW_FILES", form.format(path=tmp_path / "catalogue.db"))
    with connections.catalogue(configuration) as catalogue:
        assert catalogue is not None


@pytest.mark.parametrize(
    "written",
    [
        "mongo://reader:{password}@127.0.0.1:{port}/krakendb?serverSelectionTimeoutMS=500&ssl=false",
        "mongodb://reader:{password}@127.0.0.1:{port}/krakendb",
        """{{"conn_type": "mongo", "host": "127.0.0.1:{port}", "login": "reader", "password": "{password}",
        "schema": "krakendb", "extra": {{"srv": false, "ssl": null, "allow_insecure": false}}}}""",
        """{{"conn_type": "mongo", "host": "127.0.0.1", "port": {port}, "login": "reader", "password": "{password}",
        "extra": {{"authSource": "krakendb"}}}}""",
    ],
)
def test_each_way_to_write_a_connection_to_mongodb_is_understood(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch, mongo: MongoDatabase, written: str
) -> None:
    mongo.insert("sample", {})
    connection = written.format(port=mongo.server.port, password=mongo.address.password)
    monkeypatch.setenv("AIRFLOW_CONN_RAW_FILES", connection)
    with connections.catalogue(configuration) as catalogue:
        assert catalogue.get("sample") is not None


def test_the_names_in_mongodb_are_those_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch, mongo: MongoDatabase
) -> None:
    mongo.server.insert("lab.files", {"_id": 1, "name": "sample", "study": "P1", "state": "upload_done"})
    names = {"database": "lab", "collection": "files", "id": "name", "project_id": "study", "backup_status": "state"}
    configuration = Configuration.model_validate({"mongo": names})
    uri = f"mongo://reader:{mongo.address.password}@127.0.0.1:{mongo.server.port}/krakendb"
    monkeypatch.setenv("AIRFLOW_CONN_RAW_FILES", uri)
    with connections.catalogue(configuration) as catalogue:
        assert catalogue.ids_of_project("P1", 5) == ["sample"]
