"""A MinIO server: how it is reached, by which two clients, and what its refusals mean.

The `minio` client lists; bytes and single questions go the way of S3 (see `s3`), which MinIO speaks as well.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
import certifi
import urllib3
from botocore import UNSIGNED
from botocore.config import Config
from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3 import exceptions as urllib3_errors

from ...errors import DownloadError, Misconfigured, NetworkError
from ..http import retry_after
from .errors import Fields, Subject, from_answer, from_body, from_tls, no_such_host, stalled, unreachable
from .minio_answers import BoundedAnswers, EndlessListing
from .object_store import Limits
from .source import S3Access, client_config

__all__ = ["MINIO_ERRORS", "MINIO_FIELDS", "MinioServer", "from_minio"]

MINIO_FIELDS: Final = Fields(
    address="host and port",
    region="region",
    without_tls='write "secure": false into the connection\'s extra',
    with_tls='write "secure": true into the connection\'s extra',
)
MINIO_ERRORS: Final = (MinioException, urllib3_errors.HTTPError, OSError, ValueError)
"""What a call of the `minio` client raises."""
_REGION: Final = "us-east-1"
"""MinIO's own, where it is not told another."""


@dataclass(frozen=True, slots=True)
class MinioServer:
    """Where a server is, and by what right it is read.

    `endpoint`: ``host:port``. Without a `key` it is read anonymously. `verify`: whether certificates are checked, or
    the file of an authority to trust.
    """

    endpoint: str
    key: str = ""
    secret: str = field(default="", repr=False)
    token: str | None = field(default=None, repr=False)
    secure: bool = True
    region: str = _REGION
    verify: bool | str = True
    limits: Limits = field(default_factory=Limits)
    fields: Fields = MINIO_FIELDS

    @property
    def url(self) -> str:
        """``http://host:port``."""
        return f"{'https' if self.secure else 'http'}://{self.endpoint}"

    def subject(self, bucket: str) -> Subject:
        """What an error is about."""
        return Subject(bucket, None, self.url, self.fields)

    def client(self, answers: BoundedAnswers | None = None) -> Minio:
        """The client that lists, by `answers`, with its own retries off. Raises Misconfigured."""
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
                f"{self.url} is no address of a server, or {self.region} is no region",
                f"correct {self.fields.address} and {self.fields.region} of the connection",
            )
        raise problem

    def access(self) -> S3Access:
        """The way of S3 to the same server."""
        session = boto3.session.Session(self.key or None, self.secret or None, self.token, region_name=self.region)
        plain = Config(s3={"addressing_style": "path"}, signature_version=None if self.key else UNSIGNED)
        client: Any = session.client(
            "s3", endpoint_url=self.url, verify=self.verify, config=client_config(self.limits).merge(plain)
        )
        credentials = session.get_credentials() if self.key else None
        return S3Access(client, credentials, self.verify, limits=self.limits, fields=self.fields)

    def answers(self) -> BoundedAnswers:
        """By what the client asks.

        Raises Misconfigured for an authority's file that cannot be read: here, and not at the first request.
        """
        try:
            if isinstance(self.verify, str):
                ssl.create_default_context(cafile=self.verify)
        except OSError:  # SSLError is one
            problem = Misconfigured(
                f"the file of an authority, {self.verify}, cannot be read",
                f"correct {self.fields.authority} in the connection",
            )
        else:
            return BoundedAnswers(
                timeout=urllib3.Timeout(connect=self.limits.connect, read=self.limits.stall),
                retries=urllib3.Retry(total=False, redirect=False),
                cert_reqs="CERT_NONE" if self.verify is False else "CERT_REQUIRED",
                ca_certs=self.verify
                if isinstance(self.verify, str)
                else os.environ.get("SSL_CERT_FILE", certifi.where()),
            )
        raise problem


def from_minio(error: Exception, about: Subject) -> DownloadError:
    """What the `minio` client, or what lies below it, raised."""
    if isinstance(error, S3Error):
        answer: Any = error.response
        made = from_answer(about, answer.status, error.code or "", error.message or "")
        made.retry_after = retry_after(answer.headers.get("retry-after"))
        return made
    if isinstance(error, InvalidResponseError):  # for the client that is also XML which says that it is text
        return from_body(about, error._code, str(error))  # noqa: SLF001 it is told nowhere else
    if isinstance(error, ServerError):
        return from_answer(about, error.status_code)
    if isinstance(error, EndlessListing):
        return Misconfigured(
            f"{about.address} says again and again that more lies in {about}, and lists nothing new",
            "use a server that follows S3's ListObjectsV2",
        )
    return _from_urllib3(error, about)


def _from_urllib3(error: Exception, about: Subject) -> DownloadError:
    cause = error.reason if isinstance(error, urllib3_errors.MaxRetryError) and error.reason else error
    for kinds, maker in _CAUSES:
        if isinstance(cause, kinds):
            return maker(about)
    if isinstance(cause, urllib3_errors.SSLError):
        return from_tls(cause, about)
    if isinstance(cause, urllib3_errors.HTTPError | OSError):
        return NetworkError(f"the connection to {about.address} broke while {about} was listed")
    return Misconfigured(
        f"{about.address} did not answer as an S3 server does ({type(cause).__name__})",
        f"check {about.fields.address} of the connection",
    )


_CAUSES: Final = (
    (urllib3_errors.NameResolutionError, no_such_host),
    (urllib3_errors.ReadTimeoutError, stalled),
    ((urllib3_errors.NewConnectionError, urllib3_errors.ConnectTimeoutError), unreachable),
)
