"""Amazon S3 and compatible servers: obstore reads the bytes, boto3 sends every other request."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from botocore.config import Config

from ...errors import DownloadError, Misconfigured, ObjectNotFound, ServerBusy
from ...remote_file import RemoteFile, RemotePart
from ...source import ByteStream, Capabilities, Timeouts
from .attributes import bound_attributes
from .bucket import S3Bucket, bucket_url, is_anonymous
from .credentials import RenewedCredentials
from .describe import describe
from .errors import AWS_FIELDS, Fields
from .foreign import refuse_foreign_listings
from .missing import MissingObjects
from .object_store import BucketAddress, ObjectStore
from .oddities import as_stored, open_with_boto3
from .parts import parts_of_object
from .quirks import read_leniently
from .transport import Transport

__all__ = ["S3Access", "S3Source", "client_config"]

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_CONNECTIONS: Final = 256

# At DEBUG it logs each request with its signature and session token, and the credentials of roles.
logging.getLogger("botocore").setLevel(logging.INFO)


def client_config(timeouts: Timeouts | None = None) -> Config:
    """The configuration of a boto3 client for `S3Access`; merge it with that of the connection.

    Its own retries are off (`retry` does that), and checksums are requested only where they are needed: older servers
    refuse requests with these headers.
    """
    timeouts = timeouts or Timeouts()
    return Config(
        connect_timeout=timeouts.connect,
        read_timeout=timeouts.stall,
        retries={"total_max_attempts": 1},
        max_pool_connections=_CONNECTIONS,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


@dataclass(frozen=True, slots=True)
class S3Access:
    """How a bucket is accessed. Region, endpoint and addressing style are those of the client."""

    client: Any
    """A boto3 S3 client, best with `client_config`; one that signs nothing (``UNSIGNED``) reads anonymously."""
    credentials: Any = None
    """``session.get_credentials()`` of the session that the client was made from."""
    verify: bool | str | None = None
    """What the connection says: whether certificates are checked, or the file of an authority. `client` decides."""
    requester_pays: bool = False
    timeouts: Timeouts = field(default_factory=Timeouts)
    fields: Fields = AWS_FIELDS

    def bucket(self, name: str) -> S3Bucket:
        """The bucket, for requests with boto3."""
        read_leniently(self.client)
        refuse_foreign_listings(self.client)
        bound_attributes(self.client)
        static = self.credentials is not None and not RenewedCredentials(self.credentials).renewable
        return S3Bucket(name, self.client, self.requester_pays, self.fields, static)

    def transport(self) -> Transport:
        """The way to the server.

        Raises Misconfigured for a proxy, credentials, or the file of a certificate, that cannot be used.
        """
        _refuse_unsendable(self.credentials)
        return Transport.of(self.client, self.verify, self.fields)

    def address(self, bucket: str) -> BucketAddress:
        """The bucket, for reads with obstore. Raises `DownloadError` if there are no credentials."""
        signed = not is_anonymous(self.client)
        url = bucket_url(self.client, bucket)
        if signed and self.credentials is None:
            raise ValueError("the client signs, so the credentials that it signs with are needed")
        return BucketAddress(
            bucket=bucket,
            url=url,
            region=self.client.meta.region_name or "us-east-1",
            credentials=RenewedCredentials(self.credentials) if signed else None,
            transport=self.transport(),
            requester_pays=self.requester_pays,
            timeouts=self.timeouts,
            fields=self.fields,
        )


def _refuse_unsendable(credentials: Any) -> None:
    """Raises Misconfigured for what no header can hold: boto3 calls it a broken connection, and obstore panics."""
    held = getattr(credentials, "__dict__", {})  # its attributes may send requests, to renew them
    for name, shown in (("access_key", "the access key (the login)"), ("token", "the session token")):
        value = held.get(name)
        if isinstance(value, str) and _CONTROL.search(value):
            raise Misconfigured(
                f"{shown} of the connection holds a line break, or another character that no request can carry",
                "copy it into the connection again, without what stands around it",
            )


class S3Source:
    """Objects of one bucket."""

    capabilities = Capabilities(connections=_CONNECTIONS)

    def __init__(self, bucket: str, access: S3Access) -> None:
        """Keys of files are the whole keys of the objects.

        Raises `DownloadError` if there are no credentials or the bucket's name is invalid. No request is sent yet.
        """
        self._bucket = access.bucket(bucket)
        self._store = ObjectStore(access.address(bucket), partial(open_with_boto3, self._bucket), self._bucket.quirks)
        self._missing = MissingObjects(self._bucket)
        self._asking = threading.Lock()

    def describe(self, file: RemoteFile) -> RemoteFile:
        """As `Source.describe`."""
        try:
            return describe(self._bucket, file)
        except ObjectNotFound as error:
            problem = self._missing.explained(file.key, error)
        raise problem

    def parts(self, file: RemoteFile) -> tuple[RemotePart, ...]:
        """As `KnowsParts.parts`."""
        return parts_of_object(self._bucket, file)

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        """As `Source.open`."""
        try:
            return as_stored(self._bucket, file, self._store.open(file, start, stop), start, stop)
        except ServerBusy as error:
            error.retry_after = error.retry_after or self._retry_after(file)
            raise
        except ObjectNotFound as error:
            problem = self._missing.explained(file.key, error)
        raise problem

    def _retry_after(self, file: RemoteFile) -> float | None:
        """The ``Retry-After`` of a busy server, in seconds. obstore hides the header, so one thread requests it."""
        if not self._asking.acquire(blocking=False):
            return None
        try:
            self._bucket.ask("head_object", file.key)
        except DownloadError as error:
            return error.retry_after
        finally:
            self._asking.release()
        return None
