"""Parses the address of a folder of Google Drive, in every form that people copy it in."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

from .key import DriveKey

__all__ = ["is_id", "parse_folder", "resource_key_of"]

_ID: Final = re.compile(r"[A-Za-z0-9_-]{10,200}")
_RESOURCE_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
_BARE: Final = re.compile(r"([A-Za-z0-9_-]{10,200})(?:\?(.*))?")
_HOSTS: Final = frozenset({"drive.google.com", "docs.google.com"})
_BEHIND: Final = frozenset({"folders", "mobile"})
"""The step before the id in ``/drive/u/0/folders/ID`` and similar paths."""
_BY_QUERY: Final = frozenset({"open", "folderview", "embeddedfolderview"})
_OF_FILES: Final = frozenset({"file", "document", "spreadsheets", "presentation", "forms", "uc"})
_LONGEST: Final = 2000
_EXAMPLE: Final = "copy the folder's address from the browser, such as https://drive.google.com/drive/folders/ID"


def is_id(value: object) -> bool:
    """Whether `value` can be the id of a file or folder."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def resource_key_of(value: object) -> str:
    """`value` if it can be a resource key, else ``""``."""
    return value if isinstance(value, str) and _RESOURCE_KEY.fullmatch(value) else ""


def parse_folder(text: str) -> DriveKey:
    """The folder that `text` names: an address, with or without ``https://``, or a bare id.

    Raises ValueError, whose message says what to give instead.
    """
    text = text.strip().strip("<>\"'").strip()
    if len(text) > _LONGEST:
        raise ValueError(f"is too long for an address; {_EXAMPLE}")
    bare = _BARE.fullmatch(text)
    if bare:
        return DriveKey(bare[1], resource_key=_resource_key(bare[2] or ""))
    parts = _parts(text)
    steps = [step for step in parts.path.split("/") if step]
    id_ = _id_behind(steps) or _id_behind(parts.fragment.split("/")) or _id_in_query(steps, parts.query)
    if not id_:
        of_file = bool(_OF_FILES & set(steps[:1]))
        raise ValueError(f"{'is the address of a file' if of_file else 'names no folder'}; {_EXAMPLE}")
    return DriveKey(id_, resource_key=_resource_key(parts.query))


def _parts(text: str) -> SplitResult:
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        raise ValueError(f"is not an address; {_EXAMPLE}") from None
    if parts.scheme not in ("https", "http") or host not in _HOSTS:
        raise ValueError(f"is not an address of Google Drive; {_EXAMPLE}")
    return parts


def _id_behind(steps: list[str]) -> str:
    """The id in ``drive/u/0/folders/ID``, ``drive/mobile/folders/ID`` or ``folder/d/ID/edit``."""
    for place, step in enumerate(steps):
        behind = steps[place + 2 :] if step == "folder" and steps[place + 1 : place + 2] == ["d"] else []
        behind = steps[place + 1 :] if step in _BEHIND else behind
        if behind and is_id(behind[0]):
            return behind[0]
    return ""


def _id_in_query(steps: list[str], query: str) -> str:
    """The id in ``open?id=ID`` and similar addresses."""
    id_ = parse_qs(query).get("id", [""])[0] if steps and steps[-1] in _BY_QUERY else ""
    return id_ if is_id(id_) else ""


def _resource_key(query: str) -> str:
    return resource_key_of(parse_qs(query).get("resourcekey", [""])[0])
