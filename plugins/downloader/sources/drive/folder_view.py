"""Public folders of Google Drive without a key: the list that is made for other sites to embed.

The page is fetched by the engine's own client and read by gdown, one level at a time. Its `download_folder` would ask
for everything in one go: it cannot be bounded, fails as a whole where one form or private document lies in the folder,
and takes a level that is empty for a moment for an empty one. Nor is it shown the page as it came: its parser takes
minutes for 64 KiB that are made to hurt, so it gets the links alone. The list has names and ids: no sizes, no
checksums.
"""

from __future__ import annotations

from html import escape
from io import BytesIO
from typing import Any, Final

import requests
from gdown.download_folder import _parse_embedded_folder_view as parsed_by_gdown
from gdown.exceptions import DownloadError as NotUnderstood

from ...errors import PermanentError
from ...retry import RetryPolicy
from ..http import Answer, HttpClient, OtherHost, Request, retry_after
from . import errors
from .errors import DRIVE_WORDS, Wanted
from .folder import Entry, Kind, Level, entry_of, no_folder, wanted_folder
from .folder_link import is_id
from .key import DriveKey
from .pages import PAGE_BYTES, Page, links_of, title_of
from .source import DriveAccess
from .throttle import Gate

__all__ = ["FolderView"]

_MOST_BYTES: Final = 16 * 1024 * 1024
_MOST_LINKS: Final = 120_000
"""More than a folder may hold (`drive_folder.Bounds`)."""
_TO_DRIVE: Final = ("https://drive.google.com/", "https://docs.google.com/")
_VIEWS: Final = 3
"""Times that an empty list is asked for before it is believed."""
_BETWEEN_VIEWS: Final = 2.0
"""Seconds."""
_LOGIN: Final = "accounts.google.com"


class FolderView:
    """Reads folders as anyone sees them on the web (`FolderReader`)."""

    def __init__(self, access: DriveAccess, policy: RetryPolicy | None = None) -> None:
        """Nothing is asked yet."""
        self._policy = policy or RetryPolicy()
        self._access = access
        self._url = f"{access.web_url.rstrip('/')}/embeddedfolderview"
        self._headers = {"User-Agent": access.user_agent, "Accept-Language": "en"}
        self._gate = Gate(self._policy.clock)
        self._client = HttpClient(access.hosts, DRIVE_WORDS, access.timeouts, self._gate.hold)

    def read(self, folder: DriveKey, shown: str) -> Level:
        """As `FolderReader.read`. A list that is empty may be so for a moment only: it is asked for again."""
        wanted = wanted_folder(self._access, folder, shown)
        name, entries = self._policy.call(lambda: self._view(wanted))
        for _ in range(_VIEWS - 1):
            if not entries:
                self._policy.pause(_BETWEEN_VIEWS)
                name, entries = self._policy.call(lambda: self._view(wanted))
        return Level(name, entries)

    def _view(self, wanted: Wanted) -> tuple[str, tuple[Entry, ...]]:
        key = wanted.key
        shared = {"resourcekey": key.resource_key} if key.resource_key else {}
        request = Request(self._url, f"the list of {wanted}", {"id": key.id, **shared}, self._headers)
        answer = self._send(request, wanted)
        if answer.status != 200:
            raise self._refusal(answer, wanted)
        body = answer.body(_MOST_BYTES)
        name, children = _understood(body, wanted)
        if not children:
            self._refuse_page(Page(body[:PAGE_BYTES].decode("utf-8", "replace")), wanted)
        self._gate.passed()
        return name, tuple(_entry(*child) for child in children)

    def _send(self, request: Request, wanted: Wanted) -> Answer:
        try:
            return self._client.send(request)
        except OtherHost as error:
            elsewhere = error
        raise errors.private(wanted) if elsewhere.host == _LOGIN else elsewhere

    def _refusal(self, answer: Answer, wanted: Wanted) -> Exception:
        page = Page(answer.beginning(PAGE_BYTES).decode("utf-8", "replace"))
        if answer.status in (404, 410):
            return no_folder(wanted)
        if answer.status == 429 or page.is_robot_check:
            return self._throttled(wanted, retry_after(answer.headers.get("Retry-After")))
        return errors.private(wanted) if answer.status in (401, 403) else answer.refusal()

    def _refuse_page(self, page: Page, wanted: Wanted) -> None:
        """Raises what a page without entries says, where it is not the list of an empty folder."""
        if page.is_robot_check:
            raise self._throttled(wanted, None)
        if page.is_denied:
            raise errors.private(wanted)

    def _throttled(self, wanted: Wanted, wait: float | None) -> Exception:
        self._gate.throttled(wait)
        return errors.throttled(wanted, wait)


class _Fetched(requests.Session):
    """Hands gdown a page that is here already."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._body = body

    def get(self, url: str | bytes, **_: Any) -> requests.Response:
        """The page, whatever is asked for."""
        response = requests.Response()
        response.status_code, response.encoding, response.raw = 200, "utf-8", BytesIO(self._body)
        return response


def _understood(body: bytes, wanted: Wanted) -> tuple[str, list[tuple[str, str, str]]]:
    """The folder's name, and id, name and MIME type of each entry; a file's type is not told."""
    try:
        return parsed_by_gdown(sess=_Fetched(_plain(body)), folder_id=wanted.key.id, verify=True, timeout=None)
    except NotUnderstood:
        pass
    raise PermanentError(f"Google Drive sent a page in place of the list of {wanted}", f"open {wanted.page} by hand")


def _plain(body: bytes) -> bytes:
    """The page's title, and those of its links that lead to Drive, without anything else."""
    text = body.decode("utf-8", "replace")
    title = title_of(text)
    links = [link for link in links_of(text, _MOST_LINKS) if link.address.startswith(_TO_DRIVE)]
    rows = "".join(f'<a href="{escape(link.address)}">{escape(link.text)}</a>' for link in links)
    return (rows if title is None else f"<title>{escape(title)}</title>{rows}").encode("utf-8", "replace")


def _entry(id_: str, name: str, mime: str) -> Entry:
    if not is_id(id_):
        return Entry(DriveKey(""), name, Kind.NO_BYTES, why="its address holds no id")
    return entry_of(DriveKey(id_), name, mime)
