"""The catalogue in PostgreSQL, read in read-only transactions."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final, LiteralString

import psycopg
from psycopg import errors as pg

from .errors import CatalogueError, CatalogueRefused, CatalogueUnreachable, RecordUnusable
from .interface import CatalogueAddress, closest
from .raw_file import RawFile
from .rows import MOST_SIMILAR, can_be_id, missing, near_patterns, to_raw_file

__all__ = ["PostgresCatalogue", "connect", "open_catalogue"]

_GET: Final = (
    "SELECT id::text, project_id::text, s3_upload_path::text, backup_status::text, file_info::text"
    " FROM raw_file WHERE id = %s LIMIT 2"
)
_SIMILAR: Final = "SELECT id::text FROM raw_file WHERE id ILIKE %s OR id ILIKE %s OR id ILIKE %s LIMIT %s"
_HINT_SECONDS: Final = 3
"""The time limit of the query for similar ids."""
_DEFAULTS: Final[dict[str, str]] = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "tcp_user_timeout": "60000",
    "application_name": "downloader",
    "client_encoding": "UTF8",
}
_READ_ONLY: Final = "-c default_transaction_read_only=on -c statement_timeout=60s"
_OWN: Final = frozenset({"host", "port", "dbname", "user", "password"})
_PERMANENT: Final = re.compile(
    r"authentication|does not exist|pg_hba\.conf|permission denied|no password supplied|unsupported startup parameter"
    r"|certificate|invalid .*value|unrecognized configuration parameter|not permitted"
)
"""Texts of libpq for failures to connect that are permanent; there is no SQLSTATE before a connection is open."""
_USER_INFO: Final = re.compile(r"://[^/\s]*@")


def open_catalogue(address: CatalogueAddress) -> PostgresCatalogue:
    """The catalogue at `address`, connected. Raises CatalogueUnreachable, CatalogueRefused."""
    return PostgresCatalogue(address)


def connect(address: CatalogueAddress) -> psycopg.Connection[tuple[object, ...]]:
    """A connection whose transactions are read-only, both by its settings and by each transaction.

    Raises psycopg.Error, CatalogueRefused.
    """
    port = "" if address.port is None else str(address.port)
    own = {"host": address.host, "port": port, "dbname": address.database}
    own |= {"user": address.user, "password": address.password}
    parameters = _DEFAULTS | _options(address.options) | {key: value for key, value in own.items() if value}
    # The last of two equal settings counts, so these follow those of the connection.
    parameters["options"] = f"{parameters.get('options', '')} {_READ_ONLY}".strip()
    connection = psycopg.connect(**parameters, autocommit=True)  # type: ignore[arg-type]
    connection.read_only = True
    return connection


class PostgresCatalogue:
    """Holds one connection, and opens a new one if it broke since the last query."""

    def __init__(self, address: CatalogueAddress) -> None:
        """Connects. Raises CatalogueUnreachable, CatalogueRefused."""
        self._address = address
        self._lock = threading.Lock()
        self._held: psycopg.Connection[tuple[object, ...]] | None = None
        with self._lock:
            self._connection()

    def get(self, raw_file_id: str) -> RawFile | None:
        """The record, None if there is none. Raises CatalogueError."""
        if not can_be_id(raw_file_id):
            return None
        return to_raw_file(self._rows(_GET, (raw_file_id,)), raw_file_id)

    def similar(self, raw_file_id: str, limit: int) -> list[str]:
        """At most `limit` similar ids."""
        if not can_be_id(raw_file_id):
            return []
        rows = self._rows(_SIMILAR, (*near_patterns(raw_file_id), MOST_SIMILAR), _HINT_SECONDS)
        return closest(raw_file_id, (str(row[0]) for row in rows), limit)

    def close(self) -> None:
        """Ends the connection."""
        with self._lock:
            if self._held is not None:
                self._held.close()

    def _rows(self, query: LiteralString, values: tuple[object, ...], seconds: int = 0) -> list[tuple[object, ...]]:
        with self._lock:
            connection = self._connection()
            try:
                with connection.transaction():
                    if seconds:
                        connection.execute(f"SET LOCAL statement_timeout = '{seconds:d}s'")
                    return connection.execute(query, values).fetchall()
            except (psycopg.Error, UnicodeDecodeError) as error:
                problem = self._refusal(error)
            raise problem  # outside the handler: the driver's exception, with the password, must not be its context

    def _connection(self) -> psycopg.Connection[tuple[object, ...]]:
        if self._held is not None and not self._held.closed:
            return self._held
        try:
            self._held = connect(self._address)
            return self._held
        except psycopg.Error as error:
            problem = self._refusal(error)
        raise problem

    def _refusal(self, error: psycopg.Error | UnicodeDecodeError) -> CatalogueError:
        text = self._without_secrets(str(error))
        where = f"the catalogue in PostgreSQL ({self._where()})"
        if isinstance(error, pg.UndefinedTable | pg.UndefinedColumn):
            return missing(f"{self._where()}: {error.diag.message_primary}")
        if isinstance(error, UnicodeDecodeError | pg.CharacterNotInRepertoire | pg.UntranslatableCharacter):
            return RecordUnusable(f"a record of {where} holds text that is no UTF-8 ({text})")
        if isinstance(error, pg.InsufficientPrivilege):
            return CatalogueRefused(
                f"{where} may not be read ({text})", "grant the connection's user SELECT on raw_file"
            )
        if isinstance(error, psycopg.OperationalError) and not _PERMANENT.search(text):
            return CatalogueUnreachable(f"{where} does not answer ({text})")
        return CatalogueRefused(f"{where} refused ({text})")

    def _where(self) -> str:
        address = self._address
        return self._without_secrets(f"{address.host or 'localhost'}/{address.database}")

    def _without_secrets(self, text: str) -> str:
        """`text` without secrets, in case the server or the library repeats them."""
        secrets = [str(value) for key, value in self._address.options.items() if "password" in key.lower()]
        for secret in filter(None, (self._address.password, *secrets)):
            text = text.replace(secret, "***")
        return _USER_INFO.sub("://***@", text)


def _options(options: Mapping[str, object]) -> dict[str, str]:
    """Those options that libpq knows. The rest of a connection's extras is for others, unless it is misspelt."""
    known = {default.keyword.decode() for default in psycopg.pq.Conninfo.get_defaults()} - _OWN
    for key in options.keys() - known:
        near = get_close_matches(key, known, n=1, cutoff=0.85)
        if near:
            raise CatalogueRefused(
                f"the catalogue's connection has the extra {key!r}, which PostgreSQL does not know",
                f"write it {near[0]}",
            )
    return {key: str(value) for key, value in options.items() if key in known and value is not None}
