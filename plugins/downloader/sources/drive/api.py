"""Files of Google Drive through version 3 of its API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

import orjson

from ...checksums import Checksum
from ...errors import DownloadError
from ..http import HttpAnswer, HttpClient, HttpRequest, retry_after
from . import errors
from .access import DriveAccess
from .detours import send, slowed_down
from .errors import Wanted
from .key import DriveKey
from .pages import PAGE_BYTES, DrivePage
from .reasons import Reasons, reasons_of
from .throttle import Throttle

__all__ = ["NATIVE", "DriveApi", "Record", "record_of", "text_of"]

_MOST_JSON: Final = 256 * 1024
_MOST_PAGE: Final = 16 * 1024 * 1024
_FIELDS: Final = "id,name,size,md5Checksum,sha256Checksum,mimeType"
NATIVE: Final = "application/vnd.google-apps."
"""The prefix of the MIME types of everything that has no bytes of its own."""
_ABUSIVE: Final = "cannotDownloadAbusiveFile"
_CARRIES_BYTES: Final = frozenset({200, 206, 416})
_LONGEST_TEXT: Final = 32 * 1024
"""Characters of a field: the longest name that Drive accepts."""
_SIZE: Final = re.compile(r"[0-9]{1,18}")
_HEX: Final = re.compile(r"[0-9a-f]+")
_MEDIA: Final = ("image/", "video/", "audio/")
_MEDIA_IN_CONTAINERS: Final = frozenset(
    {"application/mp4", "application/mxf", "application/ogg", "application/vnd.apple.mpegurl", "application/x-matroska"}
)
_PICTURES: Final = frozenset({".avif", ".bmp", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".webp"})
_VIDEOS: Final = frozenset(
    {".3gp", ".avi", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".webm", ".wmv"}
)
_SOUNDS: Final = frozenset({".aac", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".wav", ".wma"})
_MEDIA_SUFFIXES: Final = _PICTURES | _VIDEOS | _SOUNDS
"""For what was uploaded as mere bytes, which has no other type."""
_OF_ORIGINAL: Final = (
    "Google Drive's checksum differs, which proves nothing for pictures, videos and sounds: it may be of the original"
)


@dataclass(frozen=True, slots=True)
class Record:
    """What the API knows of one file, without invalid values. Checksums of media bear a doubt."""

    size: int | None
    checksums: tuple[Checksum, ...]


class DriveApi:
    """Downloads through the API. Safe to use from many threads."""

    def __init__(self, client: HttpClient, throttle: Throttle, access: DriveAccess) -> None:
        self._client = client
        self._throttle = throttle
        self._files_url = f"{access.api_url.rstrip('/')}/files"
        self._key = access.key
        self._key_place = access.key_place
        self._user_agent = access.user_agent
        self._acknowledged: set[DriveKey] = set()
        """Files that Drive serves only with `acknowledgeAbuse`, since it takes them for malware."""

    def open(self, wanted: Wanted, start: int, stop: int | None) -> HttpAnswer:
        """The answer that carries the bytes: 200, 206 or 416. Raises DownloadError for any other."""
        acknowledged = wanted.key in self._acknowledged
        more = {"acknowledgeAbuse": "true"} if acknowledged else {}
        request = self._request(wanted, {"alt": "media", **more}).ranged(start, stop)
        answer = send(self._client, request, wanted, self._throttle)
        if answer.status in _CARRIES_BYTES:
            self._throttle.succeeded()
            return answer
        body = answer.beginning(PAGE_BYTES)
        if _ABUSIVE in reasons_of(_json_object(body)).words and not acknowledged:
            self._acknowledged.add(wanted.key)
            return self.open(wanted, start, stop)
        raise self._error(answer, body, wanted)

    def describe(self, wanted: Wanted) -> Record:
        """Size and checksums. Raises DownloadError where the API refuses."""
        held = self.metadata(wanted, _FIELDS)
        if text_of(held, "mimeType").startswith(NATIVE):
            raise errors.no_bytes(wanted)
        return record_of(held)

    def metadata(self, wanted: Wanted, fields: str) -> dict[str, Any]:
        """The `fields` of a file or folder as JSON, not validated. Raises DownloadError where the API refuses."""
        return self._object(self._request(wanted, {"fields": fields}), wanted, _MOST_JSON)

    def page(self, folder: Wanted, fields: str, token: str = "") -> dict[str, Any]:
        """One page of the list of `folder`, as JSON. A folder that is not visible has an empty one."""
        params = {
            "q": f"'{folder.key.id}' in parents and trashed=false",
            "fields": fields,
            "pageSize": "1000",
            "includeItemsFromAllDrives": "true",
            **({"pageToken": token} if token else {}),
        }
        request = replace(self._request(folder, params), url=self._files_url)
        return self._object(request, folder, _MOST_PAGE)

    def _object(self, request: HttpRequest, wanted: Wanted, most: int) -> dict[str, Any]:
        answer = send(self._client, request, wanted, self._throttle)
        if answer.status != 200:
            raise self._error(answer, answer.beginning(PAGE_BYTES), wanted)
        held = _json_object(answer.body(most))
        self._throttle.succeeded()
        return held

    def _request(self, wanted: Wanted, params: Mapping[str, str]) -> HttpRequest:
        key = wanted.key
        private = {"X-Goog-Api-Key": self._key}
        if key.resource_key:
            private["X-Goog-Drive-Resource-Keys"] = f"{key.id}/{key.resource_key}"
        url = f"{self._files_url}/{quote(key.id, safe='')}"
        params = {**params, "supportsAllDrives": "true"}
        return HttpRequest(url, str(wanted), params, {"User-Agent": self._user_agent}, private)

    def _error(self, answer: HttpAnswer, body: bytes, wanted: Wanted) -> DownloadError:
        """The error of a refusal. Its reason comes first: a status stands for many."""
        reasons, status = reasons_of(_json_object(body)), answer.status
        wait = retry_after(answer.headers.get("Retry-After"))
        if reasons.throttle:
            return slowed_down(wanted, self._throttle, wait)
        known = None if status >= 500 else reasons.error(wanted, self._key_place)
        if known is not None:
            return known
        page = None if reasons.words else _page(answer, body)
        if page is not None and (shown := self._shown(page, status, wait, wanted)) is not None:
            return shown
        if status == 429:
            return slowed_down(wanted, self._throttle, wait)
        if status in (404, 410):
            return errors.missing(wanted)
        if status >= 500 or status in (408, 425):
            return answer.refusal()
        return self._unknown(reasons, status, wanted)

    def _shown(self, page: DrivePage, status: int, wait: float | None, wanted: Wanted) -> DownloadError | None:
        """The error that a web page shows in place of the API's answer; None where its status says more."""
        if page.is_consent:
            return errors.consent(wanted)
        if page.is_robot_check:
            return slowed_down(wanted, self._throttle, wait, robot=True)
        if status != 403:
            return None
        self._throttle.slow_down(wait)
        return errors.perhaps_robot(wanted, wait)

    def _unknown(self, reasons: Reasons, status: int, wanted: Wanted) -> DownloadError:
        if status == 401 and not reasons.words:
            return errors.login_wanted(wanted)
        word = reasons.word.replace(self._key, "***") if self._key else reasons.word
        return errors.refused(wanted, status, word)


