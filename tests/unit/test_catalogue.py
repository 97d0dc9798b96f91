"""The catalogue in a real SQLite and a real PostgreSQL: clear when it cannot be read."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from downloader.catalogue import (
    CatalogueAddress,
    CatalogueError,
    CatalogueRefused,
    CatalogueUnreachable,
    NoSuchRawFile,
    RawFile,
    RecordUnusable,
    find_raw_file,
    interface,
    open_catalogue,
    plan,
    sqlite,
)
from downloader.catalogue import postgres as postgres_module
from downloader.catalogue.rows import near_patterns
from downloader.remote_file import Refused, RemoteFile
from support.catalogues import PASSWORD, Opened, PostgresTwin, SqlDatabase, SqliteDatabase
from support.postgres import DDL, PostgresDatabase

MD5 = "9b2cf535f27731c974343645a3985328"
INFO = {"sample.d/ü": [1, MD5], "sample.raw": [5, MD5, f"{MD5}-17__100"], "bad": [1]}


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> SqlDatabase:
    if request.param == "sqlite":
        found: SqliteDatabase = request.getfixturevalue("sqlite_database")
        return found
    return PostgresTwin(request.getfixturevalue("postgres"))


# Both SQL databases


def test_file_info_that_is_no_json_names_its_record_and_spoils_no_other(database: SqlDatabase, opened: Opened) -> None:
    database.execute("DROP TABLE raw_file")
    database.execute(DDL.read_text().replace("file_info       JSON", "file_info TEXT"))
    database.insert("broken", '{"a": [1,')
    database.insert("sample", INFO)
    catalogue = opened(database.address)
    with pytest.raises(RecordUnusable, match=r"file_info of raw file broken is not valid JSON \(.*line 1 column 10"):
        catalogue.get("broken")
    assert catalogue.get("sample") is not None


def test_a_missing_table_is_named_with_the_file_that_describes_it(database: SqlDatabase, opened: Opened) -> None:
    database.execute("DROP TABLE raw_file")
    with pytest.raises(CatalogueRefused, match=r"raw_file.*include/catalogue\.sql") as caught:
        opened(database.address).get("sample")
    assert not caught.value.retryable


def test_a_missing_column_is_named_with_the_file_that_describes_it(database: SqlDatabase, opened: Opened) -> None:
    database.execute("ALTER TABLE raw_file DROP COLUMN file_info")
    with pytest.raises(CatalogueRefused, match=r"file_info.*include/catalogue\.sql"):
        opened(database.address).get("sample")


def test_a_view_serves_as_well(database: SqlDatabase, opened: Opened) -> None:
    database.insert("sample", INFO)
    database.execute("ALTER TABLE raw_file RENAME TO lab_files")
    database.execute("CREATE VIEW raw_file AS SELECT * FROM lab_files")
    catalogue = opened(database.address)
    found = catalogue.get("sample")
    assert found is not None
    assert found.file_info == INFO
    assert catalogue.ids_of_project("PRID001", 3) == ["sample"]


def test_an_id_that_stands_twice_is_an_error(database: SqlDatabase, opened: Opened) -> None:
    database.insert("sample", INFO)
    database.execute("ALTER TABLE raw_file RENAME TO lab_files")
    database.execute("CREATE VIEW raw_file AS SELECT * FROM lab_files UNION ALL SELECT * FROM lab_files")
    with pytest.raises(RecordUnusable, match="more than one raw file sample"):
        opened(database.address).get("sample")


def test_the_ddl_does_not_touch_a_catalogue_that_is_there(database: SqlDatabase) -> None:
    database.insert("sample", INFO)
    before = database.holds()
    database.execute(DDL.read_text())
    assert database.holds() == before


def test_the_letters_of_an_id_are_no_wildcards() -> None:
    assert near_patterns("50%_a\\b") == ("%50\\%\\_a\\\\b%", "50\\%%", "%a\\\\b")


def test_a_suggestion_that_fails_does_not_hide_that_the_record_is_missing() -> None:
    class Silent:
        def get(self, raw_file_id: str) -> RawFile | None:
            return None

        def similar(self, raw_file_id: str, limit: int) -> list[str]:
            raise CatalogueUnreachable("too slow")

        def ids_of_project(self, project_id: str, limit: int) -> list[str]:
            return []

        def ids(self, project_id: str | None, after: str | None, limit: int) -> list[str]:
            return []

        def close(self) -> None:
            """Holds nothing."""

    with pytest.raises(NoSuchRawFile, match="no raw file x"):
        find_raw_file(Silent(), "x")


def test_a_kind_that_is_not_known_names_those_that_are() -> None:
    with pytest.raises(CatalogueRefused, match=r"'mysql' is not known; .* mongo, .*postgres, postgresql, sqlite"):
        open_catalogue(CatalogueAddress("mysql"))


def test_an_address_shows_no_secret() -> None:
    address = CatalogueAddress("postgres", password=PASSWORD, options={"sslpassword": PASSWORD})
    assert PASSWORD not in repr(address)


def test_the_interface_loads_no_driver() -> None:
    import subprocess
    import sys

    program = (
        "import sys, downloader.catalogue; sys.exit(not {'psycopg', 'pymongo', 'sqlite3'}.isdisjoint(sys.modules))"
    )
    folder = str(Path(interface.__file__).parents[2])
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": folder})


# SQLite


def test_sqlite_itself_refuses_to_write(sqlite_database: SqliteDatabase) -> None:
    sqlite_database.insert("sample", INFO)
    before = sqlite_database.holds()
    with closing(sqlite.connect(str(sqlite_database.path))) as connection:
        for statement in (
            "UPDATE raw_file SET id = 'x'",
            "DELETE FROM raw_file",
            "CREATE TABLE t (a)",
            "PRAGMA user_version=5",
        ):
            with pytest.raises(sqlite3.OperationalError, match="readonly database"):
                connection.execute(statement)
    assert sqlite_database.holds() == before


def test_the_ids_of_a_project_are_found_by_the_index(sqlite_database: SqliteDatabase) -> None:
    plan_of = f"EXPLAIN QUERY PLAN {sqlite._OF_PROJECT}"
    (step,) = sqlite_database.execute(plan_of, "PRID001", "upload_done", 10)
    assert step[-1] == "SEARCH raw_file USING COVERING INDEX raw_file_of_project (project_id=? AND backup_status=?)"


def test_a_write_ahead_database_is_read_without_a_file_beside_it(
    sqlite_database: SqliteDatabase, opened: Opened
) -> None:
    sqlite_database.execute("PRAGMA journal_mode=WAL")
    sqlite_database.insert("sample", INFO)
    before = sqlite_database.holds()
    assert opened(sqlite_database.address).get("sample") is not None
    assert sqlite_database.holds() == before
    connection = sqlite.connect(str(sqlite_database.path))
    with closing(connection), pytest.raises(sqlite3.OperationalError, match="readonly database"):
        connection.execute("DELETE FROM raw_file")


def test_what_a_live_writer_has_committed_is_seen(sqlite_database: SqliteDatabase, opened: Opened) -> None:
    sqlite_database.execute("PRAGMA journal_mode=WAL")
    with closing(sqlite3.connect(sqlite_database.path)) as writer:
        writer.execute("INSERT INTO raw_file (id) VALUES ('new')")
        writer.commit()
        assert opened(sqlite_database.address).get("new") is not None


def test_a_writer_that_comes_while_it_is_read_is_noticed(
    sqlite_database: SqliteDatabase, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_database.execute("PRAGMA journal_mode=WAL")
    plain = sqlite.connect
    calls: list[str] = []

    def connect(path: str) -> sqlite3.Connection:
        connection = plain(path)
        if not calls:
            connection.execute("SELECT count(*) FROM raw_file").fetchall()
            sqlite_database.insert("late", INFO)
        calls.append(path)
        return connection

    monkeypatch.setattr(sqlite, "connect", connect)
    assert opened(sqlite_database.address).get("late") is not None


def test_a_locked_database_may_pass(
    sqlite_database: SqliteDatabase, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_SECONDS", 0.01)
    with closing(sqlite3.connect(sqlite_database.path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CatalogueUnreachable, match="locked") as caught:
            opened(sqlite_database.address).get("sample")
        writer.execute("ROLLBACK")
    assert caught.value.retryable


def test_a_write_that_broke_off_may_pass_and_is_not_touched(
    sqlite_database: SqliteDatabase, opened: Opened, tmp_path: Path
) -> None:
    """Its journal has to be rolled back, and only a writer may do that."""
    for number in range(50):
        sqlite_database.insert(f"sample{number}", {"a": ["x" * 2000]})
    copy = tmp_path / "copy"
    copy.mkdir()
    with closing(sqlite3.connect(sqlite_database.path, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size=1")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE raw_file SET project_id = 'half', file_info = file_info || 'x'")
        for name in os.listdir(sqlite_database.path.parent):
            shutil.copy(sqlite_database.path.parent / name, copy / name)
        writer.execute("ROLLBACK")
    assert sorted(os.listdir(copy)) == ["catalogue.db", "catalogue.db-journal"]
    before = [(copy / name).read_bytes() for name in sorted(os.listdir(copy))]
    with pytest.raises(CatalogueUnreachable, match="cannot be read now"):
        opened(CatalogueAddress("sqlite", str(copy / "catalogue.db"))).get("sample1")
    assert [(copy / name).read_bytes() for name in sorted(os.listdir(copy))] == before


def test_a_sqlite_file_that_is_not_there_is_said_so_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(CatalogueRefused, match=r"none\.db does not exist; correct the path"):
        open_catalogue(CatalogueAddress("sqlite", str(tmp_path / "none.db")))
    with pytest.raises(CatalogueRefused, match="is a folder"):
        open_catalogue(CatalogueAddress("sqlite", str(tmp_path)))
    assert os.listdir(tmp_path) == []


def test_a_sqlite_file_that_goes_away_later_is_said_so(sqlite_database: SqliteDatabase, opened: Opened) -> None:
    catalogue = opened(sqlite_database.address)
    sqlite_database.path.unlink()
    with pytest.raises(CatalogueRefused, match="does not exist; correct the path"):
        catalogue.get("sample")


def test_a_write_ahead_log_without_content_is_no_writer(sqlite_database: SqliteDatabase, opened: Opened) -> None:
    """A backup of a database that was open has one; where no file can be made beside it, SQLite could not open it."""
    sqlite_database.execute("PRAGMA journal_mode=WAL")
    sqlite_database.insert("sample", INFO)
    log = sqlite_database.path.with_name("catalogue.db-wal")
    log.touch()
    assert opened(sqlite_database.address).get("sample") is not None
    assert sorted(os.listdir(log.parent)) == ["catalogue.db", "catalogue.db-wal"]


def test_a_write_ahead_log_that_cannot_be_read_where_it_lies_is_told(
    sqlite_database: SqliteDatabase, opened: Opened, tmp_path: Path
) -> None:
    """As on a read-only disk, SQLite cannot make its -shm file: here a link has that name, which it does not follow."""
    sqlite_database.execute("PRAGMA journal_mode=WAL")
    copy = tmp_path / "catalogue.db"
    with closing(sqlite3.connect(sqlite_database.path)) as writer:
        writer.execute("INSERT INTO raw_file (id) VALUES ('sample')")
        writer.commit()
        shutil.copy(sqlite_database.path, copy)
        shutil.copy(f"{sqlite_database.path}-wal", f"{copy}-wal")
    Path(f"{copy}-shm").symlink_to("nowhere")
    with pytest.raises(CatalogueRefused, match=r"are in .*catalogue\.db-wal, .* PRAGMA wal_checkpoint\(TRUNCATE\)"):
        opened(CatalogueAddress("sqlite", str(copy))).get("sample")


def test_a_damaged_sqlite_file_is_told_as_damaged(sqlite_database: SqliteDatabase, opened: Opened) -> None:
    sqlite_database.insert("sample", {"a": ["x" * 9000]})
    whole = sqlite_database.path.read_bytes()
    sqlite_database.path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(CatalogueRefused, match=r"malformed.*it is damaged, or was copied while it was written to"):
        opened(sqlite_database.address).get("sample")


@pytest.mark.parametrize(
    ("number", "error", "words"),
    [
        (errno.ESTALE, CatalogueUnreachable, "cannot be read now .*; check the disk that it is on"),
        (errno.EIO, CatalogueUnreachable, "cannot be read now"),
        (errno.ENOTCONN, CatalogueUnreachable, "cannot be read now"),
        (errno.EACCES, CatalogueRefused, "Permission denied.*search the folders above it"),
    ],
)
def test_a_disk_that_refuses_a_sqlite_file_is_told_by_its_cause(
    sqlite_database: SqliteDatabase,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    error: type[CatalogueError],
    words: str,
) -> None:
    plain = os.stat

    def refuse(path: Any, **options: Any) -> os.stat_result:
        if path == str(sqlite_database.path):
            raise OSError(number, os.strerror(number), path)
        return plain(path, **options)

    monkeypatch.setattr(os, "stat", refuse)
    with pytest.raises(error, match=words):
        open_catalogue(sqlite_database.address)


@pytest.mark.parametrize("path", ["", "catalogue.db", ":memory:", "file:/x?mode=rwc"])
def test_a_sqlite_path_must_be_absolute(path: str) -> None:
    with pytest.raises(CatalogueRefused, match=r"not an absolute path; .*sqlite:////data/catalogue\.db"):
        open_catalogue(CatalogueAddress("sqlite", path))


def test_a_sqlite_path_may_stand_in_either_field(sqlite_database: SqliteDatabase, opened: Opened) -> None:
    sqlite_database.insert("sample", INFO)
    for address in (
        CatalogueAddress("sqlite", database=str(sqlite_database.path)),
        CatalogueAddress("SQLite", host=f"/{sqlite_database.path}"),
    ):
        assert opened(address).get("sample") is not None


def test_a_file_that_is_no_database_is_said_so(tmp_path: Path, opened: Opened) -> None:
    other = tmp_path / "notes.txt"
    other.write_bytes(b"these are notes, and no database\n" * 50)
    with pytest.raises(CatalogueRefused, match=r"not a database\); see that it is a SQLite database"):
        opened(CatalogueAddress("sqlite", str(other))).get("sample")


def test_text_that_is_no_utf8_spoils_its_own_name_alone(sqlite_database: SqliteDatabase, opened: Opened) -> None:
    text = b'{"a\xff": [1, null], "b": [1, null]}'
    sqlite_database.execute(
        "INSERT INTO raw_file (id, s3_upload_path, file_info) VALUES ('s', 'b', CAST(? AS TEXT))", text
    )
    found = opened(sqlite_database.address).get("s")
    assert found is not None
    assert [type(item) for item in plan(found)] == [Refused, RemoteFile]


def test_columns_of_other_types_are_taken_for_their_text(sqlite_database: SqliteDatabase, opened: Opened) -> None:
    """SQLite stores what it is given: a project of digits may be a number, a JSON text a blob."""
    sqlite_database.execute("DROP TABLE raw_file")
    sqlite_database.execute("CREATE TABLE raw_file (id, project_id, s3_upload_path, backup_status, file_info)")
    sqlite_database.execute("INSERT INTO raw_file VALUES ('s', 42, ?, NULL, ?)", b"bucket", json.dumps(INFO).encode())
    sqlite_database.execute("INSERT INTO raw_file VALUES ('t', NULL, NULL, NULL, ?)", 5)
    catalogue = opened(sqlite_database.address)
    assert catalogue.get("s") == RawFile("s", "42", "bucket", None, INFO)
    with pytest.raises(RecordUnusable, match="file_info of raw file t is a int"):
        catalogue.get("t")


# PostgreSQL


def test_postgresql_itself_refuses_to_write(postgres: PostgresDatabase) -> None:
    """Whatever the session says: a pooler may hand over a connection that another client changed."""
    postgres.insert("sample", INFO)
    with closing(postgres_module.connect(postgres.address)) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.commit()
        for statement in (b"UPDATE raw_file SET id = 'x'", b"DELETE FROM raw_file", b"CREATE TABLE t (a int)"):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                connection.execute(statement)
            connection.rollback()
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), connection.transaction():
                connection.execute(statement)
    assert postgres.execute("SELECT id FROM raw_file") == [("sample",)]


def test_options_of_the_connection_are_kept_but_cannot_allow_writing(postgres: PostgresDatabase) -> None:
    options = {
        "options": "-c default_transaction_read_only=off -c search_path=other",
        "sslmode": "disable",
        "cursor": "dict",
    }
    with closing(postgres_module.connect(replace(postgres.address, options=options))) as connection:
        assert connection.execute("SHOW search_path").fetchone() == ("other",)
        assert connection.execute("SHOW transaction_read_only").fetchone() == ("on",)


@pytest.mark.parametrize(("value", "switch"), [(True, "1"), ("FALSE", "0"), (" true", "1"), (0, "0")])
def test_what_is_on_or_off_is_written_as_libpq_takes_it(postgres: PostgresDatabase, value: object, switch: str) -> None:
    options = {"keepalives": value, "sslsni": value}
    with closing(postgres_module.connect(replace(postgres.address, options=options))) as connection:
        held = {option.keyword: option.val for option in connection.pgconn.info}
    assert (held[b"keepalives"], held[b"sslsni"]) == (switch.encode(), switch.encode())


def test_what_is_neither_on_nor_off_is_refused_by_its_field(postgres: PostgresDatabase) -> None:
    with pytest.raises(CatalogueRefused, match="sslsni in the extra of the catalogue's connection is neither true nor"):
        open_catalogue(replace(postgres.address, options={"sslsni": "maybe"}))


def test_a_misspelt_option_is_refused(postgres: PostgresDatabase) -> None:
    with pytest.raises(CatalogueRefused, match="'sslmod', which PostgreSQL does not know; write it sslmode"):
        open_catalogue(replace(postgres.address, options={"sslmod": "verify-full"}))


@pytest.mark.parametrize("kind", ["JSON", "JSONB", "TEXT"])
def test_file_info_may_be_json_jsonb_or_text(postgres: PostgresDatabase, opened: Opened, kind: str) -> None:
    postgres.execute(f"ALTER TABLE raw_file ALTER COLUMN file_info TYPE {kind} USING file_info::text::{kind}")
    postgres.insert("sample", INFO)
    found = opened(postgres.address).get("sample")
    assert found is not None
    assert found.file_info == INFO


def test_a_user_without_rights_is_told_which_are_needed(postgres: PostgresDatabase, opened: Opened) -> None:
    postgres.execute("DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    catalogue = opened(replace(postgres.address, user="reader"))
    with pytest.raises(CatalogueRefused, match=r"permission denied for table raw_file.*grant the connection's user"):
        catalogue.get("sample")
    postgres.execute("GRANT SELECT ON raw_file TO reader")
    assert catalogue.get("sample") is None


def test_a_server_that_does_not_answer_may_pass_and_no_password_is_shown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    address = CatalogueAddress("postgres", "127.0.0.1", port, "lab", "me", PASSWORD)
    with pytest.raises(CatalogueUnreachable, match=r"127\.0\.0\.1/lab.*refused") as caught:
        open_catalogue(address)
    assert caught.value.retryable
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None, "the driver's own words stay out of the log"
    assert caught.value.__context__ is None


@pytest.mark.parametrize("field", ["password", "sslpassword"])
def test_a_secret_that_the_server_repeats_is_not_shown(field: str) -> None:
    address = CatalogueAddress("postgres", f"{PASSWORD}.invalid", database=PASSWORD)
    given = replace(address, password=PASSWORD) if field == "password" else replace(address, options={field: PASSWORD})
    with pytest.raises(CatalogueError, match=r"\*\*\*\.invalid/\*\*\*") as caught:
        open_catalogue(given)
    assert PASSWORD not in str(caught.value)


def test_a_password_in_the_wrong_field_is_not_shown() -> None:
    host = f"postgresql://me:{PASSWORD}@host.invalid/lab"
    address = CatalogueAddress("postgres", host, database="lab")
    with pytest.raises(CatalogueError) as caught:
        open_catalogue(address)
    assert PASSWORD not in str(caught.value)
    assert "host.invalid" in str(caught.value)


@pytest.mark.parametrize(
    "changes", [{"database": "nowhere"}, {"user": "nobody_here"}, {"options": {"options": "-c no_such_setting=1"}}]
)
def test_what_the_server_refuses_for_good_is_no_matter_of_patience(
    postgres: PostgresDatabase, changes: dict[str, object]
) -> None:
    with pytest.raises(CatalogueRefused, match="refused") as caught:
        open_catalogue(replace(postgres.address, **changes))  # type: ignore[arg-type]
    assert not caught.value.retryable


def test_a_connection_that_broke_is_made_anew(postgres: PostgresDatabase, opened: Opened) -> None:
    postgres.insert("sample", INFO)
    catalogue = opened(postgres.address)
    postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'downloader'")
    with pytest.raises(CatalogueUnreachable) as caught:
        catalogue.get("sample")
    assert caught.value.retryable
    assert catalogue.get("sample") is not None


def test_a_locked_table_is_not_waited_for_for_ever(
    postgres: PostgresDatabase, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_module, "_TIME_LIMIT", "50ms")
    catalogue = opened(postgres.address)
    with psycopg.connect(host=postgres.address.host, dbname=postgres.address.database, user="postgres") as writer:
        writer.execute("LOCK TABLE raw_file")
        with pytest.raises(CatalogueUnreachable, match="statement timeout"):
            catalogue.get("sample")


def test_a_long_record_leaves_no_buffer_of_its_size_behind(postgres: PostgresDatabase, opened: Opened) -> None:
    """That of its connection, which PostgreSQL's library never makes smaller."""
    postgres.insert("long", {f"{number:0200}.raw": [1, None] for number in range(6_000)})
    postgres.insert("short", INFO)
    catalogue = opened(postgres.address)
    whose = "SELECT pid FROM pg_stat_activity WHERE application_name = 'downloader'"
    before = postgres.execute(whose)
    for raw_file_id in ("short", "long", "short"):
        found = catalogue.get(raw_file_id)
        assert found is not None
        assert len(found.file_info) == {"short": len(INFO), "long": 6_000}[raw_file_id]
    assert postgres.execute(whose) != before


def test_no_transaction_stays_open_between_questions(postgres: PostgresDatabase, opened: Opened) -> None:
    catalogue = opened(postgres.address)
    catalogue.get("sample")
    states = postgres.execute("SELECT state FROM pg_stat_activity WHERE application_name = 'downloader'")
    assert states == [("idle",)]
