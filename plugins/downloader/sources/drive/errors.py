"""The errors of one file of Google Drive. Their advice names its page, for a person to open by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...errors import (
    AccessDenied,
    DownloadError,
    Misconfigured,
    ObjectNotFound,
    PermanentError,
    QuotaExceeded,
    ServerBusy,
    SizeMismatch,
)
from ..http import Advice
from .key import DriveKey

__all__ = [
    "DRIVE_ADVICE",
    "KeyRefused",
    "Wanted",
    "infected",
    "key_refused",
    "key_used_up",
    "missing",
    "no_bytes",
    "not_passed",
    "other_size",
    "page_instead",
    "perhaps_native",
    "private",
    "quota",
    "throttled",
]

DRIVE_ADVICE: Final = Advice(
    missing="correct its id in the manifest",
    denied="ask its owner to share it with anyone who has the link",
    size="create the manifest again (include/generate_manifest.py)",
    refused="open it at Google Drive by hand to see why",
)
"""For errors that are not specific to Drive."""


class KeyRefused(Misconfigured):
    """The API does not know the key, or the key is not enabled for Drive."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file or folder that is requested."""

    key: DriveKey
    name: str
    """Its path, as in the report."""
    page: str
    """The page where a person can open it."""

    def __str__(self) -> str:
        return self.name


def quota(wanted: Wanted) -> DownloadError:
    """The file was downloaded too often. That ends within a day, too late for a retry of this run."""
    advice = f"it will be retried on the next run (up to 24 hours may be needed), or open {wanted.page} by hand"
    return QuotaExceeded(f"the download quota of {wanted} at Google Drive is exceeded", advice)


def private(wanted: Wanted) -> DownloadError:
    """The file needs a login."""
    advice = f"ask its owner to share it with anyone who has the link, or open {wanted.page} by hand"
    return AccessDenied(f"{wanted} is not shared with everyone", advice)


def missing(wanted: Wanted) -> DownloadError:
    """The id does not exist, or is not shared."""
    advice = f"correct its id in the manifest; {wanted.page} would be its page"
    return ObjectNotFound(f"Google Drive has no {wanted}", advice)


def infected(wanted: Wanted) -> DownloadError:
    """Taken for malware or spam: only its owner may download it."""
    advice = f"ask its owner for another copy, or open {wanted.page} by hand"
    return PermanentError(f"Google Drive takes {wanted} for malware or spam and does not give it out", advice)


def no_bytes(wanted: Wanted) -> DownloadError:
    """A document of Google's own, or a shortcut."""
    advice = f'set "export" of its entry in the manifest to docx, xlsx or pptx, or open {wanted.page} by hand'
    return PermanentError(f"{wanted} is a Google document or a shortcut, which has no bytes of its own", advice)


def page_instead(wanted: Wanted) -> DownloadError:
    """An unknown page."""
    return PermanentError(
        f"Google Drive sent a page in place of {wanted}", f"open {wanted.page} by hand to see what it says"
    )


def not_passed(wanted: Wanted) -> DownloadError:
    """The warning is followed by another one, and so on."""
    return PermanentError(f"the virus-scan warning of {wanted} comes again and again", f"open {wanted.page} by hand")


def perhaps_native(wanted: Wanted) -> DownloadError:
    """500: a document that has no bytes, or a fault of the server. Nothing distinguishes the two."""
    advice = 'run it again; if it is a Google document, set "export" of its entry in the manifest to docx, xlsx or pptx'
    return ServerBusy(f"Google Drive answered 500 for {wanted} ({wanted.page})", advice)


def throttled(wanted: Wanted, retry_after: float | None) -> DownloadError:
    """Too many requests."""
    advice = "run it again later, with a lower concurrency; what is already there is kept"
    return ServerBusy(
        f"Google Drive has had too many requests for now, that for {wanted} too", advice, retry_after=retry_after
    )


def other_size(wanted: Wanted, size: int, expected: int) -> DownloadError:
    """The file is no longer the one that the manifest describes."""
    advice = f"create the manifest again (include/generate_manifest.py), or compare it with {wanted.page}"
    return SizeMismatch(f"{wanted} has {size} bytes at Google Drive, the manifest says {expected}", advice)


def key_refused(wanted: Wanted) -> DownloadError:
    """The API does not know the key, or the key is not enabled for Drive."""
    advice = "correct the password of the connection, and see that the Drive API is enabled for the key's project"
    return KeyRefused(f"Google Drive refused the API key when {wanted} was asked for", advice)


def key_used_up(wanted: Wanted) -> DownloadError:
    """The daily quota of the key is used up."""
    advice = f"it will be retried on the next run, from tomorrow on; or open {wanted.page} by hand"
    return QuotaExceeded(f"the API key's quota for today was used up when {wanted} was asked for", advice)
