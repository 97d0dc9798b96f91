"""Answers of the stand-in Drive's API, version 3: records of files, and pages of lists."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from .drive_files import DriveFile, DriveFolder
from .drive_pages import api_error, api_says
from .wire import Answer, Fault

__all__ = ["USUAL", "folder_asked", "list_page", "record", "refused_key"]

_IN_PARENTS: Final = re.compile(r"\s*'([^']+)'\s+in\s+parents\s+and\s+trashed\s*=\s*false\s*")
_OF_FILES: Final = re.compile(r"files\((.*)\)")
_NESTED: Final = re.compile(r"\([^()]*\)")
USUAL: Final = "kind,id,name,mimeType"
_SUMS: Final = {"md5Checksum", "sha256Checksum"}
_PAGE: Final = 100
"""Files on a page where the client names no ``pageSize``."""

MimeOf = Callable[[str], str]
"""The MIME type of an id."""


def refused_key(given: str | None, due: str) -> Fault | None:
    """What a missing or wrong key is answered: 403, or 400."""
    if given == due:
        return None
    if given:
        return api_error(400, "badRequest", "API key not valid. Please pass a valid API key.")
    return api_error(403, "forbidden", "Method doesn't allow unregistered callers.")


def folder_asked(query: Mapping[str, str]) -> str | None:
    """The folder in ``'FOLDER' in parents and trashed=false``; None for any other question."""
    found = _IN_PARENTS.fullmatch(query.get("q", ""))
    return found[1] if found else None


def list_page(held: Sequence[DriveFile | DriveFolder], query: Mapping[str, str], limit: int, mime_of: MimeOf) -> Answer:
    """A page of a list, from where ``pageToken`` says, with the fields that are asked for: no others."""
    fields = query.get("fields", f"nextPageToken,files({USUAL})")
    start = _start(query.get("pageToken", ""))
    if start is None:
        return api_error(400, "invalid", "Invalid Value")(Answer(400, {}))
    stop = start + min(int(query.get("pageSize", _PAGE)), limit)
    of_files = _OF_FILES.search(fields)
    names = of_files[1] if of_files else USUAL
    answer: dict[str, object] = {"files": [record(one, names, mime_of) for one in held[start:stop]]}
    if stop < len(held) and "nextPageToken" in fields:
        answer["nextPageToken"] = _token(stop)
    return api_says(answer)


def record(held: DriveFile | DriveFolder, fields: str, mime_of: MimeOf) -> dict[str, object]:
    """What the API says of one file or folder: of `fields`, a list with commas, what it has."""
    names = {name.strip() for name in _NESTED.sub("", fields).split(",")}
    known: dict[str, object] = {"kind": "drive#file", "id": held.id, "name": held.name, "mimeType": held.type}
    if isinstance(held, DriveFile):
        known |= _of_file(held, names, mime_of)
    return {name: value for name, value in known.items() if name in names and value is not None}


def _of_file(file: DriveFile, names: set[str], mime_of: MimeOf) -> dict[str, object]:
    if file.shortcut_to:
        return {
            "shortcutDetails": {"targetId": file.shortcut_to, "targetMimeType": mime_of(file.shortcut_to)},
            **file.api_fields,
        }
    if file.native:
        return dict(file.api_fields)
    # Of gigabytes, only who asks for the checksums waits for them.
    sums = file.checksums if names & (_SUMS - file.api_fields.keys()) else {}
    return {"size": str(len(file.content)), **sums, **file.api_fields}


def _token(start: int) -> str:
    return base64.urlsafe_b64encode(f"~!!~from:{start}".encode()).decode()


def _start(token: str) -> int | None:
    if not token:
        return 0
    found = re.fullmatch(rb"~!!~from:(\d+)", base64.urlsafe_b64decode(token + "=="))
    return int(found[1]) if found else None
