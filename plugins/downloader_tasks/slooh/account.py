"""The connection to Slooh, as the engine wants it."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, urlsplit

from airflow.sdk import Connection

from downloader.sources.slooh import Account

from ..failures import Refusal
from ..settings import Configuration, found

__all__ = ["account_of"]

_HOST: Final = "app.slooh.com"
_SCHEMES: Final = ("http", "https")


def account_of(configuration: Configuration) -> Account:
    """Whose pictures, and where. Raises Refusal in one sentence that names the connection's field.

    The host of the connection is a name or an address, and Slooh's own where it is empty.
    """
    connection_id = configuration.slooh.connection
    connection = found(connection_id)
    if connection is None:
        raise Refusal(
            f"there is no Airflow connection {connection_id}, which holds the login at Slooh; make it (Admin, "
            "Connections; type HTTP: login, password; the host may stay empty), or name another as slooh.connection in "
            f"{configuration.file}"
        )
    username, password = (connection.login or "").strip(), connection.password or ""
    if not (username and password):
        missing = "password" if username else "login"
        raise Refusal(
            f"the connection {connection_id} has no {missing}; fill in the login and the password of Slooh's site"
        )
    return Account(_base_url(connection), username, password, connection_id)


def _base_url(connection: Connection) -> str:
    """``https://app.slooh.com``: scheme, host, and port where there is one."""
    host = (connection.host or "").strip() or _HOST
    scheme, _, rest = host.rpartition("://")
    scheme = (scheme or (connection.schema or "").strip() or "https").lower()
    parts = _split(rest.rstrip("/"))
    if parts is None or scheme not in _SCHEMES:
        raise Refusal(
            f"the host of the connection {connection.conn_id} is no server's name; write one such as {_HOST} there, or "
            "leave it empty (the schema is https or http, or empty too)"
        )
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = connection.port or parts.port
    return f"{scheme}://{name}:{port}" if port else f"{scheme}://{name}"


def _split(rest: str) -> SplitResult | None:
    """The parts of ``host:port``; None where it is anything else."""
    try:
        parts = urlsplit(f"//{rest}")
        whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    plain = not (parts.path or parts.query or parts.fragment or "@" in rest or " " in rest)
    return parts if whole and plain else None
