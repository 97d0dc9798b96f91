"""What Google Drive needs to open a file, as one line of text: the key of its `RemoteFile`.

Usually this is the id. Anything else follows as in a query: ``ID?export=docx&resourcekey=0-abc``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlencode

__all__ = ["EXPORTS", "DriveKey"]

EXPORTS: Final = {"docx": "document", "xlsx": "spreadsheets", "pptx": "presentation"}
"""The formats that Google documents are exported to, each with its kind of document."""


@dataclass(frozen=True, slots=True)
class DriveKey:
    """Identifies one file."""

    id: str
    export: str = ""
    """One of `EXPORTS` for a document, which has no bytes of its own; else ``""``."""
    resource_key: str = field(default="", repr=False)
    """Some links from before 2021 need it."""

    def __str__(self) -> str:
        more = {"export": self.export, "resourcekey": self.resource_key}
        query = urlencode({name: value for name, value in more.items() if value})
        return f"{self.id}?{query}" if query else self.id

    @classmethod
    def parse(cls, text: str) -> DriveKey:
        """Parses what `str` made. Never fails: the server refuses a malformed key."""
        id_, _, query = text.partition("?")
        held = parse_qs(query)
        return cls(id_, held.get("export", [""])[0], held.get("resourcekey", [""])[0])
