"""Files of Google Drive through version 3 of its API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

import orjson

from ...checksums import Checksum
from ...errors import DownloadError
from ..http import HttpAnswer, HttpClient, HttpRequest, retry_after
from . import errors
from .errors import Wanted
from .key import DriveKey
from .throttle import Throttle

__all__ = ["NATIVE", "DriveApi", "Record", "record_of", "text_of"]

_MOST_JSON: Final = 256 * 1024
_MOST_PAGE: Final = 16 * 1024 * 1024
_FIELDS: Final = "id,size,md5Checksum,sha256Checksum,mimeType"
NATIVE: Final = "application/vnd.google-apps."
"""The prefix of the MIME types of everything that has no bytes of its own."""
_THROTTLED: Final = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded"})
_ABUSIVE: Final = "cannotDownloadAbusiveFile"
_CARRIES_BYTES: Final = frozenset({200, 206, 416})
_LONGEST_TEXT: Final = 32 * 1024
"""Characters of a field: the longest name that Drive accepts."""
_SIZE: Final = re.compile(r"[0-9]{1,18}")
_HEX: Final = re.compile(r"[0-9a-f]+")

_PERMANENT: Final[Mapping[str, Callable[[Wanted], DownloadError]]] = {
    "notFound": errors.missing,
    "downloadQuotaExceeded": errors.quota,
    _ABUSIVE: errors.infected,
    "fileNotDownloadable": errors.no_bytes,
    "dailyLimitExceeded": errors.key_used_up,
    "quotaExceeded": errors.key_used_up,
    "keyInvalid": errors.key_refused,
    "keyExpired": errors.key_refused,
    "accessNotConfigured": errors.key_refused,
    "ipRefererBlocked": errors.key_refused,
    "badRequest": errors.key_refused,
}
"""Reasons of the API for which a retry does not help, and their errors."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the API knows of one file, without the values that are not trustworthy."""

    size: int | None
    checksums: tuple[Checksum, ...]


class DriveApi:
    """Downloads through the API. Safe to use from many threads."""

    def __init__(self, client: HttpClient, throttle: Throttle, api_url: str, key: str, user_agent: str) -> None:
        self._client = client
        self._throttle = throttle
        self._files_url = f"{api_url}/files"
        self._key = key
        self._user_agent = user_agent
        self._acknowledged: set[DriveKey] = set()
        """Files that Drive serves only with `acknowledgeAbuse`, since it takes them for malware."""

    def open(self, wanted: Wanted, start: int, stop: int | None) -> HttpAnswer:
        """The answer that carries the bytes: 200, 206 or 416. Raises DownloadError for any other."""
        acknowledged = wanted.key in self._acknowledged
        more = {"acknowledgeAbuse": "true"} if acknowledged else {}
        answer = self._client.send(self._request(wanted, {"alt": "media", **more}).ranged(start, stop))
        if answer.status in _CARRIES_BYTES:
            self._throttle.succeeded()
            return answer
        reason = _reason(answer)
        if reason == _ABUSIVE and not acknowledged:
            self._acknowledged.add(wanted.key)
            return self.open(wanted, start, stop)
        raise self._error(reason, answer, wanted)

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
        answer = self._client.send(request)
        if answer.status != 200:
            raise self._error(_reason(answer), answer, wanted)
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

    def _error(self, reason: str, answer: HttpAnswer, wanted: Wanted) -> DownloadError:
        if reason in _PERMANENT:
            return _PERMANENT[reason](wanted)
        if reason in _THROTTLED or answer.status == 429:
            wait = retry_after(answer.headers.get("Retry-After"))
            self._throttle.slow_down(wait)
            return errors.throttled(wanted, wait)
        if answer.status in (404, 410):
            return errors.missing(wanted)
        if answer.status in (401, 403):
            return errors.private(wanted)
        return answer.refusal()


def _reason(answer: HttpAnswer) -> str:
    """The API's reason for a refusal, such as ``notFound``; ``""`` if it gave none."""
    error = _json_object(answer.beginning(_MOST_JSON)).get("error")
    listed = error.get("errors") if isinstance(error, dict) else None
    first = listed[0] if isinstance(listed, list) and listed else None
    reason = first.get("reason") if isinstance(first, dict) else None
    return reason if isinstance(reason, str) else ""


def _json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; an empty one if it holds anything else."""
    try:
        held = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return held if isinstance(held, dict) else {}


def record_of(held: Mapping[str, Any]) -> Record:
    """Size and checksums from the fields `size`, `mimeType`, `md5Checksum` and `sha256Checksum`, where valid."""
    given = held.get("size")
    size = str(given) if isinstance(given, int) else text_of(held, "size")
    # The checksums of photos are known not to match what is sent.
    photo = text_of(held, "mimeType").startswith("image/")
    checksums: list[Checksum] = []
    for algorithm, digits in (("sha256", 64), ("md5", 32)):
        value = text_of(held, f"{algorithm}Checksum").lower()
        if not photo and len(value) == digits and _HEX.fullmatch(value):
            checksums.append(Checksum(algorithm, value))
    return Record(int(size) if _SIZE.fullmatch(size) else None, tuple(checksums))


def text_of(held: Mapping[str, Any], name: str) -> str:
    """The field `name`; ``""`` if it is missing, not a string, or too long."""
    value = held.get(name)
    return value if isinstance(value, str) and len(value) <= _LONGEST_TEXT else ""
