"""The catalogue in a SQLite file, opened read-only."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Sequence
from contextlib import closing
from typing import Final
from urllib.parse import quote

from .errors import CatalogueError, CatalogueRefused, CatalogueUnreachable, RecordUnusable
from .interface import CatalogueAddress, closest
from .raw_file import BACKED_UP, RawFile
from .rows import COLUMNS, MOST_SIMILAR, TABLE, can_be_id, ids_of, missing, near_patterns, to_raw_file

__all__ = ["SqliteCatalogue", "connect", "open_catalogue", "path_of"]

_BUSY_SECONDS: Final = 10.0
_GET: Final = f"SELECT {', '.join(COLUMNS)} FROM {TABLE} WHERE id = ? LIMIT 2"  # noqa: S608
_SIMILAR: Final = (
    f"SELECT id FROM {TABLE} WHERE id LIKE ? ESCAPE '\\' OR id LIKE ? ESCAPE '\\' OR id LIKE ? ESCAPE '\\' LIMIT ?"  # noqa: S608
)
_OF_PROJECT: Final = f"SELECT id FROM {TABLE} WHERE project_id = ? AND backup_status = ? ORDER BY id LIMIT ?"  # noqa: S608
_IDS: Final = (
    f"SELECT id FROM {TABLE} WHERE (?1 IS NULL OR id > ?1) AND (?2 IS NULL OR project_id = ?2) ORDER BY id LIMIT ?3"  # noqa: S608
)
_WRONG_PATH: Final = "correct the path in its connection, or mount the disk that it is on"
_WAL_MARK: Final = b"\x02\x02"
"""Bytes 18 and 19 of a database in write-ahead mode (SQLite's file format, section 1.3.3)."""
_RETRYABLE: Final = (
    ("SQLITE_BUSY", "another program writes to it: run it again when that is done"),
    ("SQLITE_LOCKED", "another program writes to it: run it again when that is done"),
    ("SQLITE_PROTOCOL", "see that its disk can lock files, then run it again"),
    ("SQLITE_IOERR", "check the disk that it is on, and that this disk can lock files, then run it again"),
    ("SQLITE_READONLY", "a write to it was not finished: let the program that writes to it open it, then run it again"),
)
"""Starts of the names of SQLite's errors that may pass, and what to do."""
_REFUSED: Final = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG})
"""Errors of a path that no retry changes. Others are the disk's, such as a network disk that is away."""


def open_catalogue(address: CatalogueAddress) -> SqliteCatalogue:
    """The catalogue in the file that `address` names as its host or its database. Raises CatalogueRefused."""
    return SqliteCatalogue(path_of(address))


def path_of(address: CatalogueAddress) -> str:
    """The file that `address` names. Raises CatalogueRefused if that is no absolute path."""
    path = address.host or address.database
    if not os.path.isabs(path):
        raise CatalogueRefused(
            f"the catalogue's SQLite file is {path!r}, which is not an absolute path",
            "give the connection the whole path as its host, or write it with four slashes: sqlite:////data/catalogue.db",
        )
    return path


def connect(path: str) -> sqlite3.Connection:
    """A connection that writes neither to the file nor beside it. Raises sqlite3.Error, OSError."""
    mode = "immutable=1" if _is_idle_wal(path) else "mode=ro"
    connection = sqlite3.connect(f"file://{quote(os.fsencode(path))}?{mode}", uri=True, timeout=_BUSY_SECONDS)
    connection.text_factory = _decode
    return connection


