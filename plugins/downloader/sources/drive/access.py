"""How Google Drive is accessed: its addresses, and the API key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit

from ...source import Timeouts
from ..http import Hosts
from .key import DriveKey

__all__ = ["GOOGLE_HOSTS", "DriveAccess"]

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
    key_place: str = "the API key where it is set"
    """What a person corrects where the key is refused."""

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
