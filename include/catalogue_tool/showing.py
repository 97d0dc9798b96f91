"""A record as people read it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from downloader.catalogue import RawFile, read_entry
from downloader.checksums import MIB, Checksum
from downloader.errors import CorruptRecord
from downloader_tasks.wording import counted, one_line, shown_size

__all__ = ["as_json", "lines_of", "shown_files"]


def shown_files(raw_file: RawFile) -> str:
    """``3 files, 1234.5 MB, 1 of them without a checksum``."""
    size = bare = 0
    for entry in raw_file.file_info.values():
        try:
            known = read_entry(entry)
        except CorruptRecord:
            continue
        size += known.size or 0
        bare += not known.checksums
    told = f"{counted(len(raw_file.file_info))}, {shown_size(size)}"
    return f"{told}, {bare:,} of them without a checksum in the record" if bare else told


def lines_of(raw_file: RawFile) -> Iterator[str]:
    """The record, with a line for each file."""
    yield f"raw file       {one_line(raw_file.id)}"
    yield f"project        {one_line(raw_file.project_id) or '-'}"
    yield f"S3 path        {one_line(raw_file.s3_upload_path or '') or '-'}"
    yield f"backup status  {one_line(raw_file.backup_status or '') or '-'}"
    yield f"files          {shown_files(raw_file)}"
    for name in sorted(raw_file.file_info):
        yield f"  {one_line(name)}: {_told(raw_file.file_info[name])}"


def as_json(raw_file: RawFile) -> str:
    """The record as a JSON object with the columns of the catalogue."""
    columns = {
        "id": raw_file.id,
        "project_id": raw_file.project_id or None,
        "s3_upload_path": raw_file.s3_upload_path,
        "backup_status": raw_file.backup_status,
        "file_info": dict(raw_file.file_info),
    }
    return json.dumps(columns, indent=2, default=str)


def _told(entry: object) -> str:
    try:
        known = read_entry(entry)
    except CorruptRecord as error:
        return one_line(error.what)
    size = "size unknown" if known.size is None else f"{known.size:,} bytes"
    return ", ".join([size, *map(_with_parts, known.checksums)] if known.checksums else [size, "no checksum"])


def _with_parts(checksum: Checksum) -> str:
    if checksum.parts is None or not checksum.part_sizes:
        return str(checksum)
    return f"{checksum} in parts of {checksum.part_sizes[0] // MIB:,} MiB"
