"""Turns failures of an S3 server, or of the connection to it, into the errors of `errors`.

There are two clients (`obstore` reads, `boto3` sends every other request), so there are two parsers and one table. No
text of either client is passed on: it may hold addresses, bodies and, after a wrong signature, the access key. The
messages are made of the status, the S3 error code, and the name of the object.
"""

from __future__ import annotations

import errno
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from ...errors import (
    AccessDenied,
    Archived,
    CredentialsExpired,
    DownloadError,
    Misconfigured,
    NetworkError,
    ObjectChanged,
    ObjectNotFound,
    PermanentError,
    RangeRefused,
    ServerBusy,
    SizeMismatch,
    StreamStalled,
    TooManyFiles,
    Unreachable,
    lacks_files,
)
from ..tls import TlsFields, refused
from .codes import MALFORMED, MEANINGS, SIGNS, STATUSES, Meaning

__all__ = [
    "ARCHIVES",
    "AWS_FIELDS",
    "BUSY_CODES",
    "BUSY_STATUSES",
    "NEEDED_RIGHTS",
    "Fields",
    "NoRetrievalCapacity",
    "OddAnswer",
    "ReadRedirected",
    "RestoreUnderWay",
    "Subject",
    "archived",
    "from_answer",
    "from_body",
    "from_boto3",
    "from_obstore",
    "from_tls",
    "no_such_host",
    "plain_address",
    "proxy_refused",
    "stalled",
    "unreachable",
    "unreadable",
]


class TokenExpired(CredentialsExpired):
    """A session token that is never renewed: no other try helps."""

    retryable = False


class RestoreUnderWay(Archived):
    """The restore of an archived object was asked for before. Never leaves this package."""


class NoRetrievalCapacity(Archived):
    """S3 has no capacity for Expedited retrievals. Never leaves this package."""


class OddAnswer(NetworkError):
    """obstore could not parse the answer. boto3 may: it never leaves this package."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The names of the connection's fields: the advice names the one to correct."""

    address: str
    region: str
    without_tls: str
    """What to do if the server speaks no TLS."""
    with_tls: str
    certificate: str
    """How to give a client certificate, or that there is no way."""
    authority: str = "verify"
    proxy: str = "HTTP_PROXY or HTTPS_PROXY in the environment"
    thaw: str = ""
    """The parameter by which a run has archived objects restored; ``""`` where there is none."""

    @property
    def tls(self) -> TlsFields:
        """For the errors of TLS."""
        return TlsFields(
            f"{self.address} of the connection",
            f"set {self.authority} in the connection to",
            self.without_tls,
            self.certificate,
        )


