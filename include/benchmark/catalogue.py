"""Makes a catalogue of one raw file from a record: a process of its own, so that the benchmark itself stays small.

    python -m include.benchmark.catalogue RECORD PREFIX DATABASE

`RECORD` is a file in the shape of `file_info`; the objects' keys begin with `PREFIX` (without its slash).
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from .objects import BUCKET

__all__ = ["RAW_FILE"]

RAW_FILE: Final = "raw-file"
"""Its id."""
_TABLE: Final = Path(__file__).resolve().parents[1] / "catalogue.sql"
_INSERT: Final = (
    "INSERT INTO raw_file (id, project_id, s3_upload_path, backup_status, file_info) VALUES (?, 'project', ?, ?, ?)"
)


def main(record: str, prefix: str, database: str) -> None:
    """See above."""
    row = (RAW_FILE, f"s3://{BUCKET}/{prefix}/", "upload_done", Path(record).read_text(encoding="utf-8"))
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript(_TABLE.read_text(encoding="utf-8"))
        connection.execute(_INSERT, row)


if __name__ == "__main__":
    main(*sys.argv[1:])
