"""The errors of the catalogue.

CatalogueError                a sentence of two parts: what happened, what to do
├── CatalogueUnreachable      it does not answer, or is locked: retryable
├── CatalogueRefused          it refuses: rights, tables, columns, settings
├── NoSuchRawFile             it has no such record
└── RecordUnusable            the record exists, but nothing can be restored from it
"""

from __future__ import annotations

from typing import ClassVar

__all__ = ["DDL_FILE", "CatalogueError", "CatalogueRefused", "CatalogueUnreachable", "NoSuchRawFile", "RecordUnusable"]

DDL_FILE = "include/catalogue.sql"
"""Describes the table that a catalogue must have."""


class CatalogueError(Exception):
    """Reads ``what happened; what to do``, on one line, and never contains a password."""

    retryable: ClassVar[bool] = False
    advice: ClassVar[str] = "check the connection of the catalogue"

    def __init__(self, what: str, advice: str | None = None) -> None:
        super().__init__(what)
        self.what = " ".join(what.split())
        self.to_do = advice or type(self).advice

    def __str__(self) -> str:
        return f"{self.what}; {self.to_do}"


class CatalogueUnreachable(CatalogueError):
    """It does not answer, or is locked: retryable."""

    retryable = True
    advice = "see that the catalogue runs and can be reached from here, then run it again"


class CatalogueRefused(CatalogueError):
    """It refuses: rights, tables, columns, settings."""


class NoSuchRawFile(CatalogueError):
    """It has no such record."""

    advice = "check the id"


class RecordUnusable(CatalogueError):
    """The record exists, but nothing can be restored from it."""

    advice = "repair the record in the catalogue"
