"""Secrets in Airflow's database: XComs, state stores, rendered fields, runs' configurations, and all else there is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from support.secret_search import bears_secret

__all__ = ["AirflowRows"]

_HOLDS_SECRETS: Final = {"connection"}
"""Where connections lie; a secret has no other place."""
_NAMES: Final = ("dag_id", "run_id", "task_id", "map_index", "key")


class AirflowRows:
    """The rows of an SQLite file, which may not be there."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._told: set[tuple[str, int]] = set()

    def look(self, tell: Callable[[str, str], None]) -> None:
        """Hands `tell` the text of each row that bears a secret, and where it stands; each row once."""
        if not self._file.is_file():
            return
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                if table not in _HOLDS_SECRETS:
                    self._look_at(database, table, tell)

    def _look_at(self, database: sqlite3.Connection, table: str, tell: Callable[[str, str], None]) -> None:
        rows = database.execute(f'SELECT rowid, * FROM "{table}"')
        columns = [column[0] for column in rows.description]
        found = rows.fetchall()
        texts = [_text(row) for row in found]
        if not bears_secret("\n".join(texts)):  # the usual case, in one look: there are more rows after each test
            return
        for row, text in zip(found, texts, strict=True):
            if bears_secret(text) and (table, row[0]) not in self._told:
                self._told.add((table, row[0]))
                tell(text, _place(table, dict(zip(columns, row, strict=True))))


def _text(row: tuple[object, ...]) -> str:
    """Its texts; a number bears no secret."""
    written = [value for value in row if isinstance(value, str | bytes)]
    return "\n".join([value if isinstance(value, str) else value.decode(errors="replace") for value in written])


def _place(table: str, row: dict[str, object]) -> str:
    named = " ".join(f"{name}={row[name]}" for name in _NAMES if name in row)
    return f"Airflow's table {table} ({named})"
