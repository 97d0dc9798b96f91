"""Adds records, and says of each what became of it. A record that is there is changed only where that is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from downloader.catalogue import RawFile, RecordUnusable
from downloader_tasks.wording import a_few, counted, one_line

from .records import Records
from .showing import shown_files

__all__ = ["Adding"]

_SHORTEST_ID: Final = 3
"""The form of `s3_downloader` takes no shorter one."""
_LONGEST_ID: Final = 255


@dataclass
class Adding:
    """`records`: None where there is no catalogue yet, and none is to be made. `dry_run`: nothing is written."""

    records: Records | None
    replacing: bool = False
    dry_run: bool = False
    added: list[str] = field(default_factory=list)
    """The ids of the records that were added or changed, or would be."""
    held_back: int = 0
    """Raw files of which no record could be written, or whose record differs and was left as it is."""

    def take(self, raw_file: RawFile) -> str:
        """Adds one record. Answers what became of it, in a line. Raises CatalogueError."""
        name, told = one_line(raw_file.id), shown_files(raw_file)
        if not _SHORTEST_ID <= len(raw_file.id) <= _LONGEST_ID:
            self.held_back += 1
            return f"left out    {name}: an id has {_SHORTEST_ID} to {_LONGEST_ID} characters; add it alone with --id"
        try:
            before = self.records.get(raw_file.id) if self.records else None
        except RecordUnusable as error:
            return self._change(raw_file, one_line(error.what))
        if before is None:
            if self.dry_run or self.records is None:
                self.added.append(raw_file.id)
                return f"would add   {name}: {told}"
            if self.records.add(raw_file):
                self.added.append(raw_file.id)
                return f"added       {name}: {told}"
            return self._change(raw_file, "another program has just added it")
        if raw_file.s3_upload_path is None:  # of a folder that may have been uploaded before
            raw_file = replace(raw_file, s3_upload_path=before.s3_upload_path, backup_status=before.backup_status)
        differs = _differences(before, raw_file)
        return self._change(raw_file, differs) if differs else f"unchanged   {name}: {told}"

    def _change(self, raw_file: RawFile, differs: str) -> str:
        name = one_line(raw_file.id)
        if not self.replacing or self.records is None:
            self.held_back += 1
            return f"differs     {name}: {differs}; its record stays as it is, --replace changes it"
        self.added.append(raw_file.id)
        if self.dry_run:
            return f"would change  {name}: {differs}"
        self.records.replace(raw_file)
        return f"changed     {name}: {differs}"


def _differences(before: RawFile, after: RawFile) -> str:
    """What is different, on one line; ``""`` for nothing."""
    columns = (
        ("project_id", before.project_id, after.project_id),
        ("s3_upload_path", _place(before), _place(after)),
        ("backup_status", before.backup_status, after.backup_status),
    )
    told = [f"{name} is {_quoted(old)}, and not {_quoted(new)}" for name, old, new in columns if old != new]
    return ", ".join([*told, *_file_differences(before.file_info, after.file_info)])


def _place(raw_file: RawFile) -> str | None:
    """Paths that are written in different ways may be the same."""
    try:
        place = raw_file.upload_path()
    except RecordUnusable:
        return raw_file.s3_upload_path
    return f"s3://{place.bucket}/{place.prefix}"


def _quoted(value: str | None) -> str:
    return one_line(value) if value else "empty"


def _file_differences(before: Mapping[str, object], after: Mapping[str, object]) -> Iterable[str]:
    groups = {
        "new": [name for name in after if name not in before],
        "gone": [name for name in before if name not in after],
        "different": [name for name in after if name in before and before[name] != after[name]],
    }
    return [f"{what}: {counted(len(names))} ({a_few(names, 3)})" for what, names in groups.items() if names]
