"""Public files of Google Drive: by an API key where there is one, else as anyone fetches them from the web."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote, urlsplit

from ...errors import ObjectChanged
from ...remote_file import Planned, RemoteFile
from ...retry import Clock
from ...source import ByteStream, Capabilities
from ..http import Answer, Hosts, HttpClient, HttpStream, Timeouts, stream_of
from .api import DriveApi
from .errors import DRIVE_WORDS, Wanted, other_size
from .key import DriveKey
from .throttle import Gate
from .web import DriveWeb

__all__ = ["GOOGLE_HOSTS", "DriveAccess", "DriveSource"]

GOOGLE_HOSTS: Final = (
    "drive.google.com",
    "docs.google.com",
    "drive.usercontent.google.com",
    "*.googleusercontent.com",
    "www.googleapis.com",
)
"""Where Google hands out the bytes of its Drive. Others, its login first of all, are never asked."""
_DOCS: Final = "https://docs.google.com"
_DRIVE_HOST: Final = "drive.google.com"


@dataclass(frozen=True, slots=True)
class DriveAccess:
    """By what Drive is read."""

    web_url: str = "https://drive.google.com"
    download_url: str = "https://drive.usercontent.google.com"
    api_url: str = "https://www.googleapis.com/drive/v3"
    key: str = field(default="", repr=False)
    """An API key; empty: the web is asked."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    user_agent: str = "Mozilla/5.0 (compatible; downloader)"
    """Names no browser: one with a version is taken for a robot once it has grown old."""

    @property
    def docs_url(self) -> str:
        """Where documents are exported: a host of its own at Google, and `web_url` where another server stands in."""
        return _DOCS if urlsplit(self.web_url).hostname == _DRIVE_HOST else self.web_url.rstrip("/")

    @property
    def hosts(self) -> Hosts:
        """Where requests may go."""
        return Hosts((self.web_url, self.download_url, self.api_url), GOOGLE_HOSTS)

    def page(self, key: DriveKey) -> str:
        """Where a person can open a file by hand."""
        return f"{self.web_url.rstrip('/')}/file/d/{quote(key.id, safe='')}/view"


class DriveSource:
    """Files of Drive, by the keys that `drive_key` writes. Several streams at once wait for one another's sake."""

    def __init__(
        self,
        files: Iterable[Planned],
        access: DriveAccess | None = None,
        concurrency: int = 3,
        clock: Clock | None = None,
        *,
        checksums: bool = True,
    ) -> None:
        """`concurrency`: streams at once. Nothing is asked yet.

        `clock`: its `sleep` is waited by when Drive asks for patience; give it `RetryPolicy.pause`, so that a batch
        that is stopped does not sit that out. `checksums`: whether those that the API knows are told.
        """
        access = access or DriveAccess()
        gate = Gate(clock)
        client = HttpClient(access.hosts, DRIVE_WORDS, access.timeouts, gate.hold, max(concurrency, 1))
        self.capabilities = Capabilities(parallel_ranges=1, connections=max(concurrency, 1), describes=bool(access.key))
        self._files = files
        self._access = access
        self._checksums = checksums
        self._web = DriveWeb(client, gate, access.download_url.rstrip("/"), access.docs_url, access.user_agent)
        self._api = DriveApi(client, gate, access.api_url.rstrip("/"), access.key, access.user_agent)

    def list(self) -> Iterator[Planned]:
        """The files that were given."""
        return iter(self._files)

    def describe(self, file: RemoteFile) -> RemoteFile:
        """As `Source.describe`. Without a key, and for documents that are exported, no more than is known already."""
        wanted = self._wanted(file)
        if not self._access.key or wanted.key.export:
            return file
        record = self._api.describe(wanted)
        _check_size(wanted, record.size, file)
        more = tuple(one for one in record.checksums if one not in file.checksums) if self._checksums else ()
        return replace(file, size=record.size if file.size is None else file.size, checksums=file.checksums + more)

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        """As `Source.open`."""
        wanted = self._wanted(file)
        # Documents are exported on the web: the API exports small ones only.
        by_key = self._access.key and not wanted.key.export
        answer = self._api.open(wanted, start, stop) if by_key else self._web.open(wanted, start, stop)
        return _checked(answer, wanted, file, (start, stop))

    def _wanted(self, file: RemoteFile) -> Wanted:
        key = DriveKey.parse(file.key)
        return Wanted(key, str(file.path), self._access.page(key))


def _checked(answer: Answer, wanted: Wanted, file: RemoteFile, span: tuple[int, int | None]) -> HttpStream:
    stream = stream_of(answer, *span)
    try:
        _check_size(wanted, stream.size, file)
        if file.etag and stream.etag and file.etag != stream.etag:
            raise ObjectChanged(f"{wanted} was replaced at Google Drive while it was read")
    except BaseException:
        stream.close()
        raise
    return stream


def _check_size(wanted: Wanted, size: int | None, file: RemoteFile) -> None:
    if size is not None and file.size is not None and size != file.size:
        raise other_size(wanted, size, file.size)
