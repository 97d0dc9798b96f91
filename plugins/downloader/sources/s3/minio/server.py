"""A MinIO server: its address, its two clients, and the translation of its errors.

The `minio` client lists; objects are read through the S3 API (see `source`), which MinIO speaks as well.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
import urllib3
from botocore import UNSIGNED
from botocore.config import Config
from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3 import exceptions as urllib3_errors

from ....errors import DownloadError, Misconfigured, NetworkError
from ....source import Timeouts
from ...http import retry_after
from ..errors import (
    Fields,
    Subject,
    from_answer,
    from_body,
    from_tls,
    no_such_host,
    proxy_refused,
    stalled,
    unreachable,
)
from ..foreign import ForeignAnswer, from_foreign, not_s3
from ..source import S3Access, client_config
from ..transport import Transport
from .answers import AnswerTooLong, BoundedAnswers, EndlessListing

__all__ = ["MINIO_ERRORS", "MINIO_FIELDS", "MinioServer", "from_minio"]

MINIO_FIELDS: Final = Fields(
    address="host and port",
    region="region",
    without_tls='write "secure": false into the connection\'s extra',
    with_tls='write "secure": true into the connection\'s extra',
    certificate="make the connection one of type aws: it takes client_cert in config_kwargs",
)
MINIO_ERRORS: Final = (MinioException, urllib3_errors.HTTPError, OSError, ValueError)
"""What a call of the `minio` client raises."""
_WRONG_SIGNATURE: Final = "SignatureDoesNotMatch"
_REGION: Final = "us-east-1"
"""MinIO's default."""
_AUTHORITIES: Final = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""Where the environment may name a file of authorities, after ``AWS_CA_BUNDLE``: for boto3, and for `minio`."""


@dataclass(frozen=True, slots=True)
class MinioServer:
    """The address of a server, and the credentials for it.

    `endpoint`: ``host:port``. Without a `key` it is read anonymously. `verify`: whether certificates are checked, or
    the file of an authority to trust; None: what the environment or the AWS configuration says. `transport`: the way to
    it, if it is known.
    """

    endpoint: str
    key: str = ""
    secret: str = field(default="", repr=False)
    token: str | None = field(default=None, repr=False)
    secure: bool = True
    region: str = _REGION
    verify: bool | str | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    fields: Fields = MINIO_FIELDS
    transport: Transport | None = None

    @property
    def url(self) -> str:
        """``http://host:port``."""
        return f"{'https' if self.secure else 'http'}://{self.endpoint}"

    def subject(self, bucket: str) -> Subject:
        """What an error is about."""
        return Subject(bucket, None, self.url, self.fields, self.transport.proxy_address if self.transport else "")

    def client(self, answers: BoundedAnswers | None = None) -> Minio:
        """The client for listings, over `answers`, without retries of its own. Raises Misconfigured."""
        try:
            return Minio(
                endpoint=self.endpoint,
                access_key=self.key or None,
                secret_key=self.secret if self.key else None,
                session_token=self.token,
                secure=self.secure,
                region=self.region,
                http_client=answers or self.answers(),
            )
        except ValueError:
            problem = Misconfigured(
                f"{self.url} is not a valid address, or {self.region} is not a valid region",
                f"correct {self.fields.address} and {self.fields.region} of the connection",
            )
        raise problem

    def access(self) -> S3Access:
        """The same server through the S3 API."""
        session = boto3.session.Session(self.key or None, self.secret or None, self.token, region_name=self.region)
        plain = Config(s3={"addressing_style": "path"}, signature_version=None if self.key else UNSIGNED)
        verify = self.verify
        if verify is None:
            verify = session._session.get_config_variable("ca_bundle")  # noqa: SLF001
            verify = verify or next(filter(None, map(os.environ.get, _AUTHORITIES)), True)
        client: Any = session.client(
            "s3", endpoint_url=self.url, verify=verify, config=client_config(self.timeouts).merge(plain)
        )
        credentials = session.get_credentials() if self.key else None
        return S3Access(client, credentials, self.verify, timeouts=self.timeouts, fields=self.fields)

    def answers(self) -> BoundedAnswers:
        """The HTTP client of the `minio` client.

        Raises Misconfigured for a file of an authority that cannot be read, here rather than on the first request.
        """
        transport = self.transport or self.access().transport()
        return BoundedAnswers(
            transport.manager(
                timeout=urllib3.Timeout(connect=self.timeouts.connect, read=self.timeouts.stall),
                retries=urllib3.Retry(total=False, redirect=False),
            )
        )


def from_minio(error: Exception, about: Subject) -> DownloadError:
    """The error for an exception of the `minio` client or of urllib3."""
    if getattr(error, "code", "") == _WRONG_SIGNATURE or f"<Code>{_WRONG_SIGNATURE}</Code>" in str(error):
        return from_answer(about, 403, _WRONG_SIGNATURE)
    if isinstance(error, S3Error):
        answer: Any = error.response
        made = from_answer(about, answer.status, error.code or "", error.message or "")
        made.retry_after = retry_after(answer.headers.get("retry-after"))
        return made
    if isinstance(error, InvalidResponseError):  # the client raises it also for XML whose type is text
        return from_body(about, error._code, str(error))  # noqa: SLF001 it has no public name
    if isinstance(error, ServerError):
        return from_answer(about, error.status_code)
    if isinstance(error, EndlessListing):
        return Misconfigured(
            f"{about.address} keeps announcing more of {about}, and lists nothing new",
            "use a server that follows S3's ListObjectsV2",
        )
    if isinstance(error, AnswerTooLong):
        return not_s3(about, "its answer is larger than a listing can be")
    if isinstance(error, ForeignAnswer):
        return from_foreign(error, about)
    return _from_urllib3(error, about)


def _from_urllib3(error: Exception, about: Subject) -> DownloadError:
    cause = error.reason if isinstance(error, urllib3_errors.MaxRetryError) and error.reason else error
    for kinds, maker in _CAUSES:
        if isinstance(cause, kinds):
            return maker(about)
    if isinstance(cause, urllib3_errors.ProxyError):
        return proxy_refused(str(cause), about)
    if isinstance(cause, urllib3_errors.SSLError):
        return from_tls(str(cause), about)
    if isinstance(cause, urllib3_errors.HTTPError | OSError):
        return NetworkError(f"the connection to {about.address} broke while {about} was listed")
    return not_s3(about, "its listing is not valid")


_CAUSES: Final = (
    (urllib3_errors.NameResolutionError, no_such_host),
    (urllib3_errors.ReadTimeoutError, stalled),
    ((urllib3_errors.NewConnectionError, urllib3_errors.ConnectTimeoutError), unreachable),
)
