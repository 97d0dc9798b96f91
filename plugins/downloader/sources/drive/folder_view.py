"""Public folders of Google Drive without a key, from the list that Drive makes for other sites to embed.

One page lists one level: names and addresses, no sizes and no checksums. `pages.entries_of` reads the entries of
the page, `_entry_of` derives the kind of each from its address. Each has its line: one whose address is not understood
is listed as that. A page may end early, so its entries are counted, and its end is looked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from ...errors import DownloadError, ServerBusy, cut
from ...retry import RetryPolicy
from ..http import HttpAnswer, HttpClient, HttpRequest, retry_after
from . import errors
from .access import DriveAccess
from .api import NATIVE
from .detours import send, slowed_down
from .errors import DRIVE_ADVICE, Wanted
from .folder import FOLDER, FolderEntry, FolderLevel, Kind, entry_of, no_folder, wanted_folder
from .folder_link import is_id, resource_key_of
from .key import DriveKey
from .pages import PAGE_BYTES, DrivePage, Link, entries_of, title_of
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
"""The addresses of a list's entries, as far as they are understood."""
_BEGUN: Final = 'class="flip-entry"'
"""What begins an entry. It cannot be in a name, where quotes are escaped."""
_END: Final = re.compile(r"</(?:html|body)\s*+>", re.IGNORECASE)
_LIKELY_ID: Final = re.compile(r"[A-Za-z0-9_-]{25,}")
_LONGEST_PLACE: Final = 80
_VIEWS: Final = 3
"""How often a list that is empty, or that ends early, is requested before it is accepted."""
_BETWEEN_VIEWS: Final = 2.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class _View:
    name: str
    entries: tuple[FolderEntry, ...]
    problem: DownloadError | None

    @property
    def is_doubtful(self) -> bool:
        return not self.entries or self.problem is not None


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
        """As `FolderReader.read`. A list may be empty or cut for a moment only, so such a one is requested again."""
        wanted = wanted_folder(self._access, folder, shown)
        view = self._policy.call(lambda: self._view(wanted))
        for _ in range(_VIEWS - 1):
            if view.is_doubtful:
                self._policy.pause(_BETWEEN_VIEWS)
                view = self._policy.call(lambda: self._view(wanted))
        return FolderLevel(view.name, view.entries, view.problem)

    def _view(self, wanted: Wanted) -> _View:
        key = wanted.key
        shared = {"resourcekey": key.resource_key} if key.resource_key else {}
        request = HttpRequest(self._url, f"the list of {wanted}", {"id": key.id, **shared}, self._headers)
        answer = send(self._client, request, wanted, self._throttle)
        if answer.status != 200:
            raise self._refusal(DrivePage(_text(answer.beginning(PAGE_BYTES))), answer, wanted)
        text = _text(answer.body(_MOST_BYTES))
        name = title_of(text)
        entries = tuple(filter(None, map(_entry_of, entries_of(text, _MOST_LINKS))))
        if not entries:  # the folder is empty, or the page says why there is no list
            self._refuse_page(DrivePage(text[:PAGE_BYTES]), answer, wanted)
        self._throttle.succeeded()
        return _View(name or "", entries, _problem(text, len(entries), wanted))

    def _refuse_page(self, page: DrivePage, answer: HttpAnswer, wanted: Wanted) -> None:
        """Raises the error that a page without entries shows, if it shows one."""
        if page.is_consent or page.is_robot_check or page.is_missing or page.is_denied or page.is_error:
            raise self._refusal(page, answer, wanted)
        if page.offers_login:
            raise errors.login_wanted(wanted)
        if not page.has_title:
            raise errors.page_instead(_list_of(wanted))

    def _refusal(self, page: DrivePage, answer: HttpAnswer, wanted: Wanted) -> DownloadError:
        status = answer.status
        if status in (404, 410) or page.is_missing:
            return no_folder(wanted)
        if page.is_consent:
            return errors.consent(wanted)
        if status == 429 or page.is_robot_check:
            wait = retry_after(answer.headers.get("Retry-After"))
            return slowed_down(wanted, self._throttle, wait, robot=page.is_robot_check)
        if page.is_denied:
            return errors.private(wanted)
        if page.is_error:
            return errors.error_page(_list_of(wanted), page.title)
        if status == 401 or (status == 403 and page.offers_login):
            return errors.login_wanted(wanted)
        return errors.refused(wanted, status, title=page.title) if status == 403 else answer.refusal()


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def _list_of(wanted: Wanted) -> Wanted:
    return Wanted(wanted.key, f"the list of {wanted}", wanted.page)


def _problem(text: str, count: int, wanted: Wanted) -> DownloadError | None:
    """Why the list may lack entries: the page breaks off, or more entries begin in it than could be read."""
    begun = text.count(_BEGUN)
    if begun > count:
        what = f"the list of {wanted} holds {begun:,} entries, of which {count:,} could be read"
        return ServerBusy(what, "run it again; if that does not help, use an API key")
    if not _END.search(text, max(0, len(text) - PAGE_BYTES)):
        what = f"the list of {wanted} ends early, after {count:,} {'entry' if count == 1 else 'entries'}"
        return ServerBusy(what, "run it again; if that does not help, use an API key")
    return None


def _entry_of(link: Link) -> FolderEntry | None:
    """The entry that a link leads to; None for a link that is no entry of the list, and leads to no file or folder."""
    found = _ADDRESS.match(link.address)
    if found is None:
        return _not_understood(link) if link.is_entry else None
    id_ = found["file"] or found["document"] or found["folder"]
    if not is_id(id_):
        return FolderEntry(DriveKey(""), link.text, Kind.NO_BYTES, why="not understood: its address holds no valid id")
    key = DriveKey(id_, resource_key=_resource_key(link.address))
    # Drive's types are singular (`spreadsheet`), its addresses are not.
    native = f"{NATIVE}{found['kind'].removesuffix('s')}" if found["kind"] else ""
    return entry_of(key, link.text, FOLDER if found["folder"] else native)


def _resource_key(address: str) -> str:
    try:
        held = parse_qs(urlsplit(address).query, max_num_fields=100)
    except ValueError:
        return ""
    return resource_key_of(held.get("resourcekey", [""])[0])


def _not_understood(link: Link) -> FolderEntry:
    """The entry, with the id that its address seems to hold. Of the address, host and first step are shown."""
    id_, why = "", "it has no address"
    try:
        parts = urlsplit(link.address)
        host = parts.hostname
    except ValueError:
        why = "its address is not valid"
    else:
        if host:
            why = "it is at " + cut(f"{host}/{parts.path.lstrip('/').partition('/')[0]}".rstrip("/"), _LONGEST_PLACE)
            found = _LIKELY_ID.search(f"{parts.path}?{parts.query}") if host.endswith(".google.com") else None
            id_ = found[0] if found and is_id(found[0]) else ""
    return FolderEntry(DriveKey(id_), link.text, Kind.NO_BYTES, why=f"not understood: {why}")
