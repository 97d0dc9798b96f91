"""The common part of the SQL catalogues: columns, patterns for similar ids, and the parsing of rows."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import DDL_FILE, CatalogueRefused, RecordUnusable
from .file_info import parse_file_info
from .raw_file import RawFile

__all__ = ["COLUMNS", "MOST_SIMILAR", "TABLE", "can_be_id", "ids_of", "missing", "near_patterns", "to_raw_file"]

TABLE = "raw_file"
COLUMNS = ("id", "project_id", "s3_upload_path", "backup_status", "file_info")
MOST_SIMILAR = 1_000
"""The ids that are compared for a suggestion."""


def can_be_id(raw_file_id: str) -> bool:
    """Whether a database could store it: no NUL, no surrogates."""
    return "\0" not in raw_file_id and not any("\ud800" <= c <= "\udfff" for c in raw_file_id)


def to_raw_file(rows: Sequence[Sequence[object]], raw_file_id: str) -> RawFile | None:
    """The record from the rows of a query for one id. Raises RecordUnusable."""
    if not rows:
        return None
    if len(rows) > 1:
        raise RecordUnusable(f"the catalogue has more than one raw file {raw_file_id}", "remove all but one")
    recorded_id, project_id, s3_upload_path, backup_status, file_info = rows[0]
    if not isinstance(file_info, str | bytes | None):
        raise RecordUnusable(
            f"the file_info of raw file {raw_file_id} is a {type(file_info).__name__}, and not JSON text"
        )
    return RawFile(
        _text(recorded_id) or raw_file_id,
        _text(project_id) or "",
        _text(s3_upload_path),
        _text(backup_status),
        parse_file_info(file_info, raw_file_id),
    )


def ids_of(rows: Sequence[Sequence[object]]) -> list[str]:
    """The ids from the rows of a query for ids alone. A null is none."""
    return [found for row in rows if (found := _text(row[0])) is not None]


def near_patterns(raw_file_id: str) -> tuple[str, str, str]:
    """LIKE patterns (escaped by a backslash): contains it, starts like it, ends like it."""
    half = max(3, len(raw_file_id) // 2)
    start, end = _escaped(raw_file_id[:half]), _escaped(raw_file_id[-half:])
    return f"%{_escaped(raw_file_id)}%", f"{start}%", f"%{end}"


def missing(what: str) -> CatalogueRefused:
    """The error for a missing table or column. `what`: the message of the database."""
    return CatalogueRefused(
        f"the catalogue lacks the required table ({what})",
        f"create {TABLE}({', '.join(COLUMNS)}), or a view of that shape, as {DDL_FILE} describes it",
    )


def _text(value: object) -> str | None:
    """A text column; numbers are converted, because SQLite stores any type."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return None if value is None else str(value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
