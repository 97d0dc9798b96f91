"""Turns failures of a web server, or of the connection to it, into the errors of `errors`.

No text of the client or of an answer's body is passed on: they hold addresses with their queries, and cookies. The
messages are made of the status, the host, and the name of the file.
"""

from __future__ import annotations

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
    lacks_files,
)

__all__ = ["FAILURES", "Advice", "OtherHost", "from_client", "from_status"]

FAILURES: Final = (requests.RequestException, HTTPError, OSError, ValueError)
"""Everything that `requests` and its streams may raise; ValueError for an invalid host name."""

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
    return PermanentError(f"{host} refused the request for {about} ({status})", advice.refused)


def from_client(error: Exception, host: str, about: str, advice: Advice) -> DownloadError:
    """The error for an exception of `requests` or of one of its streams."""
    if lacks_files(error):
        return TooManyFiles(f"no connection to {host} could be opened")
    if isinstance(error, requests.ReadTimeout | ReadTimeoutError | TimeoutError):
        return StreamStalled(f"no more bytes of {about} came from {host}")
    if isinstance(error, requests.exceptions.SSLError):
        return _from_tls(error, host)
    if isinstance(error, requests.exceptions.ProxyError):
        return NetworkError(f"the proxy to {host} does not answer", "check HTTPS_PROXY, then run it again")
    if isinstance(error, requests.ConnectTimeout) or _never_connected(error):
        return NetworkError(f"{host} cannot be reached", advice.unreachable)
    if isinstance(error, ValueError) and not isinstance(error, requests.JSONDecodeError):
        return PermanentError(f"{about} cannot be asked for at {host} ({type(error).__name__})", advice.refused)
    return NetworkError(f"the connection to {host} broke while {about} was read")


def _from_tls(error: Exception, host: str) -> DownloadError:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        advice = "set REQUESTS_CA_BUNDLE to the file of the authority that signed it"
        return Misconfigured(f"the certificate of {host} is not trusted", advice)
    if "WRONG_VERSION_NUMBER" in text:
        return Misconfigured(f"{host} does not speak TLS", "correct the address in the configuration")
    return NetworkError(f"the connection to {host} broke while it was set up")


def _never_connected(error: Exception) -> bool:
    """Whether there was no connection at all: no such host, or nothing listens there."""
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), NewConnectionError)
