"""Catalogues of each kind, as their owners see them: filled and damaged by a test, and read by the program."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import pytest

from downloader.catalogue import Catalogue, CatalogueAddress, open_catalogue
from include.stand_ins.mongo_server import MongoServer
from include.stand_ins.secrets import secret
from support.postgres import DDL, PostgresDatabase

__all__ = [
    "NAMESPACE",
    "PASSWORD",
    "Database",
    "MongoDatabase",
    "Opened",
    "PostgresTwin",
    "SqlDatabase",
    "SqliteDatabase",
    "database",
    "mongo",
    "opened",
    "sqlite_database",
]

PASSWORD = secret("catalogue")
NAMESPACE = "krakendb.raw_file"
USER = ("krakendb", "reader")
Opened = Callable[[CatalogueAddress], Catalogue]


class Database(Protocol):
    """What every kind offers to a test."""

    address: CatalogueAddress

    def insert(self, raw_file_id: str, file_info: object, project_id: str | None = "PRID001") -> None:
        """Adds a record that was uploaded to ``bucket/prefix/``."""

    def insert_bare(self, raw_file_id: str, **fields: str) -> None:
        """Adds a record that is null but for its id and these fields."""

    def insert_damaged(self, raw_file_id: str) -> None:
        """Adds a record whose file_info cannot be read. To be called first."""

    def drop(self) -> None:
        """Removes the table, or the collection."""

    def holds(self) -> object:
        """All that it holds, to be compared."""


class _Sql:
    """What both SQL databases do alike."""

    def execute(self, query: str, *values: object) -> list[tuple[object, ...]]:
        raise NotImplementedError

    def insert(self, raw_file_id: str, file_info: object, project_id: str | None = "PRID001") -> None:
        raise NotImplementedError

    def insert_bare(self, raw_file_id: str, **fields: str) -> None:
        given = {"id": raw_file_id, **fields}
        quoted = ", ".join(f"'{value}'" for value in given.values())
        self.execute(f"INSERT INTO raw_file ({', '.join(given)}) VALUES ({quoted})")

    def insert_damaged(self, raw_file_id: str) -> None:
        self.execute("DROP TABLE raw_file")
        self.execute(DDL.read_text().replace("file_info       JSON", "file_info TEXT"))
        self.insert(raw_file_id, '{"a": [1,')

    def drop(self) -> None:
        self.execute("DROP TABLE raw_file")


class SqliteDatabase(_Sql):
    """A SQLite catalogue."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.address = CatalogueAddress("sqlite", host=str(path))
        self.execute(DDL.read_text())

    def execute(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            if not values:
                return list(connection.executescript(query))
            return connection.execute(query, values).fetchall()

    def insert(self, raw_file_id: str, file_info: object, project_id: str | None = "PRID001") -> None:
        text = file_info if isinstance(file_info, str | bytes) else json.dumps(file_info)
        self.execute(
            "INSERT INTO raw_file VALUES (?, ?, 'bucket/prefix/', 'upload_done', ?)", raw_file_id, project_id, text
        )

    def holds(self) -> object:
        return [(name.name, name.read_bytes()) for name in sorted(self.path.parent.iterdir())]


class PostgresTwin(_Sql):
    """The same in PostgreSQL."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.address = database.address
        self._database = database

    def execute(self, query: str, *values: object) -> list[tuple[object, ...]]:
        return self._database.execute(query, *values)

    def insert(self, raw_file_id: str, file_info: object, project_id: str | None = "PRID001") -> None:
        self._database.insert(raw_file_id, file_info, project_id)

    def holds(self) -> object:
        return self.execute("SELECT xmin, xmax, ctid, raw_file.*::text FROM raw_file ORDER BY id")


SqlDatabase = SqliteDatabase | PostgresTwin


class MongoDatabase:
    """A catalogue in MongoDB. Its documents have more fields than are asked for, as AlphaKraken's do."""

    def __init__(self, server: MongoServer) -> None:
        self.server = server
        self.address = CatalogueAddress(
            "mongo",
            "127.0.0.1",
            server.port,
            database=USER[0],
            user=USER[1],
            password=PASSWORD,
            options={"serverSelectionTimeoutMS": 10_000},
        )

    def insert(self, raw_file_id: str, file_info: object, project_id: object = "PRID001", **fields: Any) -> None:
        """All is written as it is."""
        document = {
            "_id": raw_file_id,
            "size": 5,
            "project_id": project_id,
            "s3_upload_path": "bucket/prefix/",
            "backup_status": "upload_done",
            "file_info": file_info,
            "created_at_": None,
        }
        self.server.insert(NAMESPACE, {**document, **fields})

    def insert_bare(self, raw_file_id: str, **fields: str) -> None:
        nulls = dict.fromkeys(("project_id", "s3_upload_path", "backup_status", "file_info"))
        self.server.insert(NAMESPACE, {"_id": raw_file_id, **nulls, **fields})

    def insert_damaged(self, raw_file_id: str) -> None:
        self.insert(raw_file_id, '{"a": [1,')

    def drop(self) -> None:
        self.server.empty(NAMESPACE)

    def holds(self) -> object:
        return self.server.stored(NAMESPACE)

    def asked(self) -> set[str]:
        """The names of all commands that came."""
        return {next(iter(command)) for command in self.server.commands}


@pytest.fixture
def sqlite_database(tmp_path: Path) -> SqliteDatabase:
    """An empty one, below a folder with an odd name."""
    folder = tmp_path / "odd name % ? # é"
    folder.mkdir()
    return SqliteDatabase(folder / "catalogue.db")


@pytest.fixture
def mongo() -> Iterator[MongoDatabase]:
    """An empty one, which needs a login."""
    with MongoServer(users={USER: PASSWORD}) as server:
        yield MongoDatabase(server)


@pytest.fixture(params=["sqlite", "postgres", "mongo"])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty one of each kind."""
    if request.param == "postgres":
        return PostgresTwin(request.getfixturevalue("postgres"))
    found: SqliteDatabase | MongoDatabase = request.getfixturevalue(
        "mongo" if request.param == "mongo" else "sqlite_database"
    )
    return found


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Opens catalogues, and closes them after the test."""
    held: list[Catalogue] = []

    def open_one(address: CatalogueAddress) -> Catalogue:
        held.append(open_catalogue(address))
        return held[-1]

    yield open_one
    for catalogue in held:
        catalogue.close()
