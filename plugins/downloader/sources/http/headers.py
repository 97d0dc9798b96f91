"""Parses headers of answers strictly: a value that breaks the rules counts as missing.

urllib3 and werkzeug read some of them too, but accept blanks, contradictions and dates without a zone.

Source of the rules: RFC 9110, sections 8.6, 8.8.3, 10.2.3 and 14.4.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

__all__ = ["ContentRange", "content_length", "content_range", "entity_tag", "retry_after", "total_of_unsatisfied"]

_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/(?:([0-9]{1,18})|\*)")
_UNSATISFIED: Final = re.compile(r"bytes \*/([0-9]{1,18})")
_ENTITY_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]{1,256})"')


class ContentRange(NamedTuple):
    """Bytes `start` to `stop` (exclusive) of a file of `size` bytes; `size` is None if unknown."""

    start: int
    stop: int
    size: int | None


def content_range(header: str | None) -> ContentRange | None:
    """A ``Content-Range`` header; None if it is invalid or contradicts itself."""
    found = _RANGE.fullmatch(header or "")
    if found is None:
        return None
    span = ContentRange(int(found[1]), int(found[2]) + 1, int(found[3]) if found[3] else None)
    possible = span.start < span.stop and (span.size is None or span.stop <= span.size)
    return span if possible else None


def total_of_unsatisfied(header: str | None) -> int | None:
    """The file's size, from the ``Content-Range`` of a 416."""
    found = _UNSATISFIED.fullmatch(header or "")
    return int(found[1]) if found else None


def content_length(header: str | None) -> int | None:
    """A ``Content-Length`` header in bytes."""
    return int(header) if header and _LENGTH.fullmatch(header) else None


def entity_tag(header: str | None) -> str | None:
    """An ``ETag`` header without its quotes; a weak one keeps its ``W/``."""
    found = _ENTITY_TAG.fullmatch(header or "")
    return (found[1] or "") + found[2] if found else None


def retry_after(header: str | None) -> float | None:
    """A ``Retry-After`` header in seconds; None if it is neither seconds nor a date."""
    if not header:
        return None
    if header.isascii() and header.isdigit():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None
