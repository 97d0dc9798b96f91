"""Public files of Google Drive without a key: from the download host, past the virus-scan warning."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl, urljoin, urlsplit, urlunsplit

from requests.cookies import RequestsCookieJar

from ...errors import DownloadError
from ..http import HttpAnswer, HttpClient, HttpRequest, retry_after
from . import errors
from .detours import send, slowed_down
from .errors import Wanted
from .key import EXPORTS
from .pages import PAGE_BYTES, DrivePage, WayOn
from .throttle import Throttle

__all__ = ["DriveWeb"]

_PAGES: Final = 3
"""The number of successive pages that may precede a file."""
_PAGE_TYPES: Final = frozenset({"", "text/html", "application/xhtml+xml", "application/json"})
_COOKIE: Final = "download_warning"
_LONGEST_ADDRESS: Final = 16 * 1024
_MOST_FIELDS: Final = 100


class DriveWeb:
    """Downloads as a browser does. Safe to use from many threads."""

    def __init__(
        self, client: HttpClient, throttle: Throttle, download_url: str, docs_url: str, user_agent: str
    ) -> None:
        self._client = client
        self._throttle = throttle
        self._download_url = download_url
        self._docs_url = docs_url
        # Where a title distinguishes pages, it has to be the English one.
        self._headers = {"User-Agent": user_agent, "Accept-Language": "en"}
        self._confirmed: dict[str, HttpRequest] = {}
        """Requests that succeeded after a warning, with their cookies, for the next range of the same file."""

    def open(self, wanted: Wanted, start: int, stop: int | None) -> HttpAnswer:
        """The answer that carries the bytes: 200, 206 or 416. Raises DownloadError for any other."""
        known = self._confirmed.get(str(wanted.key))
        if known is not None:
            answer = send(self._client, known.ranged(start, stop), wanted, self._throttle)
            if _is_file(answer) or not _is_expired(answer):
                return self._accepted(answer, wanted)
            answer.close()
            self._confirmed.pop(str(wanted.key), None)
        request = self._first_request(wanted)
        for page_number in range(_PAGES):
            answer = send(self._client, request.ranged(start, stop), wanted, self._throttle)
            if _is_file(answer) or answer.status != 200:
                accepted = self._accepted(answer, wanted)
                if page_number:
                    self._confirmed[str(wanted.key)] = request
                return accepted
            request = self._onward(answer, request, wanted)
        raise errors.not_passed(wanted)

    def _accepted(self, answer: HttpAnswer, wanted: Wanted) -> HttpAnswer:
        if not _is_file(answer):
            raise self._error(_page(answer), answer, wanted)
        self._throttle.succeeded()
        return answer

    def _first_request(self, wanted: Wanted) -> HttpRequest:
        key = wanted.key
        shared = {"resourcekey": key.resource_key} if key.resource_key else {}
        url, params = f"{self._download_url}/download", {"id": key.id, "export": "download"}
        if key.export:
            kind = EXPORTS.get(key.export, "document")
            url, params = f"{self._docs_url}/{kind}/d/{key.id}/export", {"format": key.export}
        return HttpRequest(url, str(wanted), {**params, **shared}, self._headers, cookies=RequestsCookieJar())

    def _onward(self, answer: HttpAnswer, request: HttpRequest, wanted: Wanted) -> HttpRequest:
        """The request that the warning in `answer` offers. Raises the error that any other page shows."""
        page = _page(answer)
        # The form comes first: the class of an error may stand in a warning too.
        way_on = page.way_on() or (None if page.is_error or page.is_quota else _way_by_cookie(request))
        if way_on is None:
            raise self._error(page, answer, wanted)
        try:
            return _following(way_on, answer.request.url, request)
        except ValueError:  # it is not a valid address
            pass
        raise errors.page_instead(wanted)

    def _error(self, page: DrivePage, answer: HttpAnswer, wanted: Wanted) -> DownloadError:
        """The error of an answer that is not the file. The status is not enough: a quota comes as 200, 403 or 429."""
        status = answer.status
        if status in (404, 410) or page.is_missing:
            return errors.missing(wanted)
        for shown, error in (
            (page.is_infected, errors.infected),
            (page.is_quota, errors.quota),
            (page.is_forbidden, errors.forbidden),
            (page.is_blocked, errors.blocked),
            (page.is_consent, errors.consent),
        ):
            if shown:
                return error(wanted)
        if status == 429 or page.is_robot_check:
            wait = retry_after(answer.headers.get("Retry-After"))
            return slowed_down(wanted, self._throttle, wait, robot=page.is_robot_check)
        if status == 500 and not wanted.key.export:
            return errors.perhaps_native(wanted)
        return answer.refusal() if status not in (200, 401, 403) else _refusal(page, status, wanted)


def _refusal(page: DrivePage, status: int, wanted: Wanted) -> DownloadError:
    """The error of a page that is neither a file nor in known words, or that asks for a login."""
    if page.is_denied:
        return errors.private(wanted)
    if page.is_error:
        return errors.error_page(wanted, page.title)
    if status == 401 or page.offers_login:
        return errors.login_wanted(wanted)
    return (
        errors.refused(wanted, status, title=page.title) if status == 403 else errors.page_instead(wanted, page.title)
    )


def _is_file(answer: HttpAnswer) -> bool:
    """Whether this is the file, not a page about it. An HTML file comes as an attachment."""
    if answer.status not in (200, 206):
        return answer.status == 416
    attached = answer.headers.get("Content-Disposition", "").strip().lower().startswith("attachment")
    return attached or answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() not in _PAGE_TYPES


def _is_expired(answer: HttpAnswer) -> bool:
    """Whether a request that succeeded before is now refused."""
    return answer.status == 200 or (400 <= answer.status < 500 and answer.status != 429)


def _page(answer: HttpAnswer) -> DrivePage:
    return DrivePage(answer.beginning(PAGE_BYTES).decode("utf-8", "replace"))


def _way_by_cookie(request: HttpRequest) -> WayOn | None:
    """The oldest form of the warning: only the cookie holds the token."""
    tokens = (cookie.value for cookie in request.cookies or () if cookie.name.startswith(_COOKIE))
    token = next(tokens, None)
    return WayOn("", fields={**request.params, "confirm": token}) if token and "confirm" not in request.params else None


def _following(way_on: WayOn, base: str, request: HttpRequest) -> HttpRequest:
    """The request that `way_on` describes. Raises ValueError if its address is not valid."""
    if len(way_on.address) > _LONGEST_ADDRESS:
        raise ValueError("too long")
    parts = urlsplit(urljoin(base, way_on.address))
    query = dict(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    if "resourcekey" in request.params:  # the form does not repeat it
        query.setdefault("resourcekey", request.params["resourcekey"])
    posted = way_on.method == "POST"
    return replace(
        request,
        url=urlunsplit(parts._replace(query="", fragment="")),
        params=query if posted else {**query, **way_on.fields},
        method=way_on.method,
        form=way_on.fields if posted else None,
    )
