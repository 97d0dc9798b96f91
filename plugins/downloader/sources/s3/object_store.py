"""Reads objects of a bucket with obstore: one GET for each stream, with its expected ETag and a stall timeout.

obstore (the Rust crate `object_store`) signs, sends and reads without the GIL: about 14 times as many requests a second
as boto3. It checks that an answer is the requested range. Not every server honours the expected ETag (``If-Match``):
the caller compares that of the answer (`transfer.streaming.open_checked`).
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from ...checksums import Checksum, from_etag, is_weak, same_object
from ...errors import (
    CredentialsExpired,
    DownloadError,
    NetworkError,
    ObjectChanged,
    PermanentError,
    RangeRefused,
    Unexpected,
    Unreachable,
)
from ...remote_file import RemoteFile
from ...source import ByteStream, Timeouts
from ..tls import TlsRefused
from .credentials import RenewedCredentials
from .errors import AWS_FIELDS, Fields, OddAnswer, Subject, from_obstore, plain_address
from .quirks import Quirks
from .transport import Transport

__all__ = ["BucketAddress", "ObjectStore", "ObjectStream", "OpenOdd", "bare_etag"]

_CHUNK: Final = 256 * 1024
"""Bytes of one buffer, and about what is lost when a stream breaks. Answers up to this size are one buffer."""
_ODD_KEY: Final = re.compile(r"[\x00-\x1f\x7f]|//|^/|/$|(?:^|/)\.{1,2}(?:/|$)|^$")
"""Keys that obstore refuses, or requests under another name."""
_FAILURES: Final = (BaseError, OSError, ValueError)

_AFTER_PANIC: Final = (
    "raise the limit of open files (ulimit -n) of the worker and run it again; report it if that is no help"
)

log = logging.getLogger(__name__)

OpenOdd = Callable[[RemoteFile, int, int | None], ByteStream]
"""Opens what obstore cannot. Raises what `Source.open` raises."""


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """The address of a bucket, and the credentials for it."""

    bucket: str
    url: str
    """The object's address is this, a slash and its key, for both styles of addressing."""
    region: str = "us-east-1"
    credentials: RenewedCredentials | None = None
    """None: anonymous."""
    transport: Transport | None = None
    """The way to the server; None: straight, with the authorities of the system."""
    requester_pays: bool = False
    timeouts: Timeouts = field(default_factory=Timeouts)
    fields: Fields = AWS_FIELDS

    def subject(self, key: str | None = None) -> Subject:
        """What an error is about."""
        proxy = self.transport.proxy_address if self.transport else ""
        static = self.credentials is not None and not self.credentials.renewable
        return Subject(self.bucket, key, plain_address(self.url), self.fields, proxy, self.credentials is None, static)

    @property
    def sends_token(self) -> bool:
        """Whether requests carry a session token, which obstore would take along to any host it is redirected to."""
        return self.credentials is not None and self.credentials.may_hold_token

    @property
    def is_amazons(self) -> bool:
        """Whether only Amazon can redirect requests to it."""
        return (urlsplit(self.url).hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn"))


def bare_etag(header: str | None) -> str | None:
    """An ETag without its quotes; a weak one keeps its ``W/``."""
    return header.strip('"') if header else None


class ObjectStream:
    """One answer of obstore."""

    __slots__ = ("_about", "_etag", "_length", "_result", "size", "start")

    def __init__(self, result: Any, about: Callable[[], Subject], *, whole: bool) -> None:
        """`whole`: whether no range was requested, so that the answer's own range says how long the object is."""
        first, end = result.range
        self._result = result
        self._about = about
        self._length: int = end - first
        self._etag: str | None = None
        self.start: int = first
        self.size: int | None = end if whole else result.meta["size"]

    @property
    def etag(self) -> str | None:
        """As `ByteStream.etag`. Read when it is asked for: to make `meta` takes longer than all else of a stream."""
        if self._etag is None and self._result is not None:
            self._etag = bare_etag(self._result.meta["e_tag"])
        return self._etag

    @property
    def checksums(self) -> tuple[Checksum, ...]:
        """What its ETag may be."""
        advertised = from_etag(self.etag) if self.etag else None
        return () if advertised is None else (advertised,)

    def __iter__(self) -> Iterator[bytes | memoryview]:
        """Buffers of 256 KiB or more, the last one shorter; a small object is a single view into obstore's memory."""
        if self._length <= _CHUNK:
            yield self._whole()
            return
        stream = self._open().stream(_CHUNK)
        while (chunk := self._next(stream)) is not None:
            yield chunk
            self._open()

    def close(self) -> None:
        """Closes the connection."""
        self._result = None

    def _whole(self) -> memoryview:
        try:
            return memoryview(self._open().bytes())
        except _FAILURES as error:
            problem = from_obstore(error, self._about())
        raise problem

    def _next(self, stream: Iterator[bytes]) -> bytes | None:
        try:
            return next(stream, None)
        except _FAILURES as error:
            problem = from_obstore(error, self._about())
        raise problem

    def _open(self) -> Any:
        if self._result is None:
            raise NetworkError(f"the stream of {self._about()} was closed")
        return self._result


class ObjectStore:
    """Opens the objects of one bucket. Safe to use from many threads."""

    def __init__(self, address: BucketAddress, open_odd: OpenOdd, quirks: Quirks | None = None) -> None:
        self._address = address
        self._quirks = quirks or Quirks()
        self._open_odd = open_odd
        self._renewing = threading.Lock()
        self._store = None if _needs_boto3(address) else _connect(address)
        self._trusted = not address.sends_token or address.is_amazons
        """Whether the server was seen to send objects itself, or may be let redirect requests."""
        self._asks_for_etag = True
        """Whether the expected ETag is sent along: not once a server, or a proxy before it, refused only that."""
        self._odd_ranges = False
        """Whether the server sends ranges in a form that obstore refuses: `rclone serve s3` answers 200."""

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        """As `Source.open`."""
        if not file.etag:
            return self._open(file, start, stop)
        unasked = replace(file, etag=None)
        if is_weak(file.etag) or not self._asks_for_etag:  # If-Match never matches a weak ETag
            return self._open(unasked, start, stop)
        try:
            return self._open(file, start, stop)
        except (ObjectChanged, PermanentError) as error:
            if type(error) not in (ObjectChanged, PermanentError):
                raise
            problem: DownloadError = error
        return self._without_etag(problem, file.etag, unasked, start, stop)

    def _without_etag(
        self, problem: DownloadError, etag: str, unasked: RemoteFile, start: int, stop: int | None
    ) -> ByteStream:
        """Opens a file once more, without the expected ETag, which may be all that was refused.

        Raises what that meets with; `problem` where another object was sent.
        """
        try:
            stream = self._open(unasked, start, stop)
        except PermanentError:
            if isinstance(problem, ObjectChanged):
                raise problem from None  # the other object is shorter, or cannot be read
            raise
        if isinstance(problem, ObjectChanged) and not (stream.etag and same_object(stream.etag, etag)):
            stream.close()
            raise problem
        if self._asks_for_etag:
            self._asks_for_etag = False
            log.warning("%s refuses If-Match; the ETags of its answers are compared instead", self._address.subject())
        return stream

    def _open(self, file: RemoteFile, start: int, stop: int | None) -> ByteStream:
        store = self._store
        if (
            store is None
            or not self._trusted
            or _ODD_KEY.search(file.key)
            or (self._odd_ranges and (start > 0 or stop is not None))
        ):
            return self._with_boto3(file, start, stop)
        try:
            got = self._get(store, file, start, stop)
            self._quirks.note_odd(odd=False)
            return got
        except OddAnswer:
            stream = self._open_odd(file, start, stop)
            if self._quirks.note_odd(odd=True):
                self._leave_to_boto3("obstore cannot parse its answers")
            return stream
        except RangeRefused:
            stream = self._open_odd(file, start, stop)
            self._odd_ranges = True
            return stream
        except TlsRefused as error:
            problem: DownloadError = error
        except Unreachable as error:
            if not self._address.sends_token:
                raise
            problem = error  # perhaps of another host, to which nothing may be sent
        return self._otherwise(problem, file, start, stop)

    def _with_boto3(self, file: RemoteFile, start: int, stop: int | None) -> ByteStream:
        """Also the first read of a server that may not be sent a session token yet: boto3 shows a redirect."""
        stream = self._open_odd(file, start, stop)
        if getattr(stream, "redirected", False):
            self._leave_to_boto3("it redirects reads to another host")
        self._trusted = True
        return stream

    def _otherwise(self, problem: DownloadError, file: RemoteFile, start: int, stop: int | None) -> ByteStream:
        """What boto3 reads where obstore has no way to the server.

        Raises what boto3 meets with; `problem` where boto3 cannot tell why the server ended the connection.
        """
        try:
            stream = self._open_odd(file, start, stop)
        except NetworkError as error:
            if isinstance(error, Unreachable) or not isinstance(problem, TlsRefused):
                raise
            stream = None
        if stream is None:
            raise problem
        if isinstance(problem, TlsRefused) or getattr(stream, "redirected", False):
            self._leave_to_boto3(problem.what)
        return stream

    def _leave_to_boto3(self, why: str) -> None:
        if self._store is not None:
            self._store = None
            log.warning("%s is read with boto3, which is slower: %s", self._address.subject(), why)

    def _get(self, store: S3Store, file: RemoteFile, start: int, stop: int | None) -> ObjectStream:
        try:
            result = obstore.get(store, file.key, options=_options(file.etag, start, stop))
            return ObjectStream(result, lambda: self._address.subject(file.key), whole=not start and stop is None)
        except _FAILURES as error:
            credentials = self._address.credentials
            not_renewed = None if credentials is None else credentials.problem
            problem = not_renewed or from_obstore(error, self._address.subject(file.key))
        except BaseException as error:
            # A panic of Rust is not an Exception, so it would end the thread, and its class cannot be imported. Seen
            # when the first request of a process could open no file; every later request panics as well.
            if type(error).__name__ != "PanicException":
                raise
            problem = Unexpected(f"the S3 client broke down when {file.path} was asked for", _AFTER_PANIC)
        if isinstance(problem, CredentialsExpired):
            self._renew(store)
        raise problem

    def _renew(self, expired: S3Store) -> None:
        """Makes the next call read the credentials again. The first of several threads does it for all."""
        with self._renewing:
            if self._store is expired:
                self._store = _connect(self._address)


def _options(etag: str | None, start: int, stop: int | None) -> Any:
    options: dict[str, Any] = {}
    if etag:
        options["if_match"] = f'"{etag}"'
    if stop is not None:
        options["range"] = (start, stop)
    elif start:
        options["range"] = {"offset": start}
    return options or None


def _connect(address: BucketAddress) -> S3Store:
    """A store that reads none of the connection's settings from the environment."""
    return S3Store(
        address.bucket,
        config={
            "endpoint": address.url,
            "aws_endpoint_url_s3": address.url,
            "virtual_hosted_style_request": True,
            "region": address.region,
            "skip_signature": address.credentials is None,
            "request_payer": address.requester_pays,
            "s3_express": address.bucket.endswith("--x-s3"),
        },
        client_options=_client_options(address),
        retry_config={"max_retries": 0},
        credential_provider=address.credentials,
    )


def _needs_boto3(address: BucketAddress) -> bool:
    """Whether obstore cannot go the way, or may not: through a proxy it would take a session token anywhere."""
    transport = address.transport
    if transport is None:
        return False
    return transport.boto3_only or bool(transport.proxy and address.sends_token and not address.is_amazons)


def _client_options(address: BucketAddress) -> Any:
    transport = address.transport or Transport(plain_address(address.url), authorities="")
    return {
        **transport.for_obstore(keep_to_host=address.sends_token),
        "connect_timeout": timedelta(seconds=address.timeouts.connect),
        "read_timeout": timedelta(seconds=address.timeouts.stall),
        "timeout": timedelta(days=7),
        "default_headers": {"accept-encoding": "identity"},  # without it a proxy may compress what it passes on
    }
