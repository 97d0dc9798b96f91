"""Files over HTTP: one streamed GET for each; redirects are followed hop by hop, and to allowed hosts only.

`requests` sends. Its retries, its redirects, its shared cookies and the logins of ``.netrc`` are not used. A cookie is
sent to its domain only, a private header to the origin that it was given for. Proxies and certificate authorities come
from the environment (``HTTPS_PROXY``, ``REQUESTS_CA_BUNDLE``).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.cookies import extract_cookies_to_jar, get_cookie_header

from ...errors import PermanentError
from ...source import Timeouts
from .answer import HttpAnswer, HttpStream, stream_of
from .errors import FAILURES, Advice, OtherHost, from_client
from .heads import WholeHeads
from .request import Hosts, HttpRequest, same_origin

__all__ = ["HttpClient", "Timeouts"]

_HOPS: Final = 10
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_VARIABLES: Final = tuple(
    spelling
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    for spelling in (name, name.lower())
)
"""What `requests` goes by."""

# It logs addresses with their signed queries: at DEBUG all of them, at WARNING those with a broken header.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class HttpClient:
    """Sends requests. Safe to use from many threads."""

    def __init__(
        self,
        hosts: Hosts,
        advice: Advice,
        timeouts: Timeouts | None = None,
        before: Callable[[], None] = lambda: None,
        connections: int = 32,
    ) -> None:
        """`before` is called before each request, also those after a redirect; it may wait, or raise.

        `connections`: how many are kept open to one host.
        """
        timeouts = timeouts or Timeouts()
        self._hosts = hosts
        self._advice = advice
        self._timeout = (timeouts.connect, timeouts.stall)
        self._before = before
        self._adapter = WholeHeads(pool_maxsize=connections, max_retries=0)

    def open(self, request: HttpRequest, start: int = 0, stop: int | None = None) -> HttpStream:
        """As `Source.open`."""
        return stream_of(self.send(request.ranged(start, stop)), start, stop)

    def send(self, request: HttpRequest) -> HttpAnswer:
        """The answer after all redirects, whatever its status.

        Raises `OtherHost` if a redirect leads to a host that is not allowed, `PermanentError` if the redirects do not
        end, a `RetryableError` if there is no answer.
        """
        origin = request.url
        for _ in range(_HOPS + 1):
            answer = self._send_once(request, origin)
            location = answer.headers.get("Location") if answer.status in _REDIRECTS else None
            if location is None:
                return answer
            answer.close()
            request = request.redirected(answer.status, location)
        raise PermanentError(
            f"{request.about} is redirected in a circle, at last to {request.host}", self._advice.refused
        )

    def _send_once(self, request: HttpRequest, origin: str) -> HttpAnswer:
        try:
            prepared = self._prepare(request, origin)
            self._before()
            settings = _from_environment(request.url)
            response = self._adapter.send(prepared, stream=True, timeout=self._timeout, **settings)
            if request.cookies is not None:
                extract_cookies_to_jar(request.cookies, prepared, response.raw)  # type: ignore[no-untyped-call]
            return HttpAnswer(response, request, self._advice)
        except FAILURES as error:
            problem = from_client(error, request.host, request.about, self._advice)
        raise problem

    def _prepare(self, request: HttpRequest, origin: str) -> requests.PreparedRequest:
        """The request as it is sent. Raises OtherHost if its host is not allowed."""
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
            raise OtherHost(request.about, request.host, self._advice.refused, path=request.path)
        cookies = request.cookies  # those that belong to this address are sent
        header = None if cookies is None else get_cookie_header(cookies, prepared)  # type: ignore[no-untyped-call]
        if header:
            prepared.headers["Cookie"] = header
        return prepared


def _from_environment(url: str) -> MappingProxyType[str, Any]:
    """Proxies and certificate authorities for `url`, as arguments of an adapter."""
    parts = urlsplit(url)
    return _settings(f"{parts.scheme}://{parts.netloc}", tuple(map(os.environ.get, _VARIABLES)))


@lru_cache(maxsize=256)
def _settings(origin: str, _variables: tuple[str | None, ...]) -> MappingProxyType[str, Any]:
    """Cached for the same variables: `requests` reads the whole environment four times a request."""
    found = requests.Session().merge_environment_settings(origin, {}, None, None, None)
    return MappingProxyType({name: found[name] for name in ("proxies", "verify", "cert")})