def _page(answer: HttpAnswer, body: bytes) -> DrivePage | None:
    """A web page in place of the API's answer: Google's check for robots, or a proxy's. None for anything else."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return DrivePage(body.decode("utf-8", "replace")) if kind in ("text/html", "application/xhtml+xml") else None


def _json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; an empty one if it holds anything else."""
    try:
        held = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return held if isinstance(held, dict) else {}


def record_of(held: Mapping[str, Any]) -> Record:
    """What the fields of `_FIELDS` say, where they are valid."""
    given = held.get("size")
    size = str(given) if isinstance(given, int) else text_of(held, "size")
    doubt = _OF_ORIGINAL if _is_media(text_of(held, "mimeType"), text_of(held, "name")) else ""
    checksums: list[Checksum] = []
    for algorithm, digits in (("sha256", 64), ("md5", 32)):
        value = text_of(held, f"{algorithm}Checksum").lower()
        if len(value) == digits and _HEX.fullmatch(value):
            checksums.append(Checksum(algorithm, value, guessed=bool(doubt), doubt=doubt))
    return Record(int(size) if _SIZE.fullmatch(size) else None, tuple(checksums))


def _is_media(mime: str, name: str) -> bool:
    """Whether it is a picture, a video or a sound, by its type or its name."""
    kind, suffix = mime.lower(), PurePosixPath(name).suffix.lower()
    return kind.startswith(_MEDIA) or kind in _MEDIA_IN_CONTAINERS or suffix in _MEDIA_SUFFIXES


def text_of(held: Mapping[str, Any], name: str) -> str:
    """The field `name`; ``""`` if it is missing, not a string, or too long."""
    value = held.get(name)
    return value if isinstance(value, str) and len(value) <= _LONGEST_TEXT else ""
