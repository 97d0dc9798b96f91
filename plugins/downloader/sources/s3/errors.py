"""What an S3 server, or the way to it, says went wrong, in the words of `errors`.

Two clients ask (`obstore` for the bytes, `boto3` for the questions), so there are two readers and one table. No text of
either client is handed on: their messages hold addresses, answers' bodies and, after a wrong signature, the access key.
What the sentences are made of is the status, the S3 error code, and the name of the object.
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
    lacks_files,
)
from ..http import retry_after

__all__ = [
    "AWS_FIELDS",
    "Fields",
    "Subject",
    "archived",
    "from_answer",
    "from_body",
    "from_boto3",
    "from_obstore",
    "from_tls",
    "no_such_host",
    "plain_address",
    "stalled",
    "unreachable",
]


@dataclass(frozen=True, slots=True)
class Fields:
    """What the fields of the connection are called: advice names the one to correct."""

    address: str
    region: str
    without_tls: str
    """What to do where the server speaks no TLS."""
    with_tls: str
    authority: str = "verify"


AWS_FIELDS: Final = Fields(
    "endpoint_url",
    "region_name",
    "write http:// for https:// in the connection's endpoint_url",
    "write https:// for http:// in the connection's endpoint_url",
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What the question was about: an object, or the bucket where `key` is None."""

    bucket: str
    key: str | None
    address: str
    """Scheme, host and port of the server, without login."""
    fields: Fields = AWS_FIELDS

    def __str__(self) -> str:
        return f"s3://{self.bucket}" if self.key is None else f"s3://{self.bucket}/{self.key}"


