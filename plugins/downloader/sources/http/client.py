"""Files over HTTP: one streamed GET for each, redirects followed hop by hop, and to allowed hosts alone.

`requests` sends; what it would do by itself is left off: its retries, its redirects, its shared cookies, the logins of
``.netrc``. A cookie goes where its domain says, a private header to the address that it was meant for, and neither
further. Proxies and authorities are those of the environment (``HTTPS_PROXY``, ``REQUESTS_CA_BUNDLE``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar, get_cookie_header

from ...errors import PermanentError
from .answer import Answer, HttpStream, stream_of
from .errors import FAILURES, OtherHost, Words, from_client
from .heads import WholeHeads
from .request import Hosts, Request, same_origin

__all__ = ["HttpClient", "Timeouts"]

_HOPS: Final = 10
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

# It names addresses with their signed queries: at DEBUG each one, at WARNING those with a broken header.
logging.getLogger("urllib3").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for a server, in seconds."""

    connect: float = 10.0
    stall: float = 60.0
    """Without a single byte, from the request on and between two reads."""


def _nothing() -> None:
    """Asks at once."""


class HttpClient:
    """Sends requests. Safe to use from many threads."""

    def __init__(
        self,
        hosts: Hosts,
        words: Words,
        timeouts: Timeouts | None = None,
        before: Callable[[], None] = _nothing,
        connections: int = 32,
    ) -> None:
        """`before` is called ahead of each request, those behind redirects included; it may wait, or raise.

        `connections`: how many are kept open to a host.
        """
        timeouts = timeouts or Timeouts()
        self._hosts = hosts
        self._words = words
        self._timeout = (timeouts.connect, timeouts.stall)
        self._before = before
        self._adapter = WholeHeads(pool_maxsize=connections, max_retries=0)
        self._environment = requests.Session()

    def open(self, request: Request, start: int = 0, stop: int | None = None) -> HttpStream:
        """As `Source.open`, but for the pin, which is to be compared by the caller."""
        return stream_of(self.send(request.ranged(start, stop)), start, stop)

    def send(self, request: Request) -> Answer:
        """The answer behind all redirects, whatever its status.

        Raises `OtherHost` where it is on no allowed host, `PermanentError` where redirects do not end, a
        `RetryableError` where there is no answer.
        """
        origin = request.url
        for _ in range(_HOPS + 1):
            answer = self._send_once(request, origin)
            target = answer.headers.get("Location") if answer.status in _REDIRECTS else None
            if target is None:
                return answer
            answer.close()
            request = request.redirected(answer.status, target)
        raise PermanentError(
            f"{request.about} is redirected in a circle, at last to {request.host}", self._words.refused
        )

    def _send_once(self, request: Request, origin: str) -> Answer:
        try:
            prepared = self._prepare(request, origin)
            self._before()
            response = self._adapter.send(prepared, stream=True, timeout=self._timeout, **self._settings(request.url))
            if request.cookies is not None:
                extract_cookies_to_jar(request.cookies, prepared, response.raw)  # type: ignore[no-untyped-call]
            return Answer(response, request, self._words)
        except FAILURES as error:
            problem = from_client(error, request.host, request.about, self._words)
        raise problem

    def _prepare(self, request: Request, origin: str) -> requests.PreparedRequest:
        """The request as it goes over the wire. Raises OtherHost where it must not."""
        private = request.private if same_origin(request.url, origin) else {}
        prepared = requests.Request(
            request.method,
            request.url,
            headers={"Accept": "*/*", "Accept-Encoding": "identity", **request.headers, **private},
            params=dict(request.params),
            data=dict(request.form) if request.form is not None else None,
            json=request.json,
        ).prepare()
        if not self._hosts.permit(prepared.url or ""):
            raise OtherHost(request.about, request.host, self._words.refused)
        _add_cookies(prepared, request.cookies)
        return prepared

    def _settings(self, url: str) -> Mapping[str, Any]:
        """Proxies and authorities, off the environment."""
        found = self._environment.merge_environment_settings(url, {}, None, None, None)
        return {name: found[name] for name in ("proxies", "verify", "cert")}


def _add_cookies(prepared: requests.PreparedRequest, cookies: RequestsCookieJar | None) -> None:
    """The cookies that are for this very address."""
    header = None if cookies is None else get_cookie_header(cookies, prepared)  # type: ignore[no-untyped-call]
    if header:
        prepared.headers["Cookie"] = header