AWS_FIELDS: Final = Fields(
    "endpoint_url",
    "region_name",
    "write http:// for https:// in the connection's endpoint_url",
    "write https:// for http:// in the connection's endpoint_url",
    'write {"client_cert": ["CERTIFICATE.pem", "KEY.pem"]} into config_kwargs of the connection\'s extra',
    proxy="proxies in config_kwargs of the connection, or HTTP_PROXY or HTTPS_PROXY in the environment",
    thaw="thaw",
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What the request was about: an object, or the bucket if `key` is None."""

    bucket: str
    key: str | None
    address: str
    """Scheme, host and port of the server, without login."""
    fields: Fields = AWS_FIELDS
    proxy: str = ""
    """Scheme, host and port of the proxy that leads there, without login; ``""``: none."""
    anonymous: bool = False
    """Whether the request is not signed."""
    static: bool = False
    """Whether its credentials are known to be never renewed."""

    def __str__(self) -> str:
        return f"s3://{self.bucket}" if self.key is None else f"s3://{self.bucket}/{self.key}"


def plain_address(url: str) -> str:
    """Scheme, host and port of `url`: the part that may be shown."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


ARCHIVES: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes. Glacier Instant Retrieval (``GLACIER_IR``) needs no restore."""


def archived(about: Subject, restore: str | None = None, *, days: bool = True) -> Archived:
    """The error of an object in an archive tier. `restore` is the ``x-amz-restore`` header, if there was one.

    `days`: whether the restore command takes a number of days (it does not for Intelligent-Tiering).
    """
    if restore and 'ongoing-request="true"' in restore:
        return Archived(f"a restore of {about} is in progress", "run it again in some hours, once the restore is done")
    request = '{"Days":7,"GlacierJobParameters":{"Tier":"Standard"}}' if days else "{}"
    command = f"aws s3api restore-object --bucket {shlex.quote(about.bucket)} --key {shlex.quote(about.key or '')}"
    advice = f"restore it with: {command} --restore-request {shlex.quote(request)}"
    if about.fields.thaw:
        advice = f"run it again with the parameter {about.fields.thaw} (Bulk, Standard or Expedited), or {advice}"
    return Archived(f"{about} lies in an archive tier", advice)


_Maker = Callable[[Subject], DownloadError]


class ReadRedirected(Misconfigured):
    """The server names another place. `location` answers its address, which may hold a signature: it is never shown."""

    def __init__(self, about: Subject, location: str) -> None:
        super().__init__(
            f"{about.address} redirects reads of {about} to another host, and credentials are not sent there",
            f"set {about.fields.address} of the connection to a server that sends the objects itself",
        )
        self.location: Callable[[], str] = lambda: location


def _denied(what: str, advice: str) -> _Maker:
    return lambda about: AccessDenied(what.format(about=about, server=about.address), advice)


def _misconfigured(what: str, advice: str) -> _Maker:
    return lambda about: Misconfigured(
        what.format(about=about, server=about.address), advice.format(fields=about.fields)
    )


def _missing_object(about: Subject) -> DownloadError:
    return ObjectNotFound(f"there is no object {about}") if about.key is not None else _missing_bucket(about)


def _missing_bucket(about: Subject) -> DownloadError:
    return ObjectNotFound(f"there is no bucket {about.bucket} at {about.address}", "check the bucket's name")


def _deleted(about: Subject) -> DownloadError:
    return ObjectNotFound(
        f"{about} was deleted: the bucket keeps versions, and the latest one is a delete marker",
        "remove the delete marker, or copy an earlier version over it",
    )


def _expired(about: Subject) -> DownloadError:
    if about.static:
        return TokenExpired(
            "the session token of the connection has expired, and nothing renews it",
            "write a new aws_session_token, with its login and password, into the connection; or let it assume a role "
            "(role_arn), whose credentials are renewed",
        )
    return CredentialsExpired(f"the credentials had expired when {about} was asked for")


_REGION = _misconfigured(
    "the bucket of {about} lies in another region", "set {fields.region} in the connection to the bucket's region"
)
_NO_CREDENTIALS = _denied("the connection holds no credentials", "fill in login and password of the connection")
_PLAIN_ON_TLS = _misconfigured("{server} speaks TLS only", "{fields.with_tls}")


def _proxy_login(about: Subject) -> DownloadError:
    return Misconfigured(
        f"the proxy {about.proxy or 'on the way'} wants a login, or refuses the one it was given",
        f"write it as http://USER:PASSWORD@HOST:PORT: {about.fields.proxy}",
    )


_BY_CODE: Final[dict[str, _Maker]] = {
    "NoSuchKey": _missing_object,
    "NoSuchVersion": _missing_object,
    "NoSuchBucket": _missing_bucket,
    "InvalidBucketName": _missing_bucket,
    "ExpiredToken": _expired,
    "ExpiredTokenException": _expired,
    "TokenRefreshRequired": _expired,
    "InvalidObjectState": archived,
    "RestoreAlreadyInProgress": lambda about: RestoreUnderWay(f"a restore of {about} is in progress"),
    "GlacierExpeditedRetrievalNotAvailable": lambda about: NoRetrievalCapacity(
        f"{about.address} has no capacity for Expedited retrievals now",
        "run it again later, or with thaw Standard or Bulk",
    ),
    "RequestTimeout": lambda about: NetworkError(f"{about.address} gave up waiting for the request"),
}
_REGION_CODES: Final = frozenset(
    {
        "AuthorizationHeaderMalformed",
        "AuthorizationQueryParametersError",
        "IllegalLocationConstraint",
        "IllegalLocationConstraintException",
        "InvalidLocationConstraint",
        "InvalidRegion",
        "PermanentRedirect",
        "TemporaryRedirect",
    }
)
_REGION_STATUSES: Final = frozenset({301, 307})
_OF_KEY: Final = re.compile(r"credential is mal-?formed|access key \(AKID\)", re.IGNORECASE)
"""In the message of a code that speaks of regions most often."""
_EXPECTED: Final = re.compile(r"(?:expecting '|<Region>)([a-z0-9-]{2,40})(?:'|</Region>)")
_BY_STATUS: Final[dict[int, _Maker]] = {
    404: _missing_object,
    407: _proxy_login,
    410: _missing_object,
    412: lambda about: ObjectChanged(f"{about} was replaced while it was read"),
    416: lambda about: SizeMismatch(f"{about} is shorter than expected"),
}
BUSY_CODES: Final = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
    }
)
"""Error codes of AWS that ask for another try later: S3's own, and those of its other services (STS)."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
BUSY_STATUSES: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529, 530, 598, 599})
"""From 520 on they are those of Cloudflare, and of others after it; 598 and 599 are a proxy's timeouts."""
NEEDED_RIGHTS: Final = "give the connection's credentials s3:GetObject and s3:ListBucket on the bucket"
_IS_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
_CODE: Final = re.compile(r"<Code>([^<]+)</Code>")
_MESSAGE: Final = re.compile(r"<Message>(.*?)</Message>", re.DOTALL)


