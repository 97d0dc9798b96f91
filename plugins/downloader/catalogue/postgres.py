"""The catalogue in PostgreSQL, read in read-only transactions.

A pooler (PgBouncer, pgcat, Odyssey, RDS Proxy) may stand before it, and give each transaction another connection to the
server. So nothing is prepared, no startup option is sent, and what is set is set for its own transaction.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Final, LiteralString, NamedTuple

import psycopg
from psycopg import errors as pg

from .errors import CatalogueError, CatalogueRefused, CatalogueUnreachable, RecordUnusable
from .interface import CatalogueAddress, closest
from .raw_file import BACKED_UP, RawFile
from .rows import MOST_SIMILAR, can_be_id, ids_of, missing, near_patterns, to_raw_file

__all__ = ["PostgresCatalogue", "connect", "open_catalogue"]

_GET: Final = (
    "SELECT id::text, project_id::text, s3_upload_path::text, backup_status::text, file_info::text"
    " FROM raw_file WHERE id = %s LIMIT 2"
)
_SIMILAR: Final = "SELECT id::text FROM raw_file WHERE id ILIKE %s OR id ILIKE %s OR id ILIKE %s LIMIT %s"
_OF_PROJECT: Final = (
    "SELECT id::text FROM raw_file WHERE project_id = %s AND backup_status = %s ORDER BY raw_file.id LIMIT %s"
)
_IDS: Final = (
    "SELECT id::text FROM raw_file WHERE (%s::text IS NULL OR id > %s) AND (%s::text IS NULL OR project_id = %s)"
    " ORDER BY raw_file.id LIMIT %s"
)
_TIME_LIMIT: Final = "60s"
_HINT_TIME_LIMIT: Final = "3s"
"""Of the query for similar ids."""
_LIMIT_TIME: Final = "SELECT set_config('statement_timeout', %s, true)"
"""Until the end of the transaction, as SET LOCAL does."""
_LONG: Final = 2**20
"""Characters of a `file_info` after which the connection is given up: its buffer stays as large as its largest row."""
_PATIENCE_SECONDS: Final = 200.0
"""Longer than PgBouncer lets a client wait (120 s) and a query may run. Other poolers may let it wait for ever."""
_DEFAULTS: Final[dict[str, str]] = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "tcp_user_timeout": "60000",
    "application_name": "downloader",
    "client_encoding": "UTF8",
}
_SWITCHES: Final = frozenset({"gssdelegation", "keepalives", "sslcompression", "sslsni"})
_SWITCH: Final = {"1": "1", "true": "1", "yes": "1", "0": "0", "false": "0", "no": "0"}
_OWN: Final = frozenset({"host", "port", "dbname", "user", "password"})


class _Refusal(NamedTuple):
    """The error for texts of libpq, of servers and of poolers. `what` and `advice` are formats."""

    pattern: re.Pattern[str]
    error: type[CatalogueError]
    what: str
    advice: str | None = None


_REFUSALS: Final = (
    _Refusal(
        re.compile(
            r"unsupported startup parameter(?: in options)?:? *(?P<name>\w*)"
            r"|support command-line options|support the option"
        ),
        CatalogueRefused,
        "{where} refused a setting of the connection",
        "remove {name} from the extra of the catalogue's connection, or let the pooler ignore it (PgBouncer:"
        " ignore_startup_parameters = {name})",
    ),
    _Refusal(
        re.compile(r"statement pooling mode"),
        CatalogueRefused,
        "the pooler before {where} allows no transactions",
        "set its pool_mode for this database to transaction or session",
    ),
    _Refusal(
        re.compile(r"conflict with recovery"),
        CatalogueUnreachable,
        "{where} is a replica, and cancelled the query to keep up with its primary",
        "run it again; if this happens often, raise max_standby_streaming_delay there, or read from the primary",
    ),
    _Refusal(
        re.compile(
            r"authentication|auth failed|incorrect (?:user|password)|invalid password|login rejected"
            r"|no password supplied|does not exist|no such (?:user|database)|no pool configured|route for .* not found"
            r"|tenant or user not found|has no credentials|pg_hba\.conf|permission denied|not permitted|config error"
            r"|certificate|does not support SSL|(?:SSL|TLS) (?:is )?required|requires TLS"
            r"|invalid .*value|unrecognized configuration parameter",
            re.IGNORECASE,
        ),
        CatalogueRefused,
        "{where} refused",
    ),
    _Refusal(
        re.compile(
            r"no more connections allowed|query_wait_timeout|too many (?:active )?(?:clients|connections)"
            r"|connection slots|max ?clients|acquire database connection|check ?out (?:a )?connection"
            r"|max_(?:user|db|client)_conn",
            re.IGNORECASE,
        ),
        CatalogueUnreachable,
        "{where} has no connection free",
        "run it again later, or let the server and its pooler allow more connections",
    ),
    _Refusal(
        re.compile(
            r"server_login_retry|server login (?:has been )?fail|cannot connect to server|client_login_timeout"
            r"|failed to connect to remote server|AllServersDown|could not get connection from the server pool"
        ),
        CatalogueUnreachable,
        "the pooler before {where} does not reach the database",
        "see that the database runs and that the pooler can log in to it, then run it again",
    ),
)
"""The first that fits counts. By texts, because SQLSTATE is not known before a connection is open, and PgBouncer gives
all its failures the same one."""
_QUOTED: Final = re.compile(r'"[^"]*"')
"""Names of hosts, databases and users, which may hold any word."""


def open_catalogue(address: CatalogueAddress) -> PostgresCatalogue:
    """The catalogue at `address`, connected. Raises CatalogueUnreachable, CatalogueRefused."""
    return PostgresCatalogue(address)


def connect(address: CatalogueAddress) -> psycopg.Connection[tuple[object, ...]]:
    """A connection of which every statement runs in a read-only transaction. Raises psycopg.Error, CatalogueRefused."""
    port = "" if address.port is None else str(address.port)
    own = {"host": address.host, "port": port, "dbname": address.database}
    own |= {"user": address.user, "password": address.password}
    parameters = _DEFAULTS | _options(address.options) | {key: value for key, value in own.items() if value}
    connection = psycopg.connect(**parameters, prepare_threshold=None)  # type: ignore[arg-type]
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
        rows = self._rows(_GET, (raw_file_id,))
        if rows and len(str(rows[0][-1])) > _LONG:
            self.close()
        return to_raw_file(rows, raw_file_id)

    def similar(self, raw_file_id: str, limit: int) -> list[str]:
        """At most `limit` similar ids."""
        if not can_be_id(raw_file_id):
            return []
        rows = self._rows(_SIMILAR, (*near_patterns(raw_file_id), MOST_SIMILAR), _HINT_TIME_LIMIT)
        return closest(raw_file_id, (str(row[0]) for row in rows), limit)

    def ids_of_project(self, project_id: str, limit: int) -> list[str]:
        """As `Catalogue`."""
        if not can_be_id(project_id):
            return []
        return ids_of(self._rows(_OF_PROJECT, (project_id, BACKED_UP, limit)))

    def ids(self, project_id: str | None, after: str | None, limit: int) -> list[str]:
        """As `Catalogue`."""
        if not can_be_id(project_id or ""):
            return []
        return ids_of(self._rows(_IDS, (after, after, project_id, project_id, limit)))

    def close(self) -> None:
        """Ends the connection."""
        with self._lock:
            if self._held is not None:
                self._held.close()

    def _rows(
        self, query: LiteralString, values: tuple[object, ...], time_limit: str | None = None
    ) -> list[tuple[object, ...]]:
        with self._lock:
            connection = self._connection()
            given_up = threading.Event()
            try:
                with _patience(connection, given_up), connection.transaction(), connection.cursor() as cursor:
                    cursor.execute(_LIMIT_TIME, (time_limit or _TIME_LIMIT,))
                    return cursor.execute(query, values).fetchall()
            except (psycopg.Error, UnicodeDecodeError) as error:
                problem = self._silence() if given_up.is_set() else self._refusal(error)
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

    def _silence(self) -> CatalogueError:
        return CatalogueUnreachable(
            f"the catalogue in PostgreSQL ({self._where()}) gave no answer in {_PATIENCE_SECONDS:g} seconds",
            "see that it runs and that a pooler before it has a connection free, then run it again",
        )

    def _refusal(self, error: psycopg.Error | UnicodeDecodeError) -> CatalogueError:
        text = self._address.without_secrets(str(error))
        where = f"the catalogue in PostgreSQL ({self._where()})"
        if isinstance(error, pg.UndefinedTable | pg.UndefinedColumn):
            return missing(f"{self._where()}: {error.diag.message_primary}")
        if isinstance(error, UnicodeDecodeError | pg.CharacterNotInRepertoire | pg.UntranslatableCharacter):
            return RecordUnusable(f"a record of {where} holds text that is no UTF-8 ({text})")
        if isinstance(error, pg.InsufficientPrivilege):
            return CatalogueRefused(
                f"{where} may not be read ({text})", "grant the connection's user SELECT on raw_file"
            )
        return _connection_problem(error, where, text)

    def _where(self) -> str:
        address = self._address
        return address.without_secrets(f"{address.host or 'localhost'}/{address.database}")


@contextmanager
def _patience(connection: psycopg.Connection[tuple[object, ...]], given_up: threading.Event) -> Iterator[None]:
    """Ends the connection, and sets `given_up`, if the block takes longer than `_PATIENCE_SECONDS`."""

    def give_up() -> None:
        given_up.set()
        if not connection.closed:
            with socket.socket(fileno=os.dup(connection.fileno())) as held:
                held.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(_PATIENCE_SECONDS, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _connection_problem(error: psycopg.Error, where: str, text: str) -> CatalogueError:
    """The error of a connection that was refused or broke. `text`: of `error`, without secrets."""
    wording = _QUOTED.sub("", text)
    for refusal in _REFUSALS:
        if found := refusal.pattern.search(wording):
            name = found.groupdict().get("name") or "options"
            advice = refusal.advice and refusal.advice.format(name=name)
            return refusal.error(f"{refusal.what.format(where=where)} ({text})", advice)
    if isinstance(error, psycopg.OperationalError | pg.InternalError_):
        return CatalogueUnreachable(f"{where} does not answer ({text})")
    return CatalogueRefused(f"{where} refused ({text})")


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
    return {key: _written(key, value) for key, value in options.items() if key in known and value is not None}


def _written(key: str, value: object) -> str:
    """As libpq takes it: of what is on or off it knows 1 and 0 alone, and takes any other text for off, or refuses."""
    text = str(value)
    if key not in _SWITCHES:
        return text
    switch = _SWITCH.get(text.strip().lower())
    if switch is None:
        raise CatalogueRefused(
            f"{key} in the extra of the catalogue's connection is neither true nor false", "write true or false"
        )
    return switch
