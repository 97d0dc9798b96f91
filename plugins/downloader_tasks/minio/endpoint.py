"""The connection to a MinIO server, in the engine's terms.

Two kinds of connection are understood: ``generic`` (host, port, login, password, and the extra keys `secure`, `region`
and `verify`), and ``aws``, whose extra `endpoint_url` is the server: all that Airflow's Amazon provider knows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from airflow.sdk import Connection

from ..failures import NotSetUp, Refusal
from ..settings import Configuration, address_of, authority, aws_access, aws_error, extra_of, find_connection, truth
from ..wording import one_line

if TYPE_CHECKING:
    from downloader.sources.s3 import S3Access
    from downloader.sources.s3.minio import MinioServer

__all__ = ["endpoint"]

_REGION: Final = "us-east-1"
_KNOWN: Final = ("secure", "region", "verify")
_LAST_PORT: Final = 65_535


def endpoint(configuration: Configuration) -> tuple[MinioServer, S3Access]:
    """The server, and the way of S3 to it. Raises Refusal in one sentence that names the connection's field."""
    connection_id = configuration.minio.connection
    connection = find_connection(connection_id)
    if connection is None:
        raise NotSetUp(
            f"there is no Airflow connection {connection_id} for MinIO; create it (Admin, Connections; type generic: "
            f"host, port, login, password), or name another one as minio.connection in {configuration.file}"
        )
    if connection.conn_type == "aws":
        return _of_aws(connection, configuration)
    if connection.conn_type in ("generic", "http", "", None):
        return _of_generic(connection, configuration)
    raise Refusal(
        f"the connection {connection_id} is of type {connection.conn_type}, and MinIO needs one of type generic or "
        "aws; change its type"
    )


def _of_generic(connection: Connection, configuration: Configuration) -> tuple[MinioServer, S3Access]:
    from botocore.exceptions import ProfileNotFound

    from downloader.errors import DownloadError
    from downloader.source import Timeouts
    from downloader.sources.s3.minio import MinioServer

    extra = _extra(connection)
    host, secure = _address(connection, extra)
    server = MinioServer(
        endpoint=host,
        key=connection.login or "",
        secret=connection.password or "",
        secure=secure,
        region=str(extra.get("region") or _REGION),
        verify=authority("verify", extra["verify"], connection.conn_id) if "verify" in extra else None,
        timeouts=Timeouts(stall=configuration.transfer.stall_seconds),
    )
    problem: Refusal | DownloadError
    try:
        access = server.access()
    except ProfileNotFound as error:  # boto3 reads AWS_PROFILE, though nothing of it is used
        problem = aws_error(error, connection.conn_id)
    except ValueError:  # the client's; the host has been checked
        problem = Refusal(
            f"the region in the extra of the connection {connection.conn_id} is not valid; remove it, or write one "
            f"such as {_REGION}"
        )
    else:
        return replace(server, transport=access.transport()), access
    raise problem


def _extra(connection: Connection) -> dict[str, Any]:
    extra = extra_of(connection)
    unknown = sorted(set(extra) - set(_KNOWN))
    if unknown:
        raise Refusal(
            f"the extra of the connection {connection.conn_id} has an unknown key {one_line(unknown[0])}; its keys are "
            f"{', '.join(_KNOWN)}"
        )
    return extra


def _address(connection: Connection, extra: dict[str, Any]) -> tuple[str, bool]:
    """``host:port``, and whether TLS is spoken there: as `secure` says, else as an address with a scheme does."""
    address = address_of(connection.host or "")
    if address is None or "_" in address[1]:  # one of the two clients refuses an underscore, though resolvers may not
        raise Refusal(
            f"the host of the connection {connection.conn_id} is not the name of a server; write one such as "
            "minio.example.org there, and the port into its own field"
        )
    scheme, host, port = *address[:2], connection.port or address[2]
    if not 0 <= port <= _LAST_PORT:
        raise Refusal(f"the port of the connection {connection.conn_id} is {port}; write a number up to {_LAST_PORT}")
    secure = truth("secure", extra.get("secure", scheme != "http"), connection.conn_id)
    return (f"{host}:{port}" if port else host), secure


def _of_aws(connection: Connection, configuration: Configuration) -> tuple[MinioServer, S3Access]:
    from downloader.sources.s3 import AWS_FIELDS
    from downloader.sources.s3.minio import MinioServer

    access = _aws_access(connection, configuration)
    url = urlsplit(access.client.meta.endpoint_url)
    held = access.credentials.get_frozen_credentials() if access.credentials else None
    server = MinioServer(
        endpoint=url.netloc.rpartition("@")[2],
        key=held.access_key if held else "",
        secret=held.secret_key if held else "",
        token=(held.token or None) if held else None,
        secure=url.scheme == "https",
        region=access.client.meta.region_name or _REGION,
        verify=access.verify,
        timeouts=access.timeouts,
        fields=AWS_FIELDS,
        transport=access.transport(),
    )
    return server, access


def _aws_access(connection: Connection, configuration: Configuration) -> S3Access:
    named = extra_of(connection).get("endpoint_url")
    access = None
    if named != "":  # boto3 takes an empty one for a bad one
        access = aws_access(configuration.minio.connection, _REGION, configuration.transfer.stall_seconds)
    if access is None or (not named and ".amazonaws.com" in access.client.meta.endpoint_url):
        raise Refusal(
            f"the connection {connection.conn_id} has no endpoint_url in its extra; write the address of the MinIO "
            "server there, such as http://localhost:9000"
        )
    return access
