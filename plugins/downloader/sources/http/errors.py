"""Turns failures of a web server, or of the connection to it, into the errors of `errors`.

No text of the client or of an answer's body is passed on: they hold addresses with their queries, and cookies. The
messages are made of the status, the host, and the name of the file.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final

import requests
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError

from ...errors import (
    AccessDenied,
    DownloadError,
    Misconfigured,
    NetworkError,
    ObjectNotFound,
    PermanentError,
    ServerBusy,
    StreamStalled,
    TooManyFiles,
    Unreachable,
    lacks_files,
)
from ..tls import TlsFields, refused, unusable_authorities

__all__ = ["FAILURES", "Advice", "OtherHost", "from_client", "from_status"]

FAILURES: Final = (requests.RequestException, HTTPError, OSError, ValueError)
"""Everything that `requests` and its streams may raise; ValueError for an invalid host name."""

_PROXIES: Final = "HTTPS_PROXY (or HTTP_PROXY, ALL_PROXY) in the environment"
_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3})")
_GONE: Final = frozenset({404, 410})
_DENIED: Final = frozenset({401, 403})
_BUSY: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Advice:
    """What users should do about the refusals of one source: the advice of its `DownloadError`s."""

    missing: str
    """404 and 410."""
    denied: str
    """401 and 403."""
    size: str
    """A length that is not the expected one."""
    refused: str = "look at the task's log"
    """Any other refusal."""
    unreachable: str = "check the network, then run it again"
    address: str = "the address in the configuration"
    """Where the address of the server is written."""

    @property
    def tls(self) -> TlsFields:
        """For the errors of TLS."""
        return TlsFields(
            self.address,
            "set REQUESTS_CA_BUNDLE in the environment to",
            f"write http:// for https:// in {self.address}, if it is not a proxy or a login page of the network that "
            "answers there",
            f"check {self.address}: no client certificate can be given for it",
        )


class OtherHost(PermanentError):
    """A redirect or a form leads to a host that is not allowed. `host` is its name as it was given.

    `path` is that of the address, for the source to tell what it is; it is in no message.
    """

    def __init__(self, about: str, host: str, advice: str | None = None, *, path: str = "") -> None:
        super().__init__(f"{about} is redirected to {host}, which is not among the hosts that may be asked", advice)
        self.host = host
        self.path = path


def from_status(status: int, host: str, about: str, advice: Advice) -> DownloadError:
    """The error of an unsuccessful answer. `about`: what was requested, in terms that users know."""
    if status in _GONE:
        return ObjectNotFound(f"there is no {about} ({status})", advice.missing)
    if status in _DENIED:
        return AccessDenied(f"{host} does not give out {about} ({status})", advice.denied)
    if status in _BUSY or status >= 500:
        return ServerBusy(f"{host} answered {status} for {about}")
    if status == 407:
        return _proxy_login(host)
    return PermanentError(f"{host} refused the request for {about} ({status})", advice.refused)


def from_client(error: Exception, host: str, about: str, advice: Advice) -> DownloadError:
    """The error for an exception of `requests` or of one of its streams."""
    if lacks_files(error):
        return TooManyFiles(f"no connection to {host} could be opened")
    if isinstance(error, requests.ReadTimeout | ReadTimeoutError | TimeoutError):
        return StreamStalled(f"no more bytes of {about} came from {host}")
    if isinstance(error, requests.ConnectTimeout) or _never_connected(error):
        return Unreachable(f"{host} cannot be reached", advice.unreachable)
    made = _from_proxy(error, host) or _from_tls(error, host, advice)
    if made is not None:
        return made
    if isinstance(error, ValueError) and not isinstance(error, requests.JSONDecodeError):
        return PermanentError(f"{about} cannot be asked for at {host} ({type(error).__name__})", advice.refused)
    return NetworkError(f"the connection to {host} broke while {about} was read")


def _from_tls(error: Exception, host: str, advice: Advice) -> DownloadError | None:
    refuses = isinstance(error, requests.exceptions.SSLError)
    if refuses or type(error) is OSError:  # `requests` raises a plain one for a file of authorities that is missing
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            if path := os.environ.get(name):
                problem = unusable_authorities(path, f"{name} in the environment", folders=True)
                if problem is not None:
                    return problem
                break  # the first that is set counts
    return refused(_reason(error), host, advice.tls) if refuses else None


def _reason(error: Exception) -> str:
    """Why the connection was refused. The error's own text holds the path, which anyone may choose."""
    cause = error.args[0] if error.args else None
    return str(getattr(cause, "reason", None) or cause)


def _proxied() -> bool:
    return any(name.lower().endswith("_proxy") and value for name, value in os.environ.items())


def _proxy_login(host: str) -> DownloadError:
    advice = f"write it as http://USER:PASSWORD@HOST:PORT into {_PROXIES}"
    return Misconfigured(f"the proxy to {host} wants a login, or refuses the one it was given", advice)


def _from_proxy(error: Exception, host: str) -> DownloadError | None:
    if isinstance(error, requests.exceptions.InvalidProxyURL | requests.exceptions.InvalidSchema) and _proxied():
        return Misconfigured(f"the proxy to {host} cannot be used", f"write it as http://HOST:PORT into {_PROXIES}")
    if not isinstance(error, requests.exceptions.ProxyError):
        return None
    found = _TUNNEL.search(_reason(error))
    status = found[1] if found else ""
    if status == "407":
        return _proxy_login(host)
    if status in ("403", "405"):
        advice = "ask its owner to allow it, or name the host in NO_PROXY if it can be reached without"
        return Misconfigured(f"the proxy lets nobody through to {host} ({status})", advice)
    what = f"the proxy to {host} does not answer, or cannot reach it"
    return Unreachable(what, f"check {_PROXIES}, then run it again")


def _never_connected(error: Exception) -> bool:
    """Whether there was no connection at all: no such host, or nothing listens there."""
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), NewConnectionError)
