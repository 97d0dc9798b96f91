"""The hosts that pictures may be downloaded from: Slooh's, and those of the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urljoin

from ...errors import CorruptRecord, PermanentError
from ..http import Hosts, HttpRequest

__all__ = ["ImageHosts"]

_SLOOH: Final = ("slooh.com", "*.slooh.com")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\\]")


class ImageHosts:
    """Checks addresses. All have to be https, except those at the configured address if that is http."""

    def __init__(self, base_url: str, names: Iterable[str] = ()) -> None:
        """`names`: hosts besides Slooh's own, without scheme and port."""
        self._base_url = base_url
        self.hosts = Hosts((base_url,), (*_SLOOH, *(name.lower() for name in names)))

    def checked(self, address: str | None) -> str:
        """The absolute form of `address`.

        Raises:
            CorruptRecord: it is missing or invalid.
            PermanentError: its host is not allowed. The message names the host, and nothing else of the address.
        """
        if not address or _CONTROL.search(address):
            raise _unreadable()
        try:
            whole = urljoin(self._base_url, address)
        except ValueError:
            whole = ""
        if not whole:
            raise _unreadable()
        if not self.hosts.permit(whole):
            host = HttpRequest(whole, "").host
            what = f"the picture lies at {host}, which is not a host of Slooh, or not reached over https"
            raise PermanentError(what, "add the host to slooh.image_hosts in the configuration, if you trust it")
        return whole


def _unreadable() -> CorruptRecord:
    return CorruptRecord("Slooh's list gives no address for the picture", "look at the picture on Slooh's site")
