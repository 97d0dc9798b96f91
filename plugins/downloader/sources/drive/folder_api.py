"""Folders of Google Drive through its API: names, sizes and checksums; shortcuts are followed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from ...errors import AccessDenied, ObjectNotFound, PermanentError, ServerBusy
from ...retry import RetryPolicy
from ..http import HttpClient
from .access import DriveAccess
from .api import NATIVE, DriveApi, record_of, text_of
from .errors import DRIVE_ADVICE, Wanted
from .folder import FOLDER, FolderEntry, FolderLevel, Kind, entry_of, no_folder, wanted_folder
from .folder_link import is_id, resource_key_of
from .key import DriveKey
from .throttle import Throttle

__all__ = ["FolderByKey"]

_SHORTCUT: Final = f"{NATIVE}shortcut"
_OF_ONE: Final = (
    "id,name,size,md5Checksum,sha256Checksum,mimeType,resourceKey,"
    "shortcutDetails(targetId,targetMimeType,targetResourceKey)"
)
_OF_PAGE: Final = f"nextPageToken,files({_OF_ONE})"
_MOST_PAGES: Final = 10_000
"""Drive may send empty pages in between, so the number of files does not limit that of pages."""
_LONGEST_TOKEN: Final = 4096

Fields = Mapping[str, Any]


class FolderByKey:
    """Reads folders through the API (`FolderReader`)."""

    def __init__(self, access: DriveAccess, policy: RetryPolicy | None = None) -> None:
        """`access.key` is the API key. No request is sent yet."""
        self._policy = policy or RetryPolicy()
        self._access = access
        throttle = Throttle(self._policy.clock)
        client = HttpClient(access.hosts, DRIVE_ADVICE, access.timeouts, throttle.wait)
        self._api = DriveApi(client, throttle, access)

    def read(self, folder: DriveKey, shown: str) -> FolderLevel:
        """As `FolderReader.read`. A shortcut to a folder is followed."""
        # A folder that is not visible has an empty list like an empty one, so its own record is requested first.
        held = self._of_folder(folder, shown)
        if held.get("mimeType") == _SHORTCUT:
            folder = _linked(held)
            held = self._of_folder(folder, shown)
        if held.get("mimeType") != FOLDER:
            raise PermanentError(f"{shown} is not a folder", "give the address of the folder that it is in")
        return FolderLevel(text_of(held, "name"), map(self._entry, self._listed(folder, shown)))

    def _of_folder(self, folder: DriveKey, shown: str) -> Fields:
        wanted = wanted_folder(self._access, folder, shown)
        try:
            return self._policy.call(lambda: self._api.metadata(wanted, _OF_ONE))
        except ObjectNotFound:
            pass
        raise no_folder(wanted)

    def _listed(self, folder: DriveKey, shown: str) -> Iterator[Fields]:
        wanted, token = wanted_folder(self._access, folder, f"the list of {shown}"), ""
        for _ in range(_MOST_PAGES):
            files, token = self._policy.call(lambda token=token: self._page(wanted, token))  # type: ignore[misc]
            yield from files
            if not token:
                return
        raise PermanentError(f"the list of {shown} does not end after {_MOST_PAGES:,} pages")

    def _page(self, wanted: Wanted, token: str) -> tuple[list[Fields], str]:
        held = self._api.page(wanted, _OF_PAGE, token)
        files, following = held.get("files"), held.get("nextPageToken", "")
        well_formed = isinstance(files, list) and all(isinstance(one, dict) for one in files)
        if not well_formed or not isinstance(following, str) or len(following) > _LONGEST_TOKEN:
            raise ServerBusy(f"Google Drive answered with something else than {wanted}")
        return files or [], following

    def _entry(self, fields: Fields) -> FolderEntry:
        key = DriveKey(text_of(fields, "id"), resource_key=resource_key_of(fields.get("resourceKey")))
        name, mime = text_of(fields, "name"), text_of(fields, "mimeType")
        if not is_id(key.id):
            return FolderEntry(key, name, Kind.NO_BYTES, why="Google Drive gives no valid id for it")
        if mime == _SHORTCUT:
            return self._behind_shortcut(fields, name)
        return _with_record(entry_of(key, name, mime), fields)

    def _behind_shortcut(self, fields: Fields, name: str) -> FolderEntry:
        """What a shortcut leads to, under the shortcut's name. A file that cannot be read has no size."""
        linked, mime = _linked(fields), text_of(_details(fields), "targetMimeType")
        if not is_id(linked.id) or mime == _SHORTCUT:
            return FolderEntry(linked, name, Kind.NO_BYTES, why="a shortcut that leads to no file or folder")
        entry = entry_of(linked, name, mime, shortcut=True)
        if not entry.needs_size:
            return entry
        wanted = Wanted(linked, name, self._access.page(linked))
        try:
            return _with_record(entry, self._policy.call(lambda: self._api.metadata(wanted, _OF_ONE)))
        except (ObjectNotFound, AccessDenied):
            return entry


def _with_record(entry: FolderEntry, fields: Fields) -> FolderEntry:
    if not entry.needs_size:
        return entry
    record = record_of(fields)
    # A manifest holds no checksum that bears a doubt: who reads it there takes it for the file's own.
    return replace(entry, size=record.size, checksums=tuple(one for one in record.checksums if not one.doubt))


def _details(fields: Fields) -> Fields:
    held = fields.get("shortcutDetails")
    return held if isinstance(held, dict) else {}


def _linked(fields: Fields) -> DriveKey:
    details = _details(fields)
    return DriveKey(text_of(details, "targetId"), resource_key=resource_key_of(details.get("targetResourceKey")))
