"""Public folders of Google Drive without a key, from the list that Drive makes for other sites to embed.

One page lists one level: names and addresses, no sizes and no checksums. `pages.links_of` reads the links of the
page, `_entry_of` derives the kind of each entry from its address.
"""

from __future__ import annotations

import re
from typing import Final

from ...errors import PermanentError
from ...retry import RetryPolicy
from ..http import HttpAnswer, HttpClient, HttpRequest, OtherHost, retry_after
from . import errors
from .api import NATIVE
from .errors import DRIVE_ADVICE, Wanted
from .folder import FOLDER, FolderEntry, FolderLevel, Kind, entry_of, no_folder, wanted_folder
from .folder_link import is_id
from .key import DriveKey
from .pages import PAGE_BYTES, DrivePage, Link, links_of, title_of
from .source import DriveAccess
from .throttle import Throttle

__all__ = ["FolderView"]

_MOST_BYTES: Final = 16 * 1024 * 1024
_MOST_LINKS: Final = 120_000
"""More than `folder.Bounds` allows."""
_ADDRESS: Final = re.compile(
    r"""https://(?:
        drive\.google\.com/file/d/(?P<file>[-\w]{25,})/view
        | docs\.google\.com/(?P<kind>\w+)/d/(?P<document>[-\w]{25,})/
        | (?:drive|docs)\.google\.com/drive/folders/(?P<folder>[-\w]{25,})(?:[/;?\#]|$)
    )""",
    re.VERBOSE,
)
"""The addresses of a list's entries. Other links of the page are ignored."""
_VIEWS: Final = 3
"""How often an empty list is requested before it is accepted."""
_BETWEEN_VIEWS: Final = 2.0
"""Seconds."""
_LOGIN: Final = "accounts.google.com"


class FolderView:
    """Reads public folders from their web pages (`FolderReader`)."""

    def __init__(self, access: DriveAccess, policy: RetryPolicy | None = None) -> None:
        """No request is sent yet."""
        self._policy = policy or RetryPolicy()
        self._access = access
        self._url = f"{access.web_url.rstrip('/')}/embeddedfolderview"
        self._headers = {"User-Agent": access.user_agent, "Accept-Language": "en"}
        self._throttle = Throttle(self._policy.clock)
        self._client = HttpClient(access.hosts, DRIVE_ADVICE, access.timeouts, self._throttle.wait)

    def read(self, folder: DriveKey, shown: str) -> FolderLevel:
        """As `FolderReader.read`. A list may be empty for a moment only, so an empty one is requested again."""
        wanted = wanted_folder(self._access, folder, shown)
        name, entries = self._policy.call(lambda: self._view(wanted))
        for _ in range(_VIEWS - 1):
            if not entries:
                self._policy.pause(_BETWEEN_VIEWS)
                name, entries = self._policy.call(lambda: self._view(wanted))
        return FolderLevel(name, entries)

    def _view(self, wanted: Wanted) -> tuple[str, tuple[FolderEntry, ...]]:
        key = wanted.key
        shared = {"resourcekey": key.resource_key} if key.resource_key else {}
        request = HttpRequest(self._url, f"the list of {wanted}", {"id": key.id, **shared}, self._headers)
        answer = self._send(request, wanted)
        if answer.status != 200:
            raise self._refusal(answer, wanted)
        text = answer.body(_MOST_BYTES).decode("utf-8", "replace")
        name = title_of(text)
        if not name:
            raise PermanentError(
                f"Google Drive sent a page in place of the list of {wanted}", f"open {wanted.page} by hand"
            )
        entries = tuple(filter(None, map(_entry_of, links_of(text, _MOST_LINKS))))
        if not entries:  # the folder is empty, or the page says why there is no list
            page = DrivePage(text[:PAGE_BYTES])
            if page.is_robot_check:
                raise self._throttled(wanted, None)
            if page.is_denied:
                raise errors.private(wanted)
        self._throttle.succeeded()
        return name, entries

    def _send(self, request: HttpRequest, wanted: Wanted) -> HttpAnswer:
        try:
            return self._client.send(request)
        except OtherHost as error:
            elsewhere = error
        raise errors.private(wanted) if elsewhere.host == _LOGIN else elsewhere

    def _refusal(self, answer: HttpAnswer, wanted: Wanted) -> Exception:
        page = DrivePage(answer.beginning(PAGE_BYTES).decode("utf-8", "replace"))
        if answer.status in (404, 410):
            return no_folder(wanted)
        if answer.status == 429 or page.is_robot_check:
            return self._throttled(wanted, retry_after(answer.headers.get("Retry-After")))
        return errors.private(wanted) if answer.status in (401, 403) else answer.refusal()

    def _throttled(self, wanted: Wanted, wait: float | None) -> Exception:
        self._throttle.slow_down(wait)
        return errors.throttled(wanted, wait)


def _entry_of(link: Link) -> FolderEntry | None:
    """The entry that a link of the list leads to; None for any other link."""
    found = _ADDRESS.match(link.address)
    if found is None:
        return None
    id_ = found["file"] or found["document"] or found["folder"]
    if not is_id(id_):
        return FolderEntry(DriveKey(""), link.text, Kind.NO_BYTES, why="its address holds no id")
    # Drive's types are singular (`spreadsheet`), its addresses are not.
    native = f"{NATIVE}{found['kind'].removesuffix('s')}" if found["kind"] else ""
    return entry_of(DriveKey(id_), link.text, FOLDER if found["folder"] else native)
