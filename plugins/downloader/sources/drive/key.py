"""What Google Drive needs to open a file, as one line of text: the key of its `RemoteFile`.

Mostly it is the id. What else there is stands behind it as in a query: ``ID?export=docx&resourcekey=0-abc``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlencode

__all__ = ["EXPORTS", "DriveKey"]

EXPORTS: Final = {"docx": "document", "xlsx": "spreadsheets", "pptx": "presentation"}
"""The forms that Google's own documents are exported in, each with the kind of document that has it."""


@dataclass(frozen=True, slots=True)
class DriveKey:
    """Names one file."""

    id: str
    export: str = ""
    """One of `EXPORTS` for a document that has no bytes of its own."""
    resource_key: str = field(default="", repr=False)
    """Some links from before 2021 open with this alone."""

    def __str__(self) -> str:
        more = {"export": self.export, "resourcekey": self.resource_key}
        query = urlencode({name: value for name, value in more.items() if value})
        return f"{self.id}?{query}" if query else self.id

    @classmethod
    def parse(cls, text: str) -> DriveKey:
        """What `str` made. Whatever is odd in it, the answer is a key: the server refuses it then."""
        id_, _, query = text.partition("?")
        held = parse_qs(query)
        return cls(id_, held.get("export", [""])[0], held.get("resourcekey", [""])[0])
