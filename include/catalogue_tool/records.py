"""The catalogue, opened to be written to: a SQLite file, which is made where there is none, or PostgreSQL.

The downloader only ever reads its catalogue (`downloader.catalogue`). What writes is here, built upon what reads.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, LiteralString, Protocol

import psycopg
from psycopg import errors as pg

from downloader.catalogue import (
    Catalogue,
    CatalogueAddress,
    CatalogueError,
    CatalogueRefused,
    CatalogueUnreachable,
    RawFile,
)
from downloader.catalogue.postgres import PostgresCatalogue
from downloader.catalogue.sqlite import SqliteCatalogue, path_of

__all__ = ["DDL", "Records", "exists", "is_sql", "open_records"]

DDL: Final = Path(__file__).parents[1] / "catalogue.sql"
_COLUMNS: Final = ("project_id", "s3_upload_path", "backup_status", "file_info")
_SQLITES: Final = ("sqlite",)
_POSTGRESES: Final = ("postgres", "postgresql")
_BUSY_SECONDS: Final = 10.0


class Records(Catalogue, Protocol):
    """A catalogue that may be written to. Every call may raise CatalogueError."""

    def add(self, raw_file: RawFile) -> bool:
        """Adds a record. Answers whether it did: not where there is one of this id, which stays as it is."""

    def replace(self, raw_file: RawFile) -> None:
        """Gives the record of this id these values."""


def is_sql(address: CatalogueAddress) -> bool:
    """Whether `open_records` can open it."""
    return address.kind.lower() in _SQLITES + _POSTGRESES


def exists(address: CatalogueAddress) -> bool:
    """Whether there is a catalogue at `address`. Raises CatalogueRefused for a path of SQLite that is not absolute."""
    return address.kind.lower() not in _SQLITES or os.path.exists(path_of(address))


def open_records(address: CatalogueAddress, *, make: bool = False) -> Records:
    """The catalogue at `address`. `make`: make a SQLite file, and its table, where it is missing.

    Raises CatalogueRefused, CatalogueUnreachable.
    """
    if not is_sql(address):
        raise CatalogueRefused(
            f"the catalogue is of type {address.kind}, which belongs to another program and is never written to",
            "name a connection of type sqlite or postgres with --connection",
        )
    if address.kind.lower() in _POSTGRESES:
        return PostgresRecords(address)
    path = Path(path_of(address))
    if make:
        _make(path)
    return SqliteRecords(path_of(address))


def _make(path: Path) -> None:
    """Makes the table of include/catalogue.sql in a file that is missing or empty."""
    if path.exists() and (not path.is_file() or path.stat().st_size):
        return
    if not path.parent.is_dir():
        raise CatalogueRefused(
            f"the catalogue {path} is to be made, and there is no folder {path.parent}",
            "make that folder, or correct the path in its connection",
        )
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as database:
            database.executescript(DDL.read_text(encoding="utf-8"))
    except sqlite3.Error as error:
        raise _unwritable(str(path), error) from error


class SqliteRecords(SqliteCatalogue):
    """Opens the file for each call, as what it is built upon."""

    def add(self, raw_file: RawFile) -> bool:
        """As `Records`."""
        return self._write(
            f"INSERT OR IGNORE INTO raw_file (id, {', '.join(_COLUMNS)}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608
            (raw_file.id, *_values(raw_file)),
        )

    def replace(self, raw_file: RawFile) -> None:
        """As `Records`."""
        assigned = ", ".join(f"{column} = ?" for column in _COLUMNS)
        self._write(f"UPDATE raw_file SET {assigned} WHERE id = ?", (*_values(raw_file), raw_file.id))  # noqa: S608

    def _write(self, statement: str, values: tuple[object, ...]) -> bool:
        try:
            with closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS)) as database, database:
                return database.execute(statement, values).rowcount > 0
        except sqlite3.Error as error:
            raise _unwritable(self._path, error) from error


def _unwritable(path: str, error: sqlite3.Error) -> CatalogueRefused | CatalogueUnreachable:
    name = getattr(error, "sqlite_errorname", "")
    what = f"the catalogue {path} cannot be written to ({error})"
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return CatalogueUnreachable(what, "another program writes to it: run it again when that is done")
    return CatalogueRefused(what, "let this user write to the file and to its folder, and see that the disk has room")


class PostgresRecords(PostgresCatalogue):
    """Each call is a transaction of its own."""

    def add(self, raw_file: RawFile) -> bool:
        """As `Records`."""
        return self._write(
            "INSERT INTO raw_file (id, project_id, s3_upload_path, backup_status, file_info)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (raw_file.id, *_values(raw_file)),
        )

    def replace(self, raw_file: RawFile) -> None:
        """As `Records`."""
        self._write(
            "UPDATE raw_file SET project_id = %s, s3_upload_path = %s, backup_status = %s, file_info = %s"
            " WHERE id = %s",
            (*_values(raw_file), raw_file.id),
        )

    def _write(self, statement: LiteralString, values: tuple[object, ...]) -> bool:
        with self._lock:
            connection = self._connection()
            connection.read_only = False
            try:
                with connection.transaction():
                    return connection.execute(statement, values).rowcount > 0
            except psycopg.Error as error:
                problem = self._not_written(error)
            finally:
                if not connection.closed:
                    connection.read_only = True
            raise problem  # outside the handler: the driver's exception, with the password, must not be its context

    def _not_written(self, error: psycopg.Error) -> CatalogueError:
        if isinstance(error, pg.UndefinedTable | pg.UndefinedColumn | psycopg.OperationalError):
            return self._refusal(error)
        if isinstance(error, pg.InsufficientPrivilege | pg.ReadOnlySqlTransaction):
            advice = "give the connection's user INSERT and UPDATE on raw_file, or name another with --connection"
        else:
            advice = "see that raw_file is a table as include/catalogue.sql makes it"
        what = " ".join((error.diag.message_primary or type(error).__name__).split())
        return CatalogueRefused(f"the catalogue in PostgreSQL ({self._where()}) took no record ({what})", advice)


def _values(raw_file: RawFile) -> tuple[str | None, ...]:
    """In the order of `_COLUMNS`."""
    file_info = json.dumps(dict(raw_file.file_info), ensure_ascii=False)
    return raw_file.project_id or None, raw_file.s3_upload_path, raw_file.backup_status, file_info
