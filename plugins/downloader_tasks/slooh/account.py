"""The connection to Slooh, in the engine's terms."""

from __future__ import annotations

from typing import Final

from airflow.sdk import Connection

from downloader.sources.slooh import Account

from ..failures import NotSetUp, Refusal
from ..settings import Configuration, address_of, find_connection

__all__ = ["account_of"]

_HOST: Final = "app.slooh.com"
_SCHEMES: Final = ("http", "https")
_LAST_PORT: Final = 65_535


def account_of(configuration: Configuration) -> Account:
    """Whose pictures, and where. Raises Refusal in one sentence that names the connection's field.

    The host of the connection is a name or an address, and Slooh's own where it is empty.
    """
    connection_id = configuration.slooh.connection
    connection = find_connection(connection_id)
    if connection is None:
        raise NotSetUp(
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
    address = address_of((connection.host or "").strip() or _HOST)
    scheme = ((address[0] if address else "") or (connection.schema or "").strip() or "https").lower()
    if address is None or address[2] > _LAST_PORT or scheme not in _SCHEMES:
        raise Refusal(
            f"the host of the connection {connection.conn_id} is not a server name; write one such as {_HOST}, or "
            "leave it empty (the schema is https, http or empty)"
        )
    port = connection.port or address[2]
    return f"{scheme}://{address[1]}:{port}" if port else f"{scheme}://{address[1]}"
