"""What .env says, in the form that Airflow takes: the connections, and the password of its page.

    python settings.py connections    JSON for `airflow connections import`
    python settings.py passwords      JSON for the passwords file of the simple auth manager

It runs in the image before anything else does, and needs nothing but Python.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

__all__ = ["Mistake", "connections", "passwords"]

Environment = Mapping[str, str]
Connection = dict[str, Any]

_FALSE: Final = ("false", "0", "no")
_TRUE: Final = ("true", "1", "yes")


class Mistake(Exception):
    """Something in .env cannot be meant: one sentence that says what to write. Never holds a secret."""


def connections(environ: Environment) -> dict[str, Connection | str]:
    """Connection id -> the connection, as a group of fields or a URI. What .env does not give is left out.

    What `AIRFLOW_CONN_<ID>` gives as a whole goes before what is made of single settings. Raises Mistake.
    """
    found = {name: _whole(environ, name) or make(environ) for name, make in _MADE.items()}
    return {name: connection for name, connection in found.items() if connection is not None}


def passwords(environ: Environment) -> dict[str, str]:
    """User -> password. Raises Mistake."""
    password = environ.get("AIRFLOW_ADMIN_PASSWORD")
    if not password:
        raise Mistake("AIRFLOW_ADMIN_PASSWORD is empty; write a password there")
    return {"admin": password}


def _whole(environ: Environment, name: str) -> Connection | str | None:
    variable = f"AIRFLOW_CONN_{name.upper()}"
    text = environ.get(variable, "").strip()
    if not text.startswith("{"):
        return text or None
    with suppress(ValueError):
        return dict(json.loads(text))
    raise Mistake(f"{variable} is not valid JSON; put all of it into single quotes, its texts into double")


def _aws(environ: Environment) -> Connection | None:
    keys = _both(environ, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    if keys is None:
        return None
    extra: dict[str, Any] = {}
    if region := environ.get("AWS_REGION"):
        extra["region_name"] = region
    if endpoint := environ.get("AWS_ENDPOINT_URL"):
        extra |= {"endpoint_url": endpoint, "config_kwargs": {"s3": {"addressing_style": "path"}}}
    return {"conn_type": "aws", **keys, "extra": extra}


def _raw_files(environ: Environment) -> Connection | None:
    if not environ.get("CATALOGUE_PASSWORD"):
        return None
    _, host, port = _address(environ, "CATALOGUE_ADDRESS")
    user = {"login": "downloader", "password": environ["CATALOGUE_PASSWORD"]}
    return {"conn_type": "postgres", "host": host, "port": port, "schema": "catalogue", **user}


def _minio(environ: Environment) -> Connection | None:
    keys = _both(environ, "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY")
    if keys is None:
        return None
    scheme, host, port = _address(environ, "MINIO_ENDPOINT")
    secure = _truth(environ, "MINIO_SECURE", unset=scheme != "http")
    return {"conn_type": "generic", "host": host, "port": port, **keys, "extra": {"secure": secure}}


def _drive(environ: Environment) -> Connection | None:
    key = environ.get("GOOGLE_DRIVE_API_KEY")
    return {"conn_type": "generic", "password": key} if key else None


def _slooh(environ: Environment) -> Connection | None:
    keys = _both(environ, "SLOOH_LOGIN", "SLOOH_PASSWORD")
    return None if keys is None else {"conn_type": "generic", **keys}


_MADE: Final[Mapping[str, Callable[[Environment], Connection | None]]] = {
    "aws_default": _aws,
    "raw_files": _raw_files,
    "minio_default": _minio,
    "google_drive_default": _drive,
    "slooh_default": _slooh,
}


def _both(environ: Environment, login: str, password: str) -> Connection | None:
    """The two, or None where neither is given."""
    given = [name for name in (login, password) if environ.get(name)]
    if len(given) == 1:
        lacking = password if given == [login] else login
        raise Mistake(f"{given[0]} is set and {lacking} is empty; write both, or leave both empty")
    return {"login": environ[login], "password": environ[password]} if given else None


def _address(environ: Environment, name: str) -> tuple[str, str, int | None]:
    """The scheme (or ''), the host and the port (or None) of ``host:port`` or an address."""
    text = environ.get(name, "").strip()
    scheme, _, rest = text.rpartition("://")
    try:
        parts = urlsplit(f"//{rest.rstrip('/')}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if not host or parts.path or parts.query or "@" in rest or scheme not in ("", "http", "https"):
        raise Mistake(f"{name} is not the address of a server; write its name and port, such as minio.example.org:9000")
    return scheme, host, port


def _truth(environ: Environment, name: str, *, unset: bool) -> bool:
    text = environ.get(name, "").strip().lower()
    if text and text not in _TRUE + _FALSE:
        raise Mistake(f"{name} is neither true nor false; correct it")
    return text in _TRUE if text else unset


_ANSWERS: Final[Mapping[str, Callable[[Environment], object]]] = {"connections": connections, "passwords": passwords}


def main() -> int:
    """The exit code: 2 for a mistake."""
    try:
        json.dump(_ANSWERS[sys.argv[1]](os.environ), sys.stdout)
    except Mistake as mistake:
        print(f"Mistake in .env: {mistake}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