class SqliteCatalogue:
    """Opens the file for each query: nothing is held in between, and any thread may call it."""

    def __init__(self, path: str) -> None:
        """`path` is absolute. Raises CatalogueRefused if there is no such file, CatalogueUnreachable."""
        self._path = path
        try:
            mode = os.stat(path).st_mode
        except OSError as error:
            raise self._refusal(error) from error
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "not a file"
            raise CatalogueRefused(f"the catalogue's SQLite file {path} is {kind}", _WRONG_PATH)

    def get(self, raw_file_id: str) -> RawFile | None:
        """The record, None if there is none. Raises CatalogueError."""
        if not can_be_id(raw_file_id):
            return None
        return to_raw_file(self._rows(_GET, (raw_file_id,)), raw_file_id)

    def similar(self, raw_file_id: str, limit: int) -> list[str]:
        """At most `limit` similar ids."""
        if not can_be_id(raw_file_id):
            return []
        rows = self._rows(_SIMILAR, (*near_patterns(raw_file_id), MOST_SIMILAR))
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
        return ids_of(self._rows(_IDS, (after, project_id, limit)))

    def close(self) -> None:
        """Does nothing: no connection is held."""

    def _rows(self, query: str, values: Sequence[object]) -> list[tuple[object, ...]]:
        try:
            before = _stamp(self._path)
            rows = self._ask(query, values)
            # It was written to while it was opened as immutable: query again, as beside a writer.
            return rows if _stamp(self._path) == before else self._ask(query, values)
        except (sqlite3.Error, OSError) as error:
            raise self._refusal(error) from error

    def _ask(self, query: str, values: Sequence[object]) -> list[tuple[object, ...]]:
        with closing(connect(self._path)) as connection:
            return connection.execute(query, values).fetchall()

    def _refusal(self, error: sqlite3.Error | OSError) -> CatalogueError:
        if isinstance(error, OSError):
            return self._refusal_of_disk(error)
        name = getattr(error, "sqlite_errorname", "")
        for start, advice in _RETRYABLE:
            if name.startswith(start):
                return CatalogueUnreachable(f"the catalogue {self._path} cannot be read now ({error})", advice)
        if "no such table" in str(error) or "no such column" in str(error):
            return missing(f"{self._path}: {error}")
        if isinstance(error, sqlite3.DataError):
            return RecordUnusable(f"a record of the catalogue {self._path} cannot be read ({error})")
        advice = "see that it is a SQLite database that this user may read"
        if name.startswith("SQLITE_CORRUPT"):
            advice = "it is damaged, or was copied while it was written to: put a whole copy in its place"
        elif name.startswith("SQLITE_CANTOPEN") and _wal_size(self._path):
            advice = (
                f"rows that were written last are in {self._path}-wal, and to read them SQLite makes a file beside it:"
                " let this user write to the folder, or have a program that may run PRAGMA wal_checkpoint(TRUNCATE)"
            )
        return CatalogueRefused(f"the catalogue {self._path} cannot be read ({error})", advice)

    def _refusal_of_disk(self, error: OSError) -> CatalogueError:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return CatalogueRefused(f"the catalogue's SQLite file {self._path} does not exist", _WRONG_PATH)
        if error.errno in _REFUSED:
            return CatalogueRefused(
                f"the catalogue {self._path} cannot be read ({error.strerror})",
                "let this user read the file and search the folders above it, or correct the path in its connection",
            )
        return CatalogueUnreachable(
            f"the catalogue {self._path} cannot be read now ({error.strerror})",
            "check the disk that it is on, then run it again",
        )


def _is_idle_wal(path: str) -> bool:
    """Whether it is in write-ahead mode and nobody writes to it.

    SQLite creates two files beside such a database even to read it, and leaves them there. They belong to the first
    reader, so the owner of the catalogue may lose access. If nobody writes, ``immutable`` avoids them; it also reads
    where no file can be made, as on a read-only disk.
    """
    with open(path, "rb") as file:
        is_wal = file.read(20)[18:20] == _WAL_MARK
    return is_wal and not _wal_size(path)


def _stamp(path: str) -> tuple[int, int, int]:
    seen = os.stat(path)
    return seen.st_mtime_ns, seen.st_size, _wal_size(path)


def _wal_size(path: str) -> int:
    """The bytes that are not in the database yet."""
    try:
        return os.stat(f"{path}-wal").st_size
    except FileNotFoundError:
        return 0


def _decode(text: bytes) -> str:
    """Text that is not UTF-8 makes its own name invalid, not the whole record."""
    return text.decode("utf-8", "surrogateescape")
