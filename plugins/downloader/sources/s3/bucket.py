"""Requests to a bucket with boto3, and the check before a restore."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from botocore import UNSIGNED
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from ...errors import AccessDenied, DownloadError, Misconfigured, NetworkError, SizeMismatch
from .errors import AWS_FIELDS, Fields, Subject, from_boto3, plain_address, unreadable
from .foreign import ForeignAnswer, from_foreign
from .quirks import Quirks
from .transport import proxy_of

__all__ = ["S3Bucket", "bucket_url", "check_bucket", "is_anonymous"]

_GLOBAL_HOST: Final = "s3.amazonaws.com"
"""boto3 signs URLs for it, also where the bucket's region has its own host; it redirects to that."""
_TOTAL: Final = re.compile(r"bytes \S+/(\d+)")


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """A bucket and its boto3 client."""

    name: str
    client: Any
    requester_pays: bool = False
    fields: Fields = AWS_FIELDS
    static: bool = False
    """Whether its credentials are known to be never renewed."""
    quirks: Quirks = field(default_factory=Quirks, compare=False)

    def subject(self, key: str | None = None) -> Subject:
        """What an error is about."""
        return _subject(self.client, self.name, key, self.fields, self.static)

    def ask(self, operation: str, key: str | None = None, **more: Any) -> dict[str, Any]:
        """As `request`. The answer to a HEAD has no body, so no reason: where it is refused the first byte tells it."""
        try:
            return self.request(operation, key, **more)
        except DownloadError as error:
            if operation != "head_object" or key is None or error.retryable:
                raise
            problem = error
        try:
            self.first_byte(key)
        except DownloadError as reason:
            problem = reason
        raise problem

    def _redirects(self) -> DownloadError:
        about = self.subject()
        what = f"{about.address} redirects every request, so it is not an S3 server, or a proxy stands before it"
        return Misconfigured(what, f"check {self.fields.address} of the connection")

    def request(self, operation: str, key: str | None = None, **more: Any) -> dict[str, Any]:
        """The answer to one request. `operation` is the name of a boto3 method. Raises `DownloadError`."""
        parameters: dict[str, Any] = {"Bucket": self.name, **more}
        if key is not None:
            parameters["Key"] = key
        if self.requester_pays:
            parameters["RequestPayer"] = "requester"
        problem: DownloadError
        try:
            answer: dict[str, Any] = getattr(self.client, operation)(**parameters)
        except ForeignAnswer as error:
            problem = from_foreign(error, self.subject(key))
        except (ResponseParserError, ValueError) as error:
            problem = unreadable(self.subject(key), repeated=self.quirks.is_repeated(str(error)))
        except (BotoCoreError, ClientError, OSError, RecursionError) as error:
            # boto3 asks a server that redirects for the bucket's region, and is redirected again. How deep it is then
            # decides whether its own wrapper takes the error for one of the connection.
            if isinstance(error, RecursionError) or "recursion depth" in str(error):
                problem = self._redirects()
            else:
                problem = from_boto3(error, self.subject(key))
        else:
            self.quirks.note_readable()
            return answer
        raise problem

    def first_byte(self, key: str) -> dict[str, Any]:
        """What the answer to a GET of the first byte says of the whole object: what a HEAD should.

        Without `ContentLength` where the server does not tell it. Raises `DownloadError`.
        """
        try:
            answer = self.request("get_object", key, Range="bytes=0-0")
        except SizeMismatch:  # 416: an empty object has no first byte
            return {"ContentLength": 0}
        answer.pop("Body").close()
        length = answer.pop("ContentLength", None)
        if "ContentRange" in answer:
            total = _TOTAL.fullmatch(answer["ContentRange"])
            length = int(total[1]) if total else None
        elif length is None and "transfer-encoding" not in answer["ResponseMetadata"].get("HTTPHeaders", {}):
            raise NetworkError(f"the answer about {self.subject(key)} broke off")
        return answer if length is None else {**answer, "ContentLength": length}


def _subject(client: Any, bucket: str, key: str | None, fields: Fields, static: bool = False) -> Subject:
    address, proxy = plain_address(client.meta.endpoint_url), proxy_of(client)
    return Subject(bucket, key, address, fields, proxy, is_anonymous(client), static)


def is_anonymous(client: Any) -> bool:
    """Whether `client` signs nothing."""
    return client.meta.config.signature_version is UNSIGNED


def bucket_url(client: Any, bucket: str) -> str:
    """The address of the objects of `bucket`, by the rules of `client` for endpoints and addressing.

    Raises `DownloadError` if there are no credentials or the bucket's name is invalid.
    """
    try:
        signed: str = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    except (BotoCoreError, ClientError, OSError) as error:
        problem = from_boto3(error, _subject(client, bucket, None, AWS_FIELDS))
    else:
        parts = urlsplit(signed)
        host = parts.netloc
        if host == _GLOBAL_HOST or host.endswith(f".{_GLOBAL_HOST}"):
            host = host.removesuffix(_GLOBAL_HOST) + urlsplit(client.meta.endpoint_url).netloc
        return urlunsplit((parts.scheme, host, parts.path.removesuffix("/k"), "", ""))
    raise problem


def check_bucket(bucket: S3Bucket, probe: str | None = None) -> None:
    """Raises `DownloadError` if `bucket` cannot be read.

    `probe` is the key of an object that should exist: it is read if the credentials may not list the bucket.
    """
    try:
        answer = bucket.ask("list_objects_v2", MaxKeys=1, Prefix=probe or "")
    except AccessDenied:
        if probe is None:
            raise
        answer = bucket.ask("head_object", probe)
    # boto3 follows a redirect to the bucket's region; obstore does not.
    lies_in = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("x-amz-bucket-region")
    client = bucket.client.meta
    on_aws = ".amazonaws.com" in client.endpoint_url
    if on_aws and lies_in and lies_in != client.region_name:
        what = f"the bucket {bucket.name} lies in {lies_in}, the connection says {client.region_name}"
        raise Misconfigured(what, f"set region_name in the connection to {lies_in}")
