"""Slooh's pictures: one streamed GET for each, within the account's limit of requests.

No size and no checksum is known before a picture comes. How long it is, the answer says; whether it is whole,
`pictures.PictureCheck`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from ...errors import AccessDenied, CredentialsExpired, ObjectChanged, ObjectNotFound
from ...remote_file import Planned, RemoteFile
from ...source import ByteStream, Capabilities
from ..http import HttpClient, Request, Timeouts, Words
from .hosts import ImageHosts

__all__ = ["SloohSource", "image_client"]

_ON_THE_SITE: Final = "look at the picture on Slooh's site"
_WORDS: Final = Words(missing=_ON_THE_SITE, denied=_ON_THE_SITE, size=_ON_THE_SITE, refused=_ON_THE_SITE)


def image_client(
    hosts: ImageHosts,
    before: Callable[[], None] = lambda: None,
    timeouts: Timeouts | None = None,
    threads: int = 4,
) -> HttpClient:
    """By what pictures are fetched. `before` is the account's `RequestLimit`, the one that the API's client has."""
    return HttpClient(hosts.hosts, _WORDS, timeouts, before, connections=threads)


class SloohSource:
    """Pictures by their keys. Their addresses are known to it alone: a signed one must not stand in a message."""

    def __init__(
        self, files: Iterable[Planned], addresses: Mapping[str, str], client: HttpClient, threads: int = 4
    ) -> None:
        """`addresses`: key to address, as `slooh_survey.Survey` has them."""
        self.capabilities = Capabilities(ranges=True, parallel_ranges=1, connections=threads, describes=False)
        self._files = tuple(files)
        self._addresses = addresses
        self._client = client

    def list(self) -> Iterator[Planned]:
        """The files that were given."""
        return iter(self._files)

    def describe(self, file: RemoteFile) -> RemoteFile:
        """`file`: Slooh tells no more than its list does."""
        return file

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        """As `Source.open`. Raises CredentialsExpired where a signed address has run out."""
        address = self._addresses.get(file.key)
        if address is None:
            raise ObjectNotFound(f"there is no picture {file.key!r} in Slooh's list", _ON_THE_SITE)
        stream = self._open(Request(address, str(file.path)), start, stop)
        if file.etag and stream.etag and stream.etag != file.etag:
            stream.close()
            raise ObjectChanged(f"{file.path} was replaced at its source")
        return stream

    def _open(self, request: Request, start: int, stop: int | None) -> ByteStream:
        signed = "?" in request.url
        try:
            return self._client.open(request, start, stop)
        except AccessDenied:
            if not signed:
                raise
        what = f"{request.host} does not give out {request.about} any more"
        raise CredentialsExpired(what, "run it again: the list is asked for a new address")