def from_answer(about: Subject, status: int, code: str = "", text: str = "", region: str = "") -> DownloadError:
    """The error of an unsuccessful answer.

    `code`: the S3 error code, if any; `text`: its message, not shown; `region`: where the bucket lies, if it was told.
    """
    if not _IS_CODE.fullmatch(code):  # without a body (HEAD), boto3 gives the status
        code = ""
    shown = f"{status} {code}".strip()
    of_key = code in _REGION_CODES and not region and _OF_KEY.search(text)
    if not of_key and (code in _REGION_CODES or (status in _REGION_STATUSES and not code)):
        return _other_region(about, code, region or text)
    if code in _BY_CODE:
        return _BY_CODE[code](about)
    meaning = MALFORMED if of_key else _meaning(status, code, text.lower())
    if meaning is not None:
        kind, what, advice = meaning
        names = {"about": about, "server": about.address, "fields": about.fields, "shown": shown}
        return kind(what.format(**names), advice.format(**names))
    if status in BUSY_STATUSES or code in BUSY_CODES:
        return ServerBusy(f"{about.address} answered {shown} for {about}")
    if status in (401, 403):
        return _denied_to(about, shown)
    if status < 400:
        return Misconfigured(
            f"{about.address} answered {shown} for {about}, and not as an S3 server does",
            f"check {about.fields.address} of the connection, and any proxy on the way",
        )
    maker = _BY_STATUS.get(status)
    if maker is None and ("HTTPS server" in text or "HTTPS port" in text):
        maker = _PLAIN_ON_TLS
    if maker is not None:
        return maker(about)
    return PermanentError(f"{about.address} refused the request for {about} ({shown})", _LOOK_UP)


def _meaning(status: int, code: str, text: str) -> Meaning | None:
    if code in MEANINGS:
        return MEANINGS[code]
    if code == "InvalidRequest" and "server side encryption" in text:
        return MEANINGS["ServerSideEncryptionConfigurationNotFoundError"]
    if code.startswith("KMS."):
        return AccessDenied, "the KMS key that {about} is encrypted with cannot be used ({shown})", _LOOK_UP
    if status in (400, 401, 403) or code:
        by_text = next((meaning for sign, meaning in SIGNS if sign in text), None)
        if by_text is not None:
            return by_text
    return None if code else STATUSES.get(status)


_LOOK_UP: Final = "look the status and the code up in the server's manual, or ask its operator"


def _other_region(about: Subject, code: str, told: str) -> DownloadError:
    """`told`: a region, or a text that may name it."""
    found = _EXPECTED.search(told) or re.fullmatch("([a-z0-9-]{2,40})", told)
    if found is not None:
        return Misconfigured(
            f"the bucket of {about} lies in the region {found[1]}, and the connection names another",
            f"set {about.fields.region} in the connection to {found[1]}",
        )
    if code in ("", "PermanentRedirect", "TemporaryRedirect"):
        return _REGION(about)
    return Misconfigured(
        f"{about.address} does not have the region of the connection ({code}), or the bucket of {about} lies in "
        "another region",
        f"set {about.fields.region} in the connection to the bucket's region, as the server names it",
    )


