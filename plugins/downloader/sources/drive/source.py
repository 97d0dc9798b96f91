"""Public files of Google Drive: through the API where there is a key, else as a browser downloads them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote, urlsplit

from ...remote_file import RemoteFile
from ...retry import Clock
from ...source import ByteStream, Capabilities, Timeouts
from ..http import Hosts, HttpClient, stream_of
from .api import DriveApi
from .errors import DRIVE_ADVICE, Wanted, other_size
from .key import DriveKey
from .throttle import Throttle
from .web import DriveWeb

__all__ = ["GOOGLE_HOSTS", "DriveAccess", "DriveSource"]

GOOGLE_HOSTS: Final = (
    "drive.google.com",
    "docs.google.com",
    "drive.usercontent.google.com",
    "*.googleusercontent.com",
    "www.googleapis.com",
)
"""The hosts that Google serves files from. No other host is contacted, the login least of all."""
_DOCS: Final = "https://docs.google.com"
_DRIVE_HOST: Final = "drive.google.com"


@dataclass(frozen=True, slots=True)
class DriveAccess:
    """How Drive is accessed."""

    web_url: str = "https://drive.google.com"
    download_url: str = "https://drive.usercontent.google.com"
    api_url: str = "https://www.googleapis.com/drive/v3"
    key: str = field(default="", repr=False)
    """An API key; if empty, files are downloaded as a browser does."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    user_agent: str = "Mozilla/5.0 (compatible; downloader)"
    """Names no browser: Google takes one with an outdated version for a robot."""

    @property
    def docs_url(self) -> str:
        """Where documents are exported: a separate host at Google, `web_url` for any other server."""
        return _DOCS if urlsplit(self.web_url).hostname == _DRIVE_HOST else self.web_url.rstrip("/")

    @property
    def hosts(self) -> Hosts:
        """The hosts that requests may go to."""
        return Hosts((self.web_url, self.download_url, self.api_url), GOOGLE_HOSTS)

    def page(self, key: DriveKey) -> str:
        """The page where a person can open a file by hand."""
        return f"{self.web_url.rstrip('/')}/file/d/{quote(key.id, safe='')}/view"


class DriveSource:
    """Files of Drive, by keys as `DriveKey` writes them. All streams share one throttle."""

    def __init__(
        self,
        access: DriveAccess | None = None,
        concurrency: int = 3,
        clock: Clock | None = None,
        *,
        checksums: bool = True,
    ) -> None:
        """`concurrency`: streams at once. No request is sent yet.

        `clock`: its `sleep` is called while Drive asks for a pause; pass `RetryPolicy.pause`, so that the pause ends
        when the batch is stopped. `checksums`: whether `describe` adds those that the API knows.
        """
        access = access or DriveAccess()
        throttle = Throttle(clock)
        client = HttpClient(access.hosts, DRIVE_ADVICE, access.timeouts, throttle.wait, max(concurrency, 1))
        self.capabilities = Capabilities(parallel_ranges=1, connections=max(concurrency, 1), describes=bool(access.key))
        self._access = access
        self._checksums = checksums
        self._web = DriveWeb(client, throttle, access.download_url.rstrip("/"), access.docs_url, access.user_agent)
        self._api = DriveApi(client, throttle, access.api_url.rstrip("/"), access.key, access.user_agent)

    def describe(self, file: RemoteFile) -> RemoteFile:
        """As `Source.describe`. Adds nothing without a key, and for documents that are exported."""
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
        stream = stream_of(answer, start, stop)
        try:
            _check_size(wanted, stream.size, file)
        except BaseException:
            stream.close()
            raise
        return stream

    def _wanted(self, file: RemoteFile) -> Wanted:
        key = DriveKey.parse(file.key)
        return Wanted(key, str(file.path), self._access.page(key))


def _check_size(wanted: Wanted, size: int | None, file: RemoteFile) -> None:
    if size is not None and file.size is not None and size != file.size:
        raise other_size(wanted, size, file.size)
