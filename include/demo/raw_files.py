"""The demo's raw files: what lies in the backup, what the catalogue says of it, and what lies here already."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from .home import PROJECT, Home
from .local_copies import Here, lay_out
from .s3_server import S3Server

__all__ = ["BUCKET", "RAW_FILES", "SMALL", "DemoRawFile", "set_out"]

BUCKET = "raw-file-backup"
_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, slots=True)
class DemoRawFile:
    """A raw file of the demo. `sizes`: relative path -> bytes; its content is the same in every demo."""

    id: str
    project: str
    story: str
    sizes: dict[str, int]
    damaged_here: Sequence[str] = ()
    """Files whose local copy has a wrong byte."""
    half_here: Sequence[str] = ()
    """Files whose local copy ends half way."""
    damaged_there: Sequence[str] = ()
    """Files whose object in the bucket has a wrong byte."""

    @property
    def is_meant_to_fail(self) -> bool:
        """Whether its backup is damaged."""
        return bool(self.damaged_there)

    @property
    def prefix(self) -> str:
        """Where it lies in the bucket."""
        return f"{self.project}/{self.id}"

    def content(self, path: str) -> bytes:
        """The right bytes of one of its files."""
        return random.Random(f"{self.id}/{path}").randbytes(self.sizes[path])


def _folder(name: str, count: int) -> dict[str, int]:
    frames = {f"{name}/frames/frame_{number:04}.bin": (4 + number % 29) * _KIB for number in range(1, count + 1)}
    return {f"{name}/analysis.tdf": 3 * _MIB, f"{name}/analysis.tdf_bin": 9 * _MIB, **frames}


RAW_FILES = (
    DemoRawFile(
        "20250115_sample",
        "PRID001",
        "One file of 24 MiB, uploaded in three parts",
        {"20250115_sample.raw": 24 * _MIB},
    ),
    DemoRawFile(
        "20250116_folder",
        "PRID001",
        "A folder of 302 files",
        _folder("20250116_folder.d", 300),
    ),
    DemoRawFile(
        "20250117_altered",
        "PRID002",
        "The file is here already, but one of its bytes is wrong",
        {"20250117_altered.raw": 12 * _MIB},
        damaged_here=("20250117_altered.raw",),
    ),
    DemoRawFile(
        "20250118_half",
        "PRID002",
        "Only the first half of the file is here",
        {"20250118_half.raw": 16 * _MIB},
        half_here=("20250118_half.raw",),
    ),
    DemoRawFile(
        "20250119_bad_backup",
        "PRID003",
        "Three files, and one is damaged in the backup itself",
        {f"20250119_bad_backup.d/{name}": 2 * _MIB for name in ("analysis.tdf", "frames.bin", "method.bin")},
        damaged_there=("20250119_bad_backup.d/frames.bin",),
    ),
)

SMALL = DemoRawFile("20250120_small", "PRID004", "One small file", {"20250120_small.raw": 64 * _KIB})


def set_out(home: Home, server: S3Server, raw_files: Sequence[DemoRawFile]) -> None:
    """Uploads the backups, writes the catalogue, and makes the local copies as each story tells."""
    server.make_bucket(BUCKET)
    _write_catalogue(home.catalogue, [_back_up(raw_file, server) for raw_file in raw_files])
    for raw_file in raw_files:
        _lay_out(raw_file, home.output / raw_file.project)


def _back_up(raw_file: DemoRawFile, server: S3Server) -> tuple[str, str, str, str, str]:
    """Uploads a raw file. Answers its row of the catalogue."""
    contents = {f"{raw_file.prefix}/{path}": raw_file.content(path) for path in raw_file.sizes}
    entries = server.upload_all(BUCKET, contents)
    for path in raw_file.damaged_there:
        key = f"{raw_file.prefix}/{path}"
        server.damage(BUCKET, key, contents[key])
    file_info = {path: entries[f"{raw_file.prefix}/{path}"] for path in raw_file.sizes}
    upload_path = f"s3://{BUCKET}/{raw_file.prefix}/"
    return raw_file.id, raw_file.project, upload_path, "upload_done", json.dumps(file_info)


def _write_catalogue(file: Path, rows: list[tuple[str, str, str, str, str]]) -> None:
    file.unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as database, database:
        database.executescript((PROJECT / "include" / "catalogue.sql").read_text(encoding="utf-8"))
        database.executemany("INSERT INTO raw_file VALUES (?, ?, ?, ?, ?)", rows)


def _lay_out(raw_file: DemoRawFile, folder: Path) -> None:
    for here, paths in ((Here.DAMAGED, raw_file.damaged_here), (Here.HALF, raw_file.half_here)):
        for path in paths:
            lay_out(folder / path, raw_file.content(path), here)
