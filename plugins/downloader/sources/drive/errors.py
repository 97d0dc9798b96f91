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
    "blocked",
    "by_domain",
    "by_shared_drive",
    "consent",
    "error_page",
    "forbidden",
    "infected",
    "key_refused",
    "key_used_up",
    "login_wanted",
    "missing",
    "no_bytes",
    "not_passed",
    "not_to_apps",
    "other_size",
    "page_instead",
    "perhaps_native",
    "perhaps_robot",
    "private",
    "quota",
    "quota_of_either",
    "refused",
    "robot_check",
    "throttled",
    "too_large_to_export",
]

DRIVE_ADVICE: Final = Advice(
    missing="correct its id in the manifest",
    denied="ask its owner to share it with anyone who has the link",
    size="create the manifest again (include/generate_manifest.py)",
    refused="open it at Google Drive by hand to see why",
)
"""For errors that are not specific to Drive."""


_LATER: Final = "run it again later, with a lower concurrency; what is already there is kept"


class KeyRefused(Misconfigured):
    """The API key, or the project that it belongs to, may not be used for Drive."""


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


def login_wanted(wanted: Wanted) -> DownloadError:
    """A login is asked for, by a page or a status that does not say why."""
    advice = f"ask its owner to share it with anyone who has the link, or open {wanted.page} by hand to see why"
    return AccessDenied(f"Google Drive asks for a login before it gives out {wanted}", advice)


def forbidden(wanted: Wanted) -> DownloadError:
    """It may be seen, and not be downloaded: the owner has turned that off for viewers."""
    advice = f"ask its owner to allow viewers to download it; it is at {wanted.page}"
    return AccessDenied(f"the owner of {wanted} does not allow viewers to download it", advice)


def not_to_apps(wanted: Wanted) -> DownloadError:
    """It is shared, and not with the project that the key belongs to."""
    advice = f"ask its owner to share it with anyone who has the link, or open {wanted.page} by hand"
    return AccessDenied(f"{wanted} is not shared with the project of the API key", advice)


def by_domain(wanted: Wanted) -> DownloadError:
    """The administrators of the owner's organisation do not allow it."""
    advice = f"ask its owner for another way to get it; it is at {wanted.page}"
    return AccessDenied(f"a rule of the organisation that {wanted} belongs to forbids access by the API", advice)


def by_shared_drive(wanted: Wanted, reason: str) -> DownloadError:
    """A rule of the shared drive (formerly team drive) that it is in."""
    advice = f"ask a member of the shared drive to share it with anyone who has the link; it is at {wanted.page}"
    return AccessDenied(f"a rule of the shared drive that {wanted} is in forbids the request ({reason})", advice)


def missing(wanted: Wanted) -> DownloadError:
    """The id does not exist, or is not shared: nothing distinguishes the two."""
    advice = f"correct its id in the manifest, or ask its owner to share it; {wanted.page} would be its page"
    return ObjectNotFound(f"Google Drive has no {wanted}, or does not share it with everyone", advice)


def infected(wanted: Wanted) -> DownloadError:
    """Taken for malware or spam: only its owner may download it."""
    advice = f"ask its owner for another copy, or open {wanted.page} by hand"
    return PermanentError(f"Google Drive takes {wanted} for malware or spam and does not give it out", advice)


def no_bytes(wanted: Wanted) -> DownloadError:
    """A document of Google's own, or a shortcut."""
    advice = f'set "export" of its entry in the manifest to docx, xlsx or pptx, or open {wanted.page} by hand'
    return PermanentError(f"{wanted} is a Google document or a shortcut, which has no bytes of its own", advice)


def blocked(wanted: Wanted) -> DownloadError:
    """Against Google's terms: only its owner sees it."""
    advice = f"ask its owner for another copy, or open {wanted.page} by hand"
    return PermanentError(f"Google Drive does not give out {wanted}, as it violates Google's terms", advice)


def too_large_to_export(wanted: Wanted) -> DownloadError:
    """A document beyond the size that is exported."""
    advice = f"open {wanted.page} by hand and download it there, or ask its owner to split it"
    return PermanentError(f"{wanted} is a Google document that is too large to be exported", advice)


def page_instead(wanted: Wanted, title: str = "") -> DownloadError:
    """An unknown page."""
    return _a_page("a page", wanted, title)


