"""Why there is no object of a key: it was deleted from a bucket with versions, or its key has another form.

Forms that get lost between disks, uploads and records: Unicode NFC and NFD (macOS), a backslash of Windows, a leading
slash, a space at the end, a plus or percent signs out of a URL, upper and lower case.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from unicodedata import normalize
from urllib.parse import quote, unquote, unquote_plus

from ...errors import DownloadError, ObjectNotFound
from .bucket import S3Bucket

__all__ = ["MissingObjects"]

_MOST: Final = 20
"""Keys that are looked into. Of a record whose keys are all wrong the first tell enough."""
_LISTED: Final = 1000
_ADVICE: Final = "correct the key where it is recorded, or rename the object"


class MissingObjects:
    """Looks for the reasons in one bucket."""

    def __init__(self, bucket: S3Bucket) -> None:
        self._bucket = bucket
        self._left = _MOST

    def explained(self, key: str, problem: ObjectNotFound) -> DownloadError:
        """`problem`, or what explains it."""
        about = self._bucket.subject(key)
        if self._left <= 0 or problem.what != f"there is no object {about}":
            return problem
        self._left -= 1
        try:
            self._bucket.request("head_object", key)
        except ObjectNotFound as error:
            if error.what != problem.what:
                return error  # a delete marker
        except DownloadError:
            pass
        form = self._other_form(key)
        if form is None:
            return problem
        found, how = form
        return ObjectNotFound(f"there is no object {about}; there is s3://{about.bucket}/{found}, {how}", _ADVICE)

    def _other_form(self, key: str) -> tuple[str, str] | None:
        for candidate, how in _forms(key):
            if self._exists(candidate):
                return candidate, how
        folder = key.rpartition("/")[0]
        try:
            answer = self._bucket.request(
                "list_objects_v2", Prefix=f"{folder}/" if folder else "", MaxKeys=_LISTED, EncodingType="url"
            )
        except DownloadError:
            return None
        for listed in answer.get("Contents", []):
            found = unquote_plus(listed["Key"]) if answer.get("EncodingType") == "url" else listed["Key"]
            if found != key and _folded(found) == _folded(key):
                return found, "which differs in upper and lower case, in spaces or in its Unicode form"
        return None

    def _exists(self, key: str) -> bool:
        try:
            if self._bucket.quirks.heads:
                self._bucket.request("head_object", key)
            else:
                self._bucket.first_byte(key)
        except DownloadError:
            return False
        return True


def _forms(key: str) -> Iterator[tuple[str, str]]:
    """Other forms of `key`, each once, with what is different about it."""
    forms = {
        normalize("NFC", key): "whose accents are composed characters (Unicode NFC)",
        normalize("NFD", key): "whose accents are characters of their own (Unicode NFD)",
        key.replace("\\", "/"): "with / for \\",
        key.replace("/", "\\"): "with \\ for /",
        _with_last(key, "\\"): "with \\ for the last /",
        key.lstrip("/"): "without a slash at its beginning",
        f"/{key}": "with a slash at its beginning",
        key.strip(): "without spaces around it",
        f"{key} ": "with a space at its end",
        key.replace("+", " "): "with spaces for +",
        key.replace(" ", "+"): "with + for spaces",
        unquote(key): "with the characters that its percent signs stand for",
        quote(key): "with percent signs for some characters",
    }
    return ((form, how) for form, how in forms.items() if form not in ("", key))


def _with_last(key: str, separator: str) -> str:
    folder, slash, name = key.rpartition("/")
    return f"{folder}{separator}{name}" if slash else key


def _folded(key: str) -> str:
    return normalize("NFC", normalize("NFC", key.strip().lstrip("/").replace("\\", "/")).casefold())