def _denied_to(about: Subject, shown: str) -> DownloadError:
    if about.anonymous:
        return AccessDenied(
            f"{about} may not be read without credentials ({shown}), and the connection has none",
            "fill in login and password of the connection, or ask the owner of the bucket to make it public",
        )
    return AccessDenied(f"access to {about} is denied ({shown})", NEEDED_RIGHTS)


def from_body(about: Subject, status: int, body: str) -> DownloadError:
    """As `from_answer`, for a body that is not parsed yet."""
    code, message, region = _CODE.search(body), _MESSAGE.search(body), _EXPECTED.search(body)
    text = message[1] if message else body
    return from_answer(about, status, code[1] if code else "", text, region[1] if region else "")


def stalled(about: Subject) -> DownloadError:
    """No more bytes arrive."""
    return StreamStalled(f"no more bytes of {about} came from {about.address}")


def unreachable(about: Subject) -> DownloadError:
    """Nothing answers at the address."""
    if about.proxy:
        return Unreachable(
            f"{about.address} cannot be reached through the proxy {about.proxy}",
            f"check the proxy ({about.fields.proxy}), {about.fields.address} and the network, then run it again",
        )
    return Unreachable(
        f"{about.address} cannot be reached", f"check {about.fields.address} and the network, then run it again"
    )


_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3})")
_FORBIDDEN: Final = frozenset({403, 405})


def proxy_refused(text: str, about: Subject) -> DownloadError:
    """The error of a proxy, from the text of urllib3's: it does not answer, or does not connect to the server."""
    found = _TUNNEL.search(text)
    status = int(found[1]) if found else 0
    if status in _FORBIDDEN:
        return Misconfigured(
            f"the proxy {about.proxy or 'on the way'} lets nobody through to {about.address} ({status})",
            "ask its owner to allow it, or name the host in NO_PROXY if it can be reached without",
        )
    return _proxy_login(about) if status == 407 else unreachable(about)


def _no_more_files(about: Subject) -> DownloadError:
    return TooManyFiles(f"no connection to {about.address} could be opened")


def no_such_host(about: Subject) -> DownloadError:
    """The host does not exist."""
    return Unreachable(
        f"no such host: {about.address}", f"check {about.fields.address} of the connection, then run it again"
    )


def _broken(about: Subject) -> DownloadError:
    return NetworkError(f"the connection to {about.address} broke while {about} was read")


def unreadable(about: Subject, *, repeated: bool = False) -> DownloadError:
    """An answer that cannot be parsed. `repeated`: the last one could not for the same reason."""
    what = f"{about.address} sent an answer about {about} that cannot be read (an invalid header, length or XML)"
    check = f"check {about.fields.address}, the server, and any proxy on the way"
    return (
        Misconfigured(what, check) if repeated else NetworkError(what, f"run it again; if it stays like this, {check}")
    )


def _no_range(about: Subject) -> DownloadError:
    return RangeRefused(f"{about.address} sent something else than the range of {about} that was asked for")


def from_tls(text: str, about: Subject) -> DownloadError:
    """The error of a failed handshake, from what the client says of it."""
    return refused(text, about.address, about.fields.tls)


# --- boto3 -----------------------------------------------------------------------------------------------------------


