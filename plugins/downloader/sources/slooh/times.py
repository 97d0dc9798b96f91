"""Parses Slooh's dates and times, as it displays them: ``Feb. 7, 2026`` and ``20:15:30 UTC``.

Strictly: dateutil guesses what it does not know, and the months of `strptime` depend on the locale.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

__all__ = ["moment"]

_MONTHS: Final = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_WRITTEN: Final = re.compile(r"([A-Za-z]{3,9})\.? ([0-9]{1,2}),? ([0-9]{4})")
_NUMBERS: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?: ?(?:UTC|Z))?")
_YEARS: Final = range(1970, 2200)
"""No file system stores an earlier time, and no picture is later."""


def moment(date: str | None, time: str | None) -> datetime | None:
    """The time in UTC; midnight for a date without a time.

    None if there is no date, or one of the two is invalid. Months may be abbreviated (``Feb.``, ``Sept.``,
    ``September``).
    """
    day = _day(" ".join((date or "").split()))
    clock = _clock(" ".join((time or "").split()))
    if day is None or clock is None or day[0] not in _YEARS:
        return None
    try:
        return datetime(*day, *clock, tzinfo=UTC)
    except ValueError:  # February 30
        return None


def _day(text: str) -> tuple[int, int, int] | None:
    numbers = _NUMBERS.fullmatch(text)
    if numbers is not None:
        return int(numbers[1]), int(numbers[2]), int(numbers[3])
    written = _WRITTEN.fullmatch(text)
    if written is None:
        return None
    named = [number for number, name in enumerate(_MONTHS, 1) if name.startswith(written[1].lower())]
    return (int(written[3]), named[0], int(written[2])) if named else None


def _clock(text: str) -> tuple[int, int, int] | None:
    if not text:
        return 0, 0, 0
    found = _TIME.fullmatch(text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None