def error_page(wanted: Wanted, title: str = "") -> DownloadError:
    """An error of Drive's in words that are not known. It may pass, or not: a quota looks like a missing right."""
    return _a_page("an error page", wanted, title)


def _a_page(what: str, wanted: Wanted, title: str) -> DownloadError:
    named = f', titled "{title}"' if title else ""
    return PermanentError(
        f"Google Drive sent {what} in place of {wanted}{named}", f"open {wanted.page} by hand to see what it says"
    )


def consent(wanted: Wanted) -> DownloadError:
    """Google asks visitors of some countries for consent to its terms. A person has to answer that."""
    advice = f"use an API key, or another network; {wanted.page} opened by hand shows what Google asks for"
    return PermanentError(f"Google asks for consent to its terms before it gives out {wanted}", advice)


def not_passed(wanted: Wanted) -> DownloadError:
    """The warning is followed by another one, and so on."""
    return PermanentError(f"the virus-scan warning of {wanted} comes again and again", f"open {wanted.page} by hand")


def perhaps_native(wanted: Wanted) -> DownloadError:
    """500: a document that has no bytes, or a fault of the server. Nothing distinguishes the two."""
    advice = 'run it again; if it is a Google document, set "export" of its entry in the manifest to docx, xlsx or pptx'
    return ServerBusy(f"Google Drive answered 500 for {wanted} ({wanted.page})", advice)


def throttled(wanted: Wanted, retry_after: float | None) -> DownloadError:
    """Too many requests."""
    what = f"Google Drive has had too many requests for now, and refused that for {wanted}"
    return ServerBusy(what, _LATER, retry_after=retry_after)


def robot_check(wanted: Wanted, retry_after: float | None) -> DownloadError:
    """Too many requests, or too many of others in the same network: a person is to prove to be one."""
    what = f"Google has had too many requests from this network for now, and refused that for {wanted} as a robot's"
    return ServerBusy(what, _LATER, retry_after=retry_after)


def perhaps_robot(wanted: Wanted, retry_after: float | None) -> DownloadError:
    """A web page where the API always answers in JSON. Its words are not known."""
    what = (
        f"a web page (403) came in place of the API's answer for {wanted}: Google may have had too many requests from "
        "this network for now, or a proxy refuses them"
    )
    return ServerBusy(what, f"{_LATER}; if that does not help, check the proxy", retry_after=retry_after)


def other_size(wanted: Wanted, size: int, expected: int) -> DownloadError:
    """The file is no longer the one that the manifest describes."""
    advice = f"create the manifest again (include/generate_manifest.py), or compare it with {wanted.page}"
    return SizeMismatch(f"{wanted} has {size} bytes at Google Drive, the manifest says {expected}", advice)


def key_refused(wanted: Wanted, problem: str, advice: str) -> DownloadError:
    """`problem`: what is wrong with the key, or with the project that it belongs to."""
    return KeyRefused(f"Google Drive refused the API key when {wanted} was requested: {problem}", advice)


def key_used_up(wanted: Wanted) -> DownloadError:
    """The daily quota of the key is used up."""
    advice = f"it will be retried on the next run, from tomorrow on; or open {wanted.page} by hand"
    return QuotaExceeded(f"the API key's quota for today was used up when {wanted} was asked for", advice)


def quota_of_either(wanted: Wanted, reason: str) -> DownloadError:
    """A quota, and the API does not say whose."""
    advice = f"it will be retried on the next run, from tomorrow on; or open {wanted.page} by hand"
    return QuotaExceeded(f"a quota of the API key or of {wanted} at Google Drive is exceeded ({reason})", advice)


def refused(wanted: Wanted, status: int, reason: str = "", title: str = "") -> DownloadError:
    """A refusal for a `reason` that is not known, by a page of an unknown `title`, or for no reason at all."""
    why = f'for the reason "{reason}" ({status})' if reason else f"and gave no reason ({status})"
    why = f'with a page titled "{title}" ({status})' if title else why
    what = f"Google Drive refused the request for {wanted} {why}"
    if status not in (401, 403):
        return PermanentError(what, f"open {wanted.page} by hand to see whether it is there")
    return AccessDenied(what, f"open {wanted.page} by hand: if that asks for a login, ask its owner to share it")
