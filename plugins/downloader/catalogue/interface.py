"""What the rest sees of a catalogue: records by their id, read and never written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Protocol

from .errors import CatalogueError, NoSuchRawFile
from .raw_file import RawFile

__all__ = ["Catalogue", "CatalogueAddress", "DocumentNames", "closest", "each_id", "find_raw_file"]

_SUGGESTIONS = 3
_PAGE = 1_000
"""Ids that are asked for at once."""
_USER_INFO = re.compile(r"://[^/\s]*@")


@dataclass(frozen=True, slots=True)
class DocumentNames:
    """The names of what a catalogue of documents holds. `database`: ``""`` for that of the address."""

    database: str = ""
    collection: str = "raw_file"
    id: str = "_id"
    project_id: str = "project_id"
    s3_upload_path: str = "s3_upload_path"
    backup_status: str = "backup_status"
    file_info: str = "file_info"


@dataclass(frozen=True, slots=True)
class CatalogueAddress:
    """The address of a catalogue, with the fields of an Airflow connection.

    `kind`: the type of the connection. `database`: a database's name, or a SQLite file. `options`: what the
    driver takes besides. `names`: of MongoDB; the tables of the others have fixed ones.
    """

    kind: str
    host: str = ""
    port: int | None = None
    database: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    options: Mapping[str, object] = field(default_factory=dict, repr=False)
    names: DocumentNames = DocumentNames()

    def without_secrets(self, text: str) -> str:
        """`text` without the secrets of this address, in case a server or a library repeats them."""
        secrets = [str(value) for key, value in self.options.items() if "password" in key.lower()]
        for secret in filter(None, (self.password, *secrets)):
            text = text.replace(secret, "***")
        return _USER_INFO.sub("://***@", text)


class Catalogue(Protocol):
    """Records of raw files. Safe to use from many threads. Every call may raise CatalogueError."""

    def get(self, raw_file_id: str) -> RawFile | None:
        """The record, None if there is none. Raises RecordUnusable if its columns cannot be read."""

    def similar(self, raw_file_id: str, limit: int) -> list[str]:
        """At most `limit` similar ids, the most likely first. A hint only: a slow catalogue may return none."""

    def ids_of_project(self, project_id: str, limit: int) -> list[str]:
        """The ids of a project's raw files whose backup is done, sorted by the catalogue; at most `limit` of them."""

    def ids(self, project_id: str | None, after: str | None, limit: int) -> list[str]:
        """At most `limit` ids of all raw files, or of a project's, behind `after`, as the catalogue sorts them."""

    def close(self) -> None:
        """Closes the connection. May be called twice."""


def find_raw_file(catalogue: Catalogue, raw_file_id: str) -> RawFile:
    """The record. Raises NoSuchRawFile, with similar ids, and what `Catalogue.get` raises."""
    found = catalogue.get(raw_file_id)
    if found is not None:
        return found
    try:
        similar = catalogue.similar(raw_file_id, _SUGGESTIONS)
    except CatalogueError:
        similar = []  # they are only a hint
    question = f"did you mean {' or '.join(similar)}?" if similar else None
    raise NoSuchRawFile(f"no raw file {raw_file_id} in the catalogue", question)


def each_id(catalogue: Catalogue, project_id: str | None = None) -> Iterator[str]:
    """The ids of all raw files, or of a project's, whatever became of their backups. Raises as `Catalogue.ids`."""
    page = catalogue.ids(project_id, None, _PAGE)
    while page:
        yield from page
        page = catalogue.ids(project_id, page[-1], _PAGE) if len(page) == _PAGE else []


def closest(raw_file_id: str, ids: Iterable[str], limit: int) -> list[str]:
    """The `limit` of `ids` that are most similar to `raw_file_id` in any case; those that contain it first."""
    wanted = raw_file_id.lower()
    by_folded = {found.lower(): found for found in sorted(ids)}
    containing = sorted((folded for folded in by_folded if wanted in folded), key=lambda folded: (len(folded), folded))
    alike = get_close_matches(wanted, by_folded, n=limit, cutoff=0.7)
    return [by_folded[folded] for folded in dict.fromkeys((*containing, *alike))][:limit]
