"""Airflow connections, in the engine's terms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from downloader.catalogue import Catalogue, CatalogueAddress, CatalogueRefused, DocumentNames, open_catalogue

from ..failures import NotSetUp, Refusal
from .aws_errors import aws_error, of_aws
from .configuration import Configuration

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from downloader.sources.s3 import S3Access

__all__ = [
    "address_of",
    "authority",
    "aws_access",
    "catalogue",
    "catalogue_address",
    "extra_of",
    "find_connection",
    "holds_aws_credentials",
    "refuse_switched_off",
    "s3_access",
    "truth",
]

_HOST: Final = re.compile(
    r"(?P<host>\[(?P<ipv6>[0-9a-f:.]+)\]|((?!-)[a-z0-9_-]{1,63}(?<!-)\.)*(?!-)[a-z0-9_-]{1,63}(?<!-))"
    r"(:(?P<port>[0-9]{1,5}))?"
)
_FALSE: Final = ("false", "0", "no")
_TRUE: Final = ("true", "1", "yes")
_TRUTHS: Final = frozenset(
    {
        "disable_request_compression",
        "ignore_configured_endpoint_urls",
        "inject_host_prefix",
        "parameter_validation",
        "payload_signing_enabled",
        "proxy_use_forwarding_for_https",
        "s3_disable_express_session_auth",
        "tcp_keepalive",
        "use_accelerate_endpoint",
        "use_dualstack_endpoint",
        "use_fips_endpoint",
    }
)
"""Settings of boto3's Config, and of its parts, that are true or false."""
_NUMBERS: Final = frozenset(
    {"connect_timeout", "max_attempts", "max_pool_connections", "read_timeout", "total_max_attempts"}
)
_OBJECTS: Final = frozenset({"proxies", "proxies_config", "retries", "s3"})
_MOST_NUMBER: Final = 1_000_000
_PAIRS: Final = frozenset({"client_cert", "proxy_client_cert"})
"""Settings that are a pair of files: a certificate and its key."""


