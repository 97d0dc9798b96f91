"""What the reasons mean that Google's API gives for a refusal.

A refusal carries up to two: ``error.details[].reason`` (``API_KEY_SERVICE_BLOCKED``), the exact one, and
``error.errors[].reason`` (``forbidden``), often a class of many. Sources: "Resolve errors" in the guide of Drive's API,
and ``google.api.ErrorReason``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...errors import DownloadError, cut
from . import errors
from .errors import Wanted

__all__ = ["Reasons", "reasons_of"]

_LONGEST: Final = 60
_MOST: Final = 20
_NO_WORD: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_BAD_KEY: Final = re.compile(r"API key not valid|API key not found", re.IGNORECASE)
_EXPIRED: Final = re.compile(r"API key expired", re.IGNORECASE)
_PER_DAY: Final = re.compile(r"per.?day", re.IGNORECASE)

_THROTTLED: Final = frozenset(
    {
        "rateLimitExceeded",
        "userRateLimitExceeded",
        "sharingRateLimitExceeded",
        "servingLimitExceeded",
        "concurrentLimitExceeded",
        "RATE_LIMIT_EXCEEDED",
    }
)
_OF_FILE: Final[Mapping[str, Callable[[Wanted], DownloadError]]] = {
    "notFound": errors.missing,
    "downloadQuotaExceeded": errors.quota,
    "cannotDownloadAbusiveFile": errors.infected,
    "cannotDownloadFile": errors.forbidden,
    "fileNotDownloadable": errors.no_bytes,
    "exportSizeLimitExceeded": errors.too_large_to_export,
    "insufficientFilePermissions": errors.private,
    "appNotAuthorizedToFile": errors.not_to_apps,
    "domainPolicy": errors.by_domain,
    "authError": errors.login_wanted,
    "required": errors.login_wanted,
    "dailyLimitExceeded": errors.key_used_up,
}
_OF_EITHER: Final = frozenset({"quotaExceeded", "limitExceeded", "RESOURCE_QUOTA_EXCEEDED"})
_UNREGISTERED: Final = frozenset({"CREDENTIALS_MISSING", "unregistered"})
_CONSOLE: Final = "in Google Cloud's console, under APIs & Services,"
_GIVE: Final = "correct {place}"
_NO_KEY: Final = ("Google takes the request for one without a key", _GIVE)
_OF_KEY: Final[Mapping[str, tuple[str, str]]] = {
    "keyInvalid": ("Google does not know the API key", _GIVE),
    "API_KEY_INVALID": ("Google does not know the API key", _GIVE),
    "keyExpired": ("the API key has expired", f"renew it {_CONSOLE} Credentials, and put the new one into {{place}}"),
    "accessNotConfigured": (
        "the Drive API is not enabled for the project of the API key",
        f"enable the Google Drive API {_CONSOLE} Library",
    ),
    "API_KEY_SERVICE_BLOCKED": (
        "the API key is restricted to other APIs than Drive's",
        f"add the Google Drive API to the key's API restrictions {_CONSOLE} Credentials, or use another key",
    ),
    "API_KEY_HTTP_REFERRER_BLOCKED": (
        "the API key is restricted to certain web sites",
        f"set the key's application restrictions to None or IP addresses {_CONSOLE} Credentials, or use another key",
    ),
    "API_KEY_IP_ADDRESS_BLOCKED": (
        "the API key is restricted to IP addresses, and that of this machine is not among them",
        f"add this machine's public address to the key's restrictions {_CONSOLE} Credentials, or use another key",
    ),
    "API_KEY_ANDROID_APP_BLOCKED": (
        "the API key is restricted to certain Android apps",
        f"set the key's application restrictions to None or IP addresses {_CONSOLE} Credentials, or use another key",
    ),
    "API_KEY_IOS_APP_BLOCKED": (
        "the API key is restricted to certain iOS apps",
        f"set the key's application restrictions to None or IP addresses {_CONSOLE} Credentials, or use another key",
    ),
    "ipRefererBlocked": (
        "the API key is restricted to certain IP addresses or web sites",
        f"change the key's application restrictions {_CONSOLE} Credentials, or use another key",
    ),
    "CONSUMER_INVALID": (
        "the project of the API key does not exist, or may not use the Drive API",
        "use a key of another project",
    ),
    "CONSUMER_SUSPENDED": (
        "the project of the API key is suspended",
        "see the project's messages in Google Cloud's console, or use a key of another project",
    ),
    "BILLING_DISABLED": (
        "billing is disabled for the project of the API key",
        "enable it in Google Cloud's console, or use a key of another project",
    ),
}
_SAME: Final[Mapping[str, str]] = {
    "SERVICE_DISABLED": "accessNotConfigured",
    "SERVICE_NOT_AVAILABLE": "accessNotConfigured",
    "ipAddressBlocked": "API_KEY_IP_ADDRESS_BLOCKED",
    "httpRefererBlocked": "API_KEY_HTTP_REFERRER_BLOCKED",
    "androidAppBlocked": "API_KEY_ANDROID_APP_BLOCKED",
    "iosAppBlocked": "API_KEY_IOS_APP_BLOCKED",
    "accountDisabled": "CONSUMER_SUSPENDED",
    "accountDeleted": "CONSUMER_INVALID",
}
_KEYS_OWN: Final = re.compile(r"API_KEY_[A-Z0-9_]+")
_OF_SHARED_DRIVE: Final = re.compile(r"teamDrive.*|sharedDrive.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reasons:
    """The reasons of one refusal, the exact ones first. `daily`: whether a limit of a day is named."""

    words: tuple[str, ...] = ()
    daily: bool = False

    @property
    def word(self) -> str:
        """The first of them; ``""`` if there is none."""
        return next(iter(self.words), "")

    @property
    def throttle(self) -> bool:
        """Whether Google asks for patience."""
        return not self.daily and not _THROTTLED.isdisjoint(self.words)

    def error(self, wanted: Wanted, place: str) -> DownloadError | None:
        """The error of the first reason that is known; None if there is none. `place`: where the key is set."""
        if self.daily and not _THROTTLED.isdisjoint(self.words):
            return errors.key_used_up(wanted)
        return next(filter(None, (_error(word, wanted, place) for word in self.words)), None)


def _error(word: str, wanted: Wanted, place: str) -> DownloadError | None:
    if word in _OF_FILE:
        return _OF_FILE[word](wanted)
    if word in _OF_EITHER:
        return errors.quota_of_either(wanted, word)
    if _OF_SHARED_DRIVE.fullmatch(word):
        return errors.by_shared_drive(wanted, word)
    known = _OF_KEY.get(_SAME.get(word, word))
    if word in _UNREGISTERED or word.endswith("Unreg"):
        known = _NO_KEY
    elif known is None and _KEYS_OWN.fullmatch(word):
        known = (f"the reason is {word}", _GIVE)
    if known is None:
        return None
    problem, advice = known
    return errors.key_refused(wanted, problem, advice.format(place=place))


def reasons_of(held: Mapping[str, Any]) -> Reasons:
    """The reasons in a refusal as JSON, which may hold anything."""
    error = held.get("error")
    if not isinstance(error, dict):
        return Reasons()
    message = error.get("message")
    message = message if isinstance(message, str) else ""
    words = [word for name in ("details", "errors") for word in _words(error.get(name))]
    if _EXPIRED.search(message):
        words.insert(0, "keyExpired")  # its reason is that of an unknown key
    elif _BAD_KEY.search(message):
        words.append("keyInvalid")
    elif "unregistered callers" in message:
        words.append("unregistered")
    return Reasons(tuple(words), any(map(_is_daily, _objects(error.get("details")))))


def _is_daily(detail: Mapping[str, Any]) -> bool:
    """Whether a detail names a limit of a day, such as ``defaultPerDayPerProject``."""
    metadata = detail.get("metadata")
    limit = metadata.get("quota_limit") if isinstance(metadata, dict) else None
    return isinstance(limit, str) and _PER_DAY.search(limit[:_LONGEST]) is not None


def _objects(held: object) -> list[dict[str, Any]]:
    return [one for one in held[:_MOST] if isinstance(one, dict)] if isinstance(held, list) else []


def _words(held: object) -> Iterator[str]:
    """The reasons in one of the two lists, as words that may stand in a message."""
    for one in _objects(held):
        reason = one.get("reason")
        if isinstance(reason, str) and (word := _NO_WORD.sub("_", reason[: 2 * _LONGEST]).strip("_")):
            yield cut(word, _LONGEST)
