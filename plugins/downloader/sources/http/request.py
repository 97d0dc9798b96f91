"""Requests over HTTP, and the hosts that they may go to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urljoin

from requests.cookies import RequestsCookieJar
from urllib3.exceptions import HTTPError
from urllib3.util import Url, parse_url

from ...errors import PermanentError
from .errors import OtherHost

__all__ = ["Hosts", "HttpRequest", "same_origin"]

_SAME_METHOD: Final = frozenset({307, 308})
_LONGEST_ADDRESS: Final = 16 * 1024
_HOST: Final = re.compile(r"[a-z0-9.-]{1,253}")
"""The characters of a DNS name: two parsers may disagree on a name with any other character."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where requests may go: to the origins of configured addresses, and to named hosts over https."""

    addresses: tuple[str, ...] = ()
    """Addresses from the configuration. Only their scheme, host and port count."""
    names: tuple[str, ...] = ()
    """``drive.google.com``, or ``*.googleusercontent.com`` for all hosts below that."""

    def permit(self, url: str) -> bool:
        """Whether `url` may be requested. It is parsed by the same parser that the connection uses."""
        try:
            asked = parse_url(url)
            configured = {_origin(parse_url(address)) for address in self.addresses}
        except HTTPError:
            return False
        if asked.auth is not None or not asked.host:
            return False
        if _origin(asked) in configured:
            return True
        host = asked.host
        return (_origin(asked)[::2] == ("https", 443) and _HOST.fullmatch(host) is not None) and any(
            host.endswith(name[1:]) if name.startswith("*.") else host == name for name in self.names
        )


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. Its `repr` shows what it is about, and no secret."""

    url: str = field(repr=False)
    about: str
    """Its name in errors."""
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    private: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers with logins and keys: sent only to the origin of `url`, whatever the redirects."""
    cookies: RequestsCookieJar | None = field(default=None, repr=False)
    """Sent and updated on the way; None: no cookies. Safe to share between threads."""
    method: str = "GET"
    form: Mapping[str, str] | None = field(default=None, repr=False)
    """Fields of a form, as the body of a POST."""
    json: Any = field(default=None, repr=False)
    """A JSON value, as the body of a POST."""

    def ranged(self, start: int = 0, stop: int | None = None) -> HttpRequest:
        """The same request for the bytes `start` to `stop` only (exclusive; None: the end)."""
        if not start and stop is None:
            return self
        span = f"bytes={start}-{'' if stop is None else stop - 1}"
        return replace(self, headers={**self.headers, "Range": span})

    def redirected(self, status: int, location: str) -> HttpRequest:
        """The request after a redirect to `location`, which may be any text.

        The body of a POST is dropped, unless the redirect repeats it at the same origin. Raises `PermanentError` if
        `location` is not a valid address.
        """
        onward = replace(self, url=self._joined(location), params={})
        if self.method == "GET":
            return onward
        if status not in _SAME_METHOD:
            return replace(onward, method="GET", form=None, json=None)
        if not same_origin(onward.url, self.url):
            raise OtherHost(self.about, onward.host, path=onward.path)
        return onward

    def _joined(self, location: str) -> str:
        with suppress(UnicodeError):
            location = location.encode("latin-1").decode("utf-8")  # headers are read as Latin-1
        if len(location) <= _LONGEST_ADDRESS:
            with suppress(ValueError):
                return urljoin(self.url, location)
        raise PermanentError(f"{self.host} redirects {self.about} to an invalid address")

    @property
    def host(self) -> str:
        """The host, for messages: short and printable, since a server may have written it."""
        try:
            host = parse_url(self.url).host
        except HTTPError:
            host = None
        return ascii(host)[1:-1][:100] if host else "an invalid address"

    @property
    def path(self) -> str:
        """The path of its address, without the query; ``""`` if the address is not valid."""
        try:
            return parse_url(self.url).path or ""
        except HTTPError:
            return ""


def _origin(url: Url) -> tuple[str, str, int]:
    scheme = (url.scheme or "").lower()
    return scheme, (url.host or "").lower(), url.port or {"http": 80, "https": 443}.get(scheme, 0)


def same_origin(one: str, other: str) -> bool:
    """Whether scheme, host and port are the same."""
    try:
        return _origin(parse_url(one)) == _origin(parse_url(other))
    except HTTPError:
        return False