def find_connection(connection_id: str) -> Connection | None:
    """The connection; None where there is no such one."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        return None


def address_of(host: str) -> tuple[str, str, int] | None:
    """Scheme, name and port of ``https://name:port/``, as people write it into the field of the host.

    Scheme ``""`` and port 0 where there is none; an IPv6 address comes in brackets. None for anything else.
    """
    scheme, _, rest = host.strip().lower().rpartition("://")
    rest = rest.removesuffix("/")
    bare = rest.count(":") > 1 and not rest.startswith("[")
    parts = _HOST.fullmatch(f"[{rest}]" if bare else rest)
    if parts is None or scheme not in ("", "http", "https"):
        return None
    try:
        IPv6Address(parts["ipv6"] or "::")
    except ValueError:
        return None
    return scheme, parts["host"], int(parts["port"] or 0)


def refuse_switched_off(configuration: Configuration) -> None:
    """Raises Refusal where nothing is to be restored from S3."""
    if not configuration.s3.enabled:
        raise NotSetUp(f"restoring from S3 is switched off; set s3.enabled to true in {configuration.file}")


def extra_of(connection: Connection) -> dict[str, Any]:
    """The extra of a connection. Airflow takes one that is no JSON for an empty one.

    Raises Refusal where it is not a JSON object.
    """
    try:
        written: object = json.loads(connection.extra or "{}")
    except ValueError:
        written = None
    if isinstance(written, dict):
        return connection.extra_dejson
    raise Refusal(
        f"the extra of the connection {connection.conn_id} is not a JSON object; write one such as "
        '{"verify": true}, or leave it empty'
    )


def truth(key: str, value: object, connection_id: str, otherwise: str = "") -> bool:
    """A field of a connection's extra that is true or false: a connection written as a URI holds texts alone.

    `key`: its name, for the Refusal of anything else. `otherwise`: what else it may be.
    """
    text = str(value).strip().lower()
    if text not in _TRUE + _FALSE:
        raise Refusal(
            f"{key} in the extra of the connection {connection_id} is neither true nor false; write true or false"
            + otherwise
        )
    return text in _TRUE


def authority(key: str, value: object, connection_id: str) -> bool | str:
    """As `truth`, of a field that may also be the path of a file of trusted authorities."""
    if isinstance(value, str) and value.strip() and value.strip().lower() not in _TRUE + _FALSE:
        return value.strip()
    return truth(key, value, connection_id, ", or the path of a file of trusted authorities")


def catalogue_address(configuration: Configuration) -> CatalogueAddress:
    """Where the catalogue of raw files is.

    Raises CatalogueRefused where there is no such connection, Refusal where its extra cannot be used.
    """
    connection_id = configuration.s3.catalogue
    connection = find_connection(connection_id)
    if connection is None:
        raise CatalogueRefused(
            f"there is no Airflow connection {connection_id}, which leads to the catalogue of raw files",
            f"make it (Admin, Connections), or name another as s3.catalogue in {configuration.file}",
        )
    return _catalogue_address(connection, configuration)


@contextmanager
def catalogue(configuration: Configuration) -> Iterator[Catalogue]:
    """The catalogue of raw files, open. Raises CatalogueError."""
    with closing(open_catalogue(catalogue_address(configuration))) as opened:
        yield opened


def s3_access(configuration: Configuration) -> S3Access:
    """What the AWS connection says of credentials, region, endpoint and addressing, renewed while a restore runs.

    Where there is no such connection, boto3's own rules find credentials: environment, profile, the machine's role.
    """
    return aws_access(configuration.s3.connection, configuration.s3.region, configuration.transfer.stall_seconds)


def aws_access(connection_id: str, region: str, stall: float, endpoint_url: str = "") -> S3Access:
    """What an AWS connection says. `region`: where it names none. `stall`: seconds without a byte.

    `endpoint_url`: of another server than the connection's.

    Raises Refusal where the connection's fields cannot be used, and a DownloadError where a role is not to be had.
    """
    try:
        return _aws_access(connection_id, region, stall, endpoint_url)
    except of_aws() as error:
        problem = aws_error(error, connection_id)
    raise problem


def holds_aws_credentials(connection_id: str) -> bool:
    """Whether an AWS connection holds keys itself, so that no role, profile or machine is asked for them.

    Asks nobody. Raises Refusal where the connection's fields cannot be used.
    """
    try:
        settings = _aws_hook(connection_id)[0].conn_config
        held = bool(settings.aws_access_key_id and settings.aws_secret_access_key)
        return held and not (settings.role_arn or settings.profile_name)
    except of_aws() as error:
        problem = aws_error(error, connection_id)
    raise problem


def _aws_access(connection_id: str, region: str, stall: float, endpoint_url: str) -> S3Access:
    from downloader.source import Timeouts
    from downloader.sources.s3 import S3Access, client_config

    hook, verify, payer = _aws_hook(connection_id)
    timeouts = Timeouts(stall=stall)
    region = hook.conn_config.region_name or region
    session = hook.get_session(region_name=region)
    client = session.client(
        "s3",
        endpoint_url=endpoint_url or hook.conn_config.get_service_endpoint_url("s3"),
        config=client_config(timeouts).merge(hook.config),
        verify=verify,
    )
    credentials = session.get_credentials()
    _mask(credentials)
    access = S3Access(client, credentials, verify, payer, timeouts)
    access.transport()  # what cannot be used is refused before anything is asked
    return access


def _aws_hook(connection_id: str) -> tuple[Any, bool | str | None, bool]:
    """Airflow's hook, what it verifies servers by, and whether the requester pays. Asks nobody for credentials."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    connection = find_connection(connection_id)
    extra = extra_of(connection) if connection else {}
    _refuse_endpoint(extra.get("endpoint_url"), connection_id)
    verify = authority("verify", extra["verify"], connection_id) if extra.get("verify") is not None else None
    payer = "requester_pays" in extra and truth("requester_pays", extra["requester_pays"], connection_id)
    return (
        S3Hook(aws_conn_id=connection_id, verify=verify, config=_client_settings(extra, connection_id)),
        verify,
        payer,
    )


