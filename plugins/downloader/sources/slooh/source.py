"""Slooh's pictures: one streamed GET for each, within the rate limit of the account.

Neither size nor checksum of a picture is known beforehand. The answer states its length; `content.PictureCheck` checks
that it is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from ...errors import AccessDenied, CredentialsExpired, ObjectNotFound
from ...remote_file import RemoteFile
from ...source import ByteStream, Capabilities, Timeouts
from ..http import Advice, HttpClient, HttpRequest
from .hosts import ImageHosts

__all__ = ["SloohSource", "image_client"]

_ON_THE_SITE: Final = "look at the picture on Slooh's site"
_SIGNATURES: Final = frozenset(
    ("signature", "expires", "key-pair-id", "policy", "awsaccesskeyid", "sig", "se", "token", "hdnts")
)
"""Parameters that sign an address: of CloudFront, of S3's older scheme, of Azure, and of other networks."""
_SIGNATURE_PREFIXES: Final = ("x-amz-", "x-goog-")
_ADVICE: Final = Advice(missing=_ON_THE_SITE, denied=_ON_THE_SITE, size=_ON_THE_SITE, refused=_ON_THE_SITE)


def image_client(
    hosts: ImageHosts,
    before: Callable[[], None] = lambda: None,
    timeouts: Timeouts | None = None,
    threads: int = 4,
) -> HttpClient:
    """The client that downloads pictures. `before`: the `RequestLimit` of the account, shared with the API's client."""
    return HttpClient(hosts.hosts, _ADVICE, timeouts, before, connections=threads)


class SloohSource:
    """Pictures by their keys. It keeps their addresses to itself, since a signed one must not appear in a message."""

    def __init__(self, addresses: Mapping[str, str], client: HttpClient, threads: int = 4) -> None:
        """`addresses`: key to address, as in `survey.PicturePlan`."""
        self.capabilities = Capabilities(ranges=True, parallel_ranges=1, connections=threads, describes=False)
        self._addresses = addresses
        self._client = client

    def describe(self, file: RemoteFile) -> RemoteFile:
        """`file`, unchanged: Slooh knows no more than its list says."""
        return file

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        """As `Source.open`. Raises CredentialsExpired if a signed address is refused: it may have expired."""
        address = self._addresses.get(file.key)
        if address is None:
            raise ObjectNotFound(f"there is no picture {file.key!r} in Slooh's list", _ON_THE_SITE)
        request = HttpRequest(address, str(file.path))
        try:
            return self._client.open(request, start, stop)
        except AccessDenied:
            if not _is_signed(address):
                raise
        what = f"{request.host} does not give out {request.about}: its signed address has expired, or is refused"
        raise CredentialsExpired(what, "run it again: the list is asked for a new address")


def _is_signed(address: str) -> bool:
    """Whether a parameter of the address signs it. ``?rand=0.5`` only keeps caches away."""
    try:
        names = [name.lower() for name, _ in parse_qsl(urlsplit(address).query, keep_blank_values=True)]
    except ValueError:  # too many parameters
        return False
    return any(name in _SIGNATURES or name.startswith(_SIGNATURE_PREFIXES) for name in names)
