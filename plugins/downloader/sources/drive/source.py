"""Public files of Google Drive: through the API where there is a key, else as a browser downloads them."""

from __future__ import annotations

from dataclasses import replace

from ...checksums import Checksum
from ...remote_file import RemoteFile
from ...retry import Clock
from ...source import ByteStream, Capabilities
from ..http import HttpClient, stream_of
from .access import DriveAccess
from .api import DriveApi
from .errors import DRIVE_ADVICE, Wanted, other_size
from .key import DriveKey
from .throttle import Throttle
from .web import DriveWeb

__all__ = ["DriveSource"]


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
        self._api = DriveApi(client, throttle, access)

    def describe(self, file: RemoteFile) -> RemoteFile:
        """As `Source.describe`. Adds nothing without a key, and for documents that are exported."""
        wanted = self._wanted(file)
        if not self._access.key or wanted.key.export:
            return file
        record = self._api.describe(wanted)
        _check_size(wanted, record.size, file)
        checksums = _joined(file.checksums, record.checksums) if self._checksums else file.checksums
        return replace(file, size=record.size if file.size is None else file.size, checksums=checksums)

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


def _joined(own: tuple[Checksum, ...], of_drive: tuple[Checksum, ...]) -> tuple[Checksum, ...]:
    """`own`, then what Drive adds. Where `own` repeats a checksum of Drive's that bears a doubt, it bears it too."""
    known_to_drive = {str(one): one for one in of_drive}
    known = tuple(known_to_drive.get(str(one), one) for one in own)
    return (*known, *(one for one in of_drive if one not in known))