def _client_settings(extra: Mapping[str, Any], connection_id: str) -> Any:
    """The extra's `config_kwargs`, as boto3 takes it: it takes texts for what they are not.

    None where there is none. What the connection says of no kind is left to boto3.
    """
    from botocore import UNSIGNED
    from botocore.config import Config

    written = extra.get("config_kwargs")
    if not written:
        return None
    if not isinstance(written, Mapping):
        raise Refusal(f"config_kwargs in the extra of the connection {connection_id} {_NO_OBJECT}")
    settings = _as_taken(written, "config_kwargs", connection_id)
    if settings.get("signature_version") == "unsigned":
        settings["signature_version"] = UNSIGNED
    try:
        return Config(**settings)
    except of_aws() as error:
        problem = Refusal(
            f"config_kwargs in the extra of the connection {connection_id} cannot be used ({type(error).__name__}); "
            "write its keys and values as the reference of botocore's Config describes them"
        )
    raise problem


_NO_OBJECT: Final = "is not a JSON object ({...}); write one there, without quotes around it"


def _refuse_endpoint(url: object, connection_id: str) -> None:
    """Raises Refusal for what boto3 takes for an address, and fails on later."""
    if url is None or url == "":  # boto3 refuses the empty one
        return
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        usable = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)
        usable = usable and parts is not None and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise Refusal(
            f"endpoint_url is not an address in the extra of the connection {connection_id}; write one such as "
            "http://localhost:9000"
        )


def _as_taken(written: Mapping[str, Any], path: str, connection_id: str) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for key, value in written.items():
        name = f"{path}.{key}"
        if isinstance(value, Mapping):
            read[key] = _as_taken(value, name, connection_id)
        elif key in _OBJECTS and value is not None:
            raise Refusal(f"{name} in the extra of the connection {connection_id} {_NO_OBJECT}")
        elif key in _TRUTHS and value is not None:
            read[key] = truth(name, value, connection_id)
        elif key in _NUMBERS and value is not None:
            read[key] = _number(name, value, connection_id)
        elif key in _PAIRS and isinstance(value, list):
            read[key] = _pair(name, value, connection_id)
        else:
            read[key] = value
    return read


def _number(name: str, value: object, connection_id: str) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if not 0 <= number < _MOST_NUMBER:
        raise Refusal(f"{name} in the extra of the connection {connection_id} is not a number; write one such as 10")
    return int(number) if number.is_integer() else number


def _pair(name: str, value: list[Any], connection_id: str) -> tuple[str, str]:
    if len(value) == 2 and all(isinstance(one, str) for one in value):
        return value[0], value[1]
    raise Refusal(
        f"{name} in the extra of the connection {connection_id} is not a pair of files; write the paths of a "
        "certificate and of its key"
    )


def _catalogue_address(connection: Connection, configuration: Configuration) -> CatalogueAddress:
    return CatalogueAddress(
        kind=connection.conn_type or "",
        host=connection.host or "",
        port=connection.port,
        database=connection.schema or "",
        user=connection.login or "",
        password=connection.password or "",
        options=extra_of(connection),
        names=DocumentNames(**configuration.mongo.model_dump()),
    )


def _mask(credentials: Any) -> None:
    """Keeps what a role or the environment gave out of the logs. Airflow knows only what the connection holds."""
    from airflow.sdk.log import mask_secret

    held = {} if credentials is None else vars(credentials)
    for name in ("secret_key", "token", "_secret_key", "_token"):
        if isinstance(held.get(name), str) and held[name]:
            mask_secret(held[name])
