"""The interface of catalogues: records by their id, read-only.

A new kind of catalogue is one module with a function ``open_catalogue(address) -> Catalogue`` and one line in `_KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from typing import Protocol

from .errors import CatalogueError, CatalogueRefused, NoSuchRawFile
from .raw_file import RawFile

__all__ = ["Catalogue", "CatalogueAddress", "closest", "find_raw_file", "open_catalogue"]

_KINDS = {"sqlite": ".sqlite", "postgres": ".postgres", "postgresql": ".postgres"}
"""Kind of connection -> the module here that opens it. Imported on demand, as each needs its driver."""
_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True)
class CatalogueAddress:
    """The address of a catalogue, with the fields of an Airflow connection.

    `kind`: a key of `_KINDS`. `database`: the name of a database, or a SQLite file. `options`: other parameters of the
    driver.
    """

    kind: str
    host: str = ""
    port: int | None = None
    database: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    options: Mapping[str, object] = field(default_factory=dict, repr=False)


class Catalogue(Protocol):
    """Records of raw files. Safe to use from many threads. Every call may raise CatalogueError."""

    def get(self, raw_file_id: str) -> RawFile | None:
        """The record, None if there is none. Raises RecordUnusable if its columns cannot be read."""

    def similar(self, raw_file_id: str, limit: int) -> list[str]:
        """At most `limit` similar ids, the most likely first. A hint only: a slow catalogue may return none."""

    def close(self) -> None:
        """Closes the connection. May be called twice."""


def open_catalogue(address: CatalogueAddress) -> Catalogue:
    """The catalogue at `address`, connected. Raises CatalogueUnreachable, CatalogueRefused."""
    module = _KINDS.get(address.kind.lower())
    if module is None:
        raise CatalogueRefused(
            f"a catalogue of the kind {address.kind!r} is not known",
            f"give its connection one of the types {', '.join(sorted(_KINDS))}",
        )
    opened: Callable[[CatalogueAddress], Catalogue] = import_module(module, __package__).open_catalogue
    return opened(address)


def find_raw_file(catalogue: Catalogue, raw_file_id: str) -> RawFile:
    """The record. Raises NoSuchRawFile, with similar ids, and what `Catalogue.get` raises."""
    found = catalogue.get(raw_file_id)
    if found is not None:
        return found
    similar = _similar(catalogue, raw_file_id)
    question = f"did you mean {' or '.join(similar)}?" if similar else None
    raise NoSuchRawFile(f"no raw file {raw_file_id} in the catalogue", question)


def closest(raw_file_id: str, ids: Iterable[str], limit: int) -> list[str]:
    """The `limit` of `ids` that are most similar to `raw_file_id` in any case; those that contain it first."""
    wanted = raw_file_id.lower()
    by_folded = {found.lower(): found for found in sorted(ids)}
    containing = sorted((folded for folded in by_folded if wanted in folded), key=lambda folded: (len(folded), folded))
    alike = get_close_matches(wanted, by_folded, n=limit, cutoff=0.7)
    return [by_folded[folded] for folded in dict.fromkeys((*containing, *alike))][:limit]


def _similar(catalogue: Catalogue, raw_file_id: str) -> list[str]:
    """Similar ids; none if the catalogue fails, as they are only a hint."""
    try:
        return catalogue.similar(raw_file_id, _SUGGESTIONS)
    except CatalogueError:
        return []
