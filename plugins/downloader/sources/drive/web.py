"""Public files of Google Drive without a key: straight from the downloads' host, past the virus-scan warning."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl, urljoin, urlsplit, urlunsplit

from requests.cookies import RequestsCookieJar

from ...errors import DownloadError
from ..http import Answer, HttpClient, OtherHost, Request, retry_after
from . import errors
from .errors import Wanted
from .key import EXPORTS
from .pages import PAGE_BYTES, Page, WayOn
from .throttle import Gate

__all__ = ["DriveWeb"]

_PAGES: Final = 3
"""Pages in a row that a file may stand behind."""
_LOGIN: Final = "accounts.google.com"
_ROBOT_CHECKS: Final = frozenset({"www.google.com", "ipv4.google.com", "ipv6.google.com"})
"""Hosts of the page that asks whether one is a robot (``/sorry/``)."""
_PAGE_TYPES: Final = frozenset({"", "text/html", "application/xhtml+xml", "application/json"})
_COOKIE: Final = "download_warning"
_LONGEST_TARGET: Final = 16 * 1024
_MOST_FIELDS: Final = 100


class DriveWeb:
    """The web's way to the bytes. Safe to use from many threads."""

    def __init__(self, client: HttpClient, gate: Gate, download_url: str, docs_url: str, user_agent: str) -> None:
        self._client = client
        self._gate = gate
        self._download_url = download_url
        self._docs_url = docs_url
        # Pages are read by their classes; where a title helps, it is an English one.
        self._headers = {"User-Agent": user_agent, "Accept-Language": "en"}
        self._confirmed: dict[str, Request] = {}
        """Requests that were granted behind a warning, with their cookies, for the next range of the same file."""

    def open(self, wanted: Wanted, start: int, stop: int | None) -> Answer:
        """The answer that carries the bytes: 200, 206 or 416. Raises what came in its place."""
        known = self._confirmed.get(str(wanted.key))
        if known is not None:
            answer = self._send(known.ranged(start, stop), wanted)
            if _is_file(answer) or not _is_over(answer):
                return self._taken(answer, wanted)
            answer.close()
            self._confirmed.pop(str(wanted.key), None)
        return self._past_warnings(wanted, start, stop)

    def _past_warnings(self, wanted: Wanted, start: int, stop: int | None) -> Answer:
        request = self._first_request(wanted)
        for page_number in range(_PAGES):
            answer = self._send(request.ranged(start, stop), wanted)
            if _is_file(answer) or answer.status != 200:
                return self._granted(answer, wanted, request if page_number else None)
            request = self._onward(answer, request, wanted)
        raise errors.not_passed(wanted)

    def _granted(self, answer: Answer, wanted: Wanted, confirmed: Request | None) -> Answer:
        taken = self._taken(answer, wanted)
        if confirmed is not None:
            self._confirmed[str(wanted.key)] = confirmed
        return taken

    def _taken(self, answer: Answer, wanted: Wanted) -> Answer:
        if not _is_file(answer):
            raise self._meaning(_page(answer), answer, wanted)
        self._gate.passed()
        return answer

    def _first_request(self, wanted: Wanted) -> Request:
        key = wanted.key
        shared = {"resourcekey": key.resource_key} if key.resource_key else {}
        url, params = f"{self._download_url}/download", {"id": key.id, "export": "download"}
        if key.export:
            kind = EXPORTS.get(key.export, "document")
            url, params = f"{self._docs_url}/{kind}/d/{key.id}/export", {"format": key.export}
        return Request(url, str(wanted), {**params, **shared}, self._headers, cookies=RequestsCookieJar())

    def _send(self, request: Request, wanted: Wanted) -> Answer:
        try:
            return self._client.send(request)
        except OtherHost as error:
            elsewhere = error
        if elsewhere.host == _LOGIN:
            raise errors.private(wanted)
        raise self._throttled(wanted, None) if elsewhere.host in _ROBOT_CHECKS else elsewhere

    def _onward(self, answer: Answer, request: Request, wanted: Wanted) -> Request:
        """What the page in `answer` leads to. Raises what it says, where it is no warning."""
        page = _page(answer)
        way_on = None if page.is_quota else page.way_on() or _way_by_cookie(request)
        if way_on is None:
            raise self._meaning(page, answer, wanted)
        try:
            return _following(way_on, answer.request.url, request)
        except ValueError:  # what stands there is no address
            pass
        raise errors.page_instead(wanted)

    def _meaning(self, page: Page, answer: Answer, wanted: Wanted) -> DownloadError:
        """What an answer that is not the file says. The status alone says little: a quota has come as 200, 403, 429."""
        if answer.status in (404, 410):
            return errors.missing(wanted)
        if page.is_infected:
            return errors.infected(wanted)
        if page.is_quota:
            return errors.quota(wanted)
        if answer.status == 429 or page.is_robot_check:
            return self._throttled(wanted, retry_after(answer.headers.get("Retry-After")))
        if answer.status == 500 and not wanted.key.export:
            return errors.perhaps_native(wanted)
        if answer.status in (401, 403) or page.is_denied:
            return errors.private(wanted)
        return errors.page_instead(wanted) if answer.status == 200 else answer.refusal()

    def _throttled(self, wanted: Wanted, wait: float | None) -> DownloadError:
        self._gate.throttled(wait)
        return errors.throttled(wanted, wait)


def _is_file(answer: Answer) -> bool:
    """Whether this is the file, not a page about it. A file that is a page itself comes as an attachment."""
    if answer.status not in (200, 206):
        return answer.status == 416
    attached = answer.headers.get("Content-Disposition", "").strip().lower().startswith("attachment")
    return attached or answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() not in _PAGE_TYPES


def _is_over(answer: Answer) -> bool:
    """Whether what was granted once is granted no longer."""
    return answer.status == 200 or (400 <= answer.status < 500 and answer.status != 429)


def _page(answer: Answer) -> Page:
    return Page(answer.beginning(PAGE_BYTES).decode("utf-8", "replace"))


def _way_by_cookie(request: Request) -> WayOn | None:
    """The oldest form: the cookie alone holds the token."""
    tokens = (cookie.value for cookie in request.cookies or () if cookie.name.startswith(_COOKIE))
    token = next(tokens, None)
    return WayOn("", fields={**request.params, "confirm": token}) if token and "confirm" not in request.params else None


def _following(way_on: WayOn, base: str, request: Request) -> Request:
    """The request that `way_on` asks for. Raises ValueError where it holds no address."""
    if len(way_on.target) > _LONGEST_TARGET:
        raise ValueError("too long")
    parts = urlsplit(urljoin(base, way_on.target))
    query = dict(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    posted = way_on.method == "POST"
    return replace(
        request,
        url=urlunsplit(parts._replace(query="", fragment="")),
        params=query if posted else {**query, **way_on.fields},
        method=way_on.method,
        form=way_on.fields if posted else None,
    )
