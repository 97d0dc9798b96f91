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
        for row in rows:
            text = "\n".join(_text(value) for value in row)
            if bears_secret(text) and (table, row[0]) not in self._told:
                self._told.add((table, row[0]))
                tell(text, _place(table, dict(zip(columns, row, strict=True))))


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _place(table: str, row: dict[str, object]) -> str:
    named = " ".join(f"{name}={row[name]}" for name in _NAMES if name in row)
    return f"Airflow's table {table} ({named})"
