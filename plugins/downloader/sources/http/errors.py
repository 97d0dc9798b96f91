"""What a web server, or the way to it, says went wrong, in the words of `errors`.

No text of the client or of an answer's body is handed on: they hold addresses with their queries, and cookies. What the
sentences are made of is the status, the host, and what the file is called.
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

__all__ = ["FAILURES", "OtherHost", "Words", "from_client", "from_status"]

FAILURES: Final = (requests.RequestException, HTTPError, OSError, ValueError)
"""All that `requests`, and the stream that it gives, may raise; names that are no host's are ValueErrors."""

_GONE: Final = frozenset({404, 410})
_DENIED: Final = frozenset({401, 403})
_BUSY: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Words:
    """What users are told to do about one source's refusals. Each is the last part of a `DownloadError`."""

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
    """A redirect, or a form, leads to a host that may not be asked. `host` is named as it stood there."""

    def __init__(self, about: str, host: str, advice: str | None = None) -> None:
        super().__init__(f"{about} is redirected to {host}, which is not among the hosts that may be asked", advice)
        self.host = host


def from_status(status: int, host: str, about: str, words: Words) -> DownloadError:
    """An answer that is no success. `about`: what was asked for, as users know it."""
    if status in _GONE:
        return ObjectNotFound(f"there is no {about} ({status})", words.missing)
    if status in _DENIED:
        return AccessDenied(f"{host} does not give out {about} ({status})", words.denied)
    if status in _BUSY or status >= 500:
        return ServerBusy(f"{host} answered {status} for {about}")
    return PermanentError(f"{host} refused the request for {about} ({status})", words.refused)


def from_client(error: Exception, host: str, about: str, words: Words) -> DownloadError:
    """What `requests`, or the stream that it gave, raised."""
    if lacks_files(error):
        return TooManyFiles(f"no connection to {host} could be opened")
    if isinstance(error, requests.ReadTimeout | ReadTimeoutError | TimeoutError):
        return StreamStalled(f"no more bytes of {about} came from {host}")
    if isinstance(error, requests.exceptions.SSLError):
        return _from_tls(error, host)
    if isinstance(error, requests.exceptions.ProxyError):
        return NetworkError(f"the proxy to {host} does not answer", "check HTTPS_PROXY, then run it again")
    if isinstance(error, requests.ConnectTimeout) or _never_stood(error):
        return NetworkError(f"{host} cannot be reached", words.unreachable)
    if isinstance(error, ValueError) and not isinstance(error, requests.JSONDecodeError):
        return PermanentError(f"{about} cannot be asked for at {host} ({type(error).__name__})", words.refused)
    return NetworkError(f"the connection to {host} broke while {about} was read")


def _from_tls(error: Exception, host: str) -> DownloadError:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        advice = "set REQUESTS_CA_BUNDLE to the file of the authority that signed it"
        return Misconfigured(f"the certificate of {host} is not trusted", advice)
    if "WRONG_VERSION_NUMBER" in text:
        return Misconfigured(f"{host} does not speak TLS", "correct the address in the configuration")
    return NetworkError(f"the connection to {host} broke while it was set up")


def _never_stood(error: Exception) -> bool:
    """Whether the failure lies before the first byte: no such host, nobody listening."""
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), NewConnectionError)
