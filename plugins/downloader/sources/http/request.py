"""What is asked for over HTTP, and where it may be asked for."""

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

__all__ = ["Hosts", "Request", "same_origin"]

_SAME_METHOD: Final = frozenset({307, 308})
_LONGEST_ADDRESS: Final = 16 * 1024
_HOST: Final = re.compile(r"[a-z0-9.-]{1,253}")
"""What a name in the DNS is made of: whatever else passes a parser may mean another host to the next one."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where requests may go: to the configured addresses as they are, and to named hosts over https."""

    addresses: tuple[str, ...] = ()
    """Addresses from the configuration. Their scheme, host and port count."""
    names: tuple[str, ...] = ()
    """``drive.google.com``, or ``*.googleusercontent.com`` for all hosts below that."""

    def permit(self, url: str) -> bool:
        """Whether `url` may be asked for. It is taken apart by the same parser that the connection is made by."""
        try:
            asked = parse_url(url)
            configured = {_origin(parse_url(address)) for address in self.addresses}
        except HTTPError:
            return False
        if asked.auth is not None or not asked.host:
            return False
        return _origin(asked) in configured or (_origin(asked)[::2] == ("https", 443) and self._is_named(asked.host))

    def _is_named(self, host: str) -> bool:
        return _HOST.fullmatch(host) is not None and any(
            host.endswith(name[1:]) if name.startswith("*.") else host == name for name in self.names
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask for. Its `repr` shows what it is about, and none of what opens it."""

    url: str = field(repr=False)
    about: str
    """What it is called in errors."""
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    private: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers with logins and keys: sent to the scheme, host and port of `url` alone, whoever redirects."""
    cookies: RequestsCookieJar | None = field(default=None, repr=False)
    """Read and filled along the way; None: no cookies. Safe to share between threads."""
    method: str = "GET"
    form: Mapping[str, str] | None = field(default=None, repr=False)
    """Fields of a form, as the body of a POST."""
    json: Any = field(default=None, repr=False)
    """What is sent as JSON, as the body of a POST."""

    def ranged(self, start: int = 0, stop: int | None = None) -> Request:
        """The same, but for the bytes `start` to `stop` (exclusive; None: the end) alone."""
        if not start and stop is None:
            return self
        span = f"bytes={start}-{'' if stop is None else stop - 1}"
        return replace(self, headers={**self.headers, "Range": span})

    def redirected(self, status: int, target: str) -> Request:
        """The request behind a redirect to `target`, which may be anything that a server wrote.

        What a POST carried goes no further, unless it is to be repeated at the same address. Raises `PermanentError`
        where there is no such address.
        """
        onward = replace(self, url=self._joined(target), params={})
        if self.method == "GET":
            return onward
        if status not in _SAME_METHOD:
            return replace(onward, method="GET", form=None, json=None)
        if not same_origin(onward.url, self.url):
            raise OtherHost(self.about, onward.host)
        return onward

    def _joined(self, target: str) -> str:
        with suppress(UnicodeError):
            target = target.encode("latin-1").decode("utf-8")  # headers are read as Latin-1
        if len(target) <= _LONGEST_ADDRESS:
            with suppress(ValueError):
                return urljoin(self.url, target)
        raise PermanentError(f"{self.host} redirects {self.about} to what is no address")

    @property
    def host(self) -> str:
        """The host, for messages."""
        return _host(self.url)


def _origin(url: Url) -> tuple[str, str, int]:
    scheme = (url.scheme or "").lower()
    return scheme, (url.host or "").lower(), url.port or {"http": 80, "https": 443}.get(scheme, 0)


def same_origin(one: str, other: str) -> bool:
    """Whether scheme, host and port are the same."""
    try:
        return _origin(parse_url(one)) == _origin(parse_url(other))
    except HTTPError:
        return False


def _host(url: str) -> str:
    """The host of `url`, short and printable; it may be anything that a server wrote."""
    try:
        host = parse_url(url).host
    except HTTPError:
        host = None
    return ascii(host)[1:-1][:100] if host else "an address that is none"
