"""Opening a catalogue of any kind. A driver is imported when it is asked for: nobody loads one that is not used.

A new kind of catalogue is a module with a function ``open_catalogue(address) -> Catalogue``, and a function here.
"""

from __future__ import annotations

from .errors import CatalogueRefused
from .interface import Catalogue, CatalogueAddress

__all__ = ["open_catalogue"]


def open_catalogue(address: CatalogueAddress) -> Catalogue:
    """The catalogue at `address`, connected. Raises CatalogueUnreachable, CatalogueRefused."""
    open_kind = _KINDS.get(address.kind.lower())
    if open_kind is None:
        raise CatalogueRefused(
            f"a catalogue of the kind {address.kind!r} is not known",
            f"give its connection one of the types {', '.join(sorted(_KINDS))}",
        )
    return open_kind(address)


def _sqlite(address: CatalogueAddress) -> Catalogue:
    from . import sqlite

    return sqlite.open_catalogue(address)


def _postgres(address: CatalogueAddress) -> Catalogue:
    from . import postgres

    return postgres.open_catalogue(address)


def _mongo(address: CatalogueAddress) -> Catalogue:
    from . import mongo

    return mongo.open_catalogue(address)


_KINDS = {
    "sqlite": _sqlite,
    "postgres": _postgres,
    "postgresql": _postgres,
    "mongo": _mongo,
    "mongodb": _mongo,
    "mongodb+srv": _mongo,
}
"""By the type of the connection."""