def from_boto3(error: Exception, about: Subject) -> DownloadError:
    """The error for an exception of boto3 or of one of its streams."""
    if lacks_files(error):
        return _no_more_files(about)
    if isinstance(error, boto.ClientError):
        answer: Any = error.response
        details, http = answer.get("Error", {}), answer.get("ResponseMetadata", {})
        status, code, text = http.get("HTTPStatusCode", 400), details.get("Code"), details.get("Message")
        headers = http.get("HTTPHeaders", {})
        region = details.get("Region") or (headers.get("x-amz-bucket-region", "") if status < 400 else "")
        made = from_answer(about, status, code or "", text or "", region)  # an empty element is None
        if headers.get("x-amz-delete-marker") == "true" and about.key is not None:
            made = _deleted(about)
        from ..http import retry_after  # brings in another HTTP client, which S3 has no use for

        headers = http.get("HTTPHeaders", {})
        location = headers.get("location", "")
        if status in _REDIRECTS and code not in _BY_CODE and _leads_elsewhere(location, about):
            return ReadRedirected(about, location)
        made.retry_after = retry_after(headers.get("retry-after"))
        return made
    if isinstance(error, boto.SSLError):
        return from_tls(str(error.kwargs.get("error")), about)  # its own text holds the key, which anyone may choose
    if isinstance(error, boto.ProxyConnectionError):
        return proxy_refused(str(error.kwargs.get("error")), about)
    if isinstance(error, boto.InvalidProxiesConfigError):
        return Misconfigured(
            "proxies_config of the connection cannot be used", "correct it: it names certificate files"
        )
    for kinds, maker in _BOTO:
        if isinstance(error, kinds):
            return maker(about)
    return Misconfigured(f"{about} could not be asked for ({type(error).__name__})", "check the connection's settings")


def _leads_elsewhere(location: str, about: Subject) -> bool:
    """Whether a redirect to `location` leaves the server. One of a region names the same server, or no place at all."""
    try:
        there, here = urlsplit(location), urlsplit(about.address)
        return there.scheme in ("http", "https") and (there.hostname, there.port) != (here.hostname, here.port)
    except ValueError:
        return False


_BOTO: Final[tuple[tuple[tuple[type[Exception], ...], _Maker], ...]] = (
    ((boto.NoCredentialsError, boto.PartialCredentialsError), _NO_CREDENTIALS),
    ((boto.CredentialRetrievalError, boto.TokenRetrievalError), _expired),
    ((boto.ReadTimeoutError,), stalled),
    ((boto.ConnectTimeoutError, boto.EndpointConnectionError), unreachable),
    ((boto.HTTPClientError, boto.IncompleteReadError, boto.ResponseStreamingError, OSError), _broken),
    ((ResponseParserError, ValueError), unreadable),
)


# --- obstore ---------------------------------------------------------------------------------------------------------

_STATUS: Final = re.compile(r"inner: Status \{\n\s+status: (\d{3}),\n")
_PARSED: Final = re.compile(
    r'\nDebug source:\nGeneric \{\n\s+store: "S3",\n\s+source: (Header \{\n\s+source: )?(?!RetryError)(\w+)'
)
"""What was wrong with an answer that came, in a header or elsewhere."""
_PARSED_HEADER: Final = re.compile(r"Parse\(\s*Header\(")


_RUSTLS: Final = ("InvalidCertificate(", "AlertReceived(", "InvalidMessage(", "PeerIncompatible(", "PeerMisbehaved(")


def from_obstore(error: Exception, about: Subject) -> DownloadError:
    """The error for an exception of obstore: a sentence, then a dump of the error, whose innermost part counts.

    The text before it repeats the key, which anyone may choose and which must not be taken for an answer.
    """
    text = str(error)
    status = _STATUS.search(text)
    if status is not None:
        return from_body(about, int(status[1]), text[status.end() :])
    parsed = _PARSED.search(text)
    cause = text.rpartition("inner: ")[2]
    if (parsed and (parsed[1] or parsed[2].startswith("Invalid"))) or _PARSED_HEADER.search(cause):
        return OddAnswer(f"{about.address} sent an answer about {about} that obstore cannot parse")
    if any(sign in cause for sign in _RUSTLS):
        return from_tls(cause, about)
    for sign, maker in _OBSTORE:
        if sign in cause:
            return maker(about)
    return _broken(about)


_OBSTORE: Final[tuple[tuple[str, _Maker], ...]] = (
    (f"code: {errno.EMFILE},", _no_more_files),
    (f"code: {errno.ENFILE},", _no_more_files),
    ("NotPartial", _no_range),
    ("UnexpectedRange", _no_range),
    ("NoContentRange", _no_range),
    ("ParseContentRange", _no_range),
    ("BareRedirect", _REGION),
    ("ConnectFailed(", unreachable),  # to the proxy
    ("TunnelUnsuccessful", unreachable),
    ("ProxyAuthRequired", _proxy_login),
    ("dns error", no_such_host),
    ("kind: Connect,", unreachable),
    ("TimedOut", stalled),
)
