"""What a source tells of one file, before it is downloaded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from .checksums import Checksum
from .errors import DownloadError
from .paths import SafePath

__all__ = ["Planned", "Refused", "RemoteFile", "RemotePart"]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that can be downloaded.

    `size` in bytes, or None where the source does not tell. `checksums` in the order of trust: the first that can be
    computed decides. `key` is what the source needs to open it. `etag`: the expected ETag (see `Source.open`).
    `modified`: the time that the file is given here, in seconds since 1970; None: when it came.
    """

    path: SafePath
    size: int | None
    key: str = field(repr=False)  # a key of Drive may hold what opens a shared link
    checksums: tuple[Checksum, ...] = ()
    etag: str | None = None
    modified: float | None = None

    @property
    def identity(self) -> str:
        """16 hex digits that stand for the remote content: equal content, equal identity, in every run."""
        first = self.checksums[0] if self.checksums else None
        strong = first is not None and first.is_strong
        seen = (str(self.size), str(first or ""), "" if strong else (self.etag or ""), "" if strong else self.key)
        return hashlib.sha256("\0".join(seen).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class RemotePart:
    """A part that a remote file was stored in: its bytes `span`, and the checksum of these alone."""

    span: range
    checksum: Checksum


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that was planned but is not tried: its name or its entry cannot be used."""

    name: str
    error: DownloadError

    @property
    def size(self) -> None:
        """Unknown."""
        return None


Planned = RemoteFile | Refused