def plain_address(url: str) -> str:
    """Scheme, host and port of `url`: what may be shown."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def archived(about: Subject, restore: str | None = None, *, days: bool = True) -> Archived:
    """The refusal of an object in an archive tier. `restore` is the ``x-amz-restore`` header, if there was one.

    `days`: whether the restore command takes a number of days (it does not for Intelligent-Tiering).
    """
    if restore and 'ongoing-request="true"' in restore:
        return Archived(f"a restore of {about} is in progress", "run it again in some hours, once the restore is done")
    request = '{"Days":7,"GlacierJobParameters":{"Tier":"Standard"}}' if days else "{}"
    command = f"aws s3api restore-object --bucket {shlex.quote(about.bucket)} --key {shlex.quote(about.key or '')}"
    return Archived(
        f"{about} lies in an archive tier", f"restore it with: {command} --restore-request {shlex.quote(request)}"
    )


_Maker = Callable[[Subject], DownloadError]


def _denied(what: str, advice: str | None = None) -> _Maker:
    return lambda about: AccessDenied(what.format(about=about, server=about.address), advice)


def _misconfigured(what: str, advice: str) -> _Maker:
    return lambda about: Misconfigured(
        what.format(about=about, server=about.address), advice.format(fields=about.fields)
    )


def _missing_object(about: Subject) -> DownloadError:
    return ObjectNotFound(f"there is no object {about}") if about.key is not None else _missing_bucket(about)


def _missing_bucket(about: Subject) -> DownloadError:
    return ObjectNotFound(f"there is no bucket {about.bucket} at {about.address}", "check the bucket's name")


def _expired(about: Subject) -> DownloadError:
    return CredentialsExpired(f"the credentials had expired when {about} was asked for")


_WRONG_KEY = _denied("{server} does not know the access key", "correct the login of the connection")
_WRONG_SECRET = _denied(
    "{server} refused the signature", "correct the password (the secret access key) of the connection"
)
_BAD_TOKEN = _denied("{server} refused the session token", "correct aws_session_token in the connection")
_SKEWED = _denied("the clock of this machine differs from that of {server}", "set this machine's clock (NTP)")
_REGION = _misconfigured(
    "the bucket of {about} lies in another region", "set {fields.region} in the connection to the bucket's region"
)
_CUSTOMER_KEY = _denied("{about} is encrypted with a customer's own key (SSE-C)", "copy it to an object without SSE-C")
_NO_KMS = _denied("the key that {about} is encrypted with may not be used", "give the credentials kms:Decrypt on it")
_NO_CREDENTIALS = _denied("the connection holds no credentials", "fill in login and password of the connection")
_TLS_ON_PLAIN = _misconfigured("{server} does not speak TLS", "{fields.without_tls}")
_PLAIN_ON_TLS = _misconfigured("{server} speaks TLS only", "{fields.with_tls}")
_CERTIFICATE = _misconfigured(
    "the certificate of {server} is not trusted",
    "set {fields.authority} in the connection to the file of the authority that signed it",
)

_BY_CODE: Final[dict[str, _Maker]] = {
    "NoSuchKey": _missing_object,
    "NoSuchVersion": _missing_object,
    "NoSuchBucket": _missing_bucket,
    "InvalidBucketName": _missing_bucket,
    "InvalidAccessKeyId": _WRONG_KEY,
    "SignatureDoesNotMatch": _WRONG_SECRET,
    "InvalidToken": _BAD_TOKEN,
    "RequestTimeTooSkewed": _SKEWED,
    "ExpiredToken": _expired,
    "ExpiredTokenException": _expired,
    "TokenRefreshRequired": _expired,
    "InvalidObjectState": archived,
    "PermanentRedirect": _REGION,
    "TemporaryRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "ServerSideEncryptionConfigurationNotFoundError": _CUSTOMER_KEY,
    "RequestTimeout": lambda about: NetworkError(f"{about.address} gave up waiting for the request"),
}
_BY_STATUS: Final[dict[int, _Maker]] = {
    404: _missing_object,
    410: _missing_object,
    412: lambda about: ObjectChanged(f"{about} was replaced while it was read"),
    416: lambda about: SizeMismatch(f"{about} is shorter than expected"),
}
_BUSY_CODES: Final = frozenset({"SlowDown", "ServiceUnavailable", "InternalError", "Throttling", "TooManyRequests"})
_BUSY_STATUSES: Final = frozenset({409, 429, 500, 502, 503, 504})
_IS_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,63}")
_CODE: Final = re.compile(r"<Code>([^<]+)</Code>")
_MESSAGE: Final = re.compile(r"<Message>(.*?)</Message>", re.DOTALL)


def from_answer(about: Subject, status: int, code: str = "", text: str = "") -> DownloadError:
    """An answer that is no success. `code` is the S3 error code if there was a body, `text` its message (not shown)."""
    if not _IS_CODE.fullmatch(code):  # where there was no body (HEAD), boto3 puts the status in its place
        code = ""
    made = _by_code(about, code, text)
    return made or _by_status(about, status, f"{status} {code}".strip(), text)


def from_body(about: Subject, status: int, body: str) -> DownloadError:
    """As `from_answer`, of a body that nobody has read."""
    code, message = _CODE.search(body), _MESSAGE.search(body)
    return from_answer(about, status, code[1] if code else "", message[1] if message else body)


def _by_code(about: Subject, code: str, text: str) -> DownloadError | None:
    if "kms:" in text or code.startswith("KMS."):
        return _NO_KMS(about)
    if code == "InvalidRequest" and "Server Side Encryption" in text:
        return _CUSTOMER_KEY(about)
    maker = _BY_CODE.get(code)
    return maker(about) if maker is not None else None


def _by_status(about: Subject, status: int, shown: str, text: str) -> DownloadError:
    if status in _BUSY_STATUSES or shown[4:] in _BUSY_CODES:
        return ServerBusy(f"{about.address} answered {shown} for {about}")
    if status in (401, 403):
        return AccessDenied(f"access to {about} is denied ({shown})")
    maker = _REGION if status < 400 else _BY_STATUS.get(status)
    if maker is None and ("HTTPS server" in text or "HTTPS port" in text):
        maker = _PLAIN_ON_TLS
    return maker(about) if maker else PermanentError(f"{about.address} refused the request for {about} ({shown})")


def stalled(about: Subject) -> DownloadError:
    """Bytes stopped coming."""
    return StreamStalled(f"no more bytes of {about} came from {about.address}")


def unreachable(about: Subject) -> DownloadError:
    """Nobody answers at the address."""
    return NetworkError(
        f"{about.address} cannot be reached", f"check {about.fields.address} and the network, then run it again"
    )


def _no_more_files(about: Subject) -> DownloadError:
    return TooManyFiles(f"no connection to {about.address} could be opened")


def no_such_host(about: Subject) -> DownloadError:
    """The address has no machine behind it."""
    return NetworkError(
        f"no such host: {about.address}", f"check {about.fields.address} of the connection, then run it again"
    )


def _broken(about: Subject) -> DownloadError:
    return NetworkError(f"the connection to {about.address} broke while {about} was read")


def _no_range(about: Subject) -> DownloadError:
    return RangeRefused(f"{about.address} sent something else than the range of {about} that was asked for")


def from_tls(error: Exception, about: Subject) -> DownloadError:
    """A handshake that failed: the certificate is not trusted, or there is no TLS at the other end."""
    return (_CERTIFICATE if "CERTIFICATE_VERIFY_FAILED" in str(error) else _TLS_ON_PLAIN)(about)


# --- boto3 -----------------------------------------------------------------------------------------------------------


def from_boto3(error: Exception, about: Subject) -> DownloadError:
    """What boto3, or the stream that it gave, raised."""
    if lacks_files(error):
        return _no_more_files(about)
    if isinstance(error, boto.ClientError):
        return _from_client_error(error, about)
    if isinstance(error, boto.SSLError):
        return from_tls(error, about)
    for kinds, maker in _BOTO:
        if isinstance(error, kinds):
            return maker(about)
    return Misconfigured(f"{about} could not be asked for ({type(error).__name__})", "check the connection's settings")


def _from_client_error(error: Any, about: Subject) -> DownloadError:
    said = error.response.get("Error", {})
    answer = error.response.get("ResponseMetadata", {})
    status, code, text = answer.get("HTTPStatusCode", 400), said.get("Code"), said.get("Message")
    made = from_answer(about, status, code or "", text or "")  # an empty element is None
    made.retry_after = retry_after(answer.get("HTTPHeaders", {}).get("retry-after"))
    return made


_BOTO: Final[tuple[tuple[tuple[type[Exception], ...], _Maker], ...]] = (
    ((boto.NoCredentialsError, boto.PartialCredentialsError), _NO_CREDENTIALS),
    ((boto.CredentialRetrievalError, boto.TokenRetrievalError), _expired),
    ((boto.ReadTimeoutError,), stalled),
    ((boto.ConnectTimeoutError, boto.EndpointConnectionError, boto.ProxyConnectionError), unreachable),
    ((boto.HTTPClientError, boto.IncompleteReadError, boto.ResponseStreamingError, OSError), _broken),
    ((ResponseParserError, ValueError), _broken),  # a length, a date or XML that came in pieces
)


# --- obstore ---------------------------------------------------------------------------------------------------------

_STATUS: Final = re.compile(r"inner: Status \{\n\s+status: (\d{3}),\n")


def from_obstore(error: Exception, about: Subject) -> DownloadError:
    """What obstore raised: a sentence, then a dump of the error's structure, whose innermost part is the one to read.

    All before it repeats the key, which is anybody's to choose and must not pass for an answer.
    """
    text = str(error)
    status = _STATUS.search(text)
    if status is not None:
        return from_body(about, int(status[1]), text[status.end() :])
    cause = text.rpartition("inner: ")[2]
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
    (
        "MissingContentLength",
        _misconfigured("{server} does not say how long {about} is", "check the server or the proxy"),
    ),
    ("BareRedirect", _REGION),
    ("InvalidCertificate", _CERTIFICATE),
    ("InvalidContentType", _TLS_ON_PLAIN),
    ("dns error", no_such_host),
    ("kind: Connect,", unreachable),
    ("TimedOut", stalled),
)
