"""Bounds the answers to the `minio` client, which reads any answer into memory, and follows any number of pages.

Pages of a listing in the usual form are read here (`pages`); the client gets an empty one instead.

The errors are ValueErrors, which the client does not catch; `server.from_minio` translates them.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

from urllib3 import BaseHTTPResponse, HTTPResponse, PoolManager

from ...http import read_within, with_whole_heads
from ..foreign import ForeignAnswer, NoListing, refuse_foreign
from .pages import Page, read_page

__all__ = ["AnswerTooLong", "BoundedAnswers", "EndlessListing"]

_MOST_BYTES: Final = 16 * 1024 * 1024
"""The limit of one answer. A thousand keys of the greatest length are about 5 MB."""
_MOST_TAGS: Final = 400_000
"""Each becomes an object in memory, many times as large."""
_DECLARES: Final = b"<!ENTITY"
_EMPTY: Final = b"<ListBucketResult><Name>-</Name><IsTruncated>false</IsTruncated></ListBucketResult>"
_BEFORE_XML: Final = b"\xef\xbb\xbf \t\r\n"
_MOST_IDLE: Final = 10_000
"""The limit of successive empty pages: S3 sends them where it skips many deleted objects."""


class AnswerTooLong(ForeignAnswer):
    """More bytes or tags than a valid answer has."""


class EndlessListing(ValueError):
    """Truncated pages that list nothing new."""


class BoundedAnswers(PoolManager):
    """Sends by another pool manager. For one thread at a time."""

    def __init__(self, manager: PoolManager) -> None:
        """`manager` sends: straight, or through a proxy."""
        super().__init__()
        self._manager = with_whole_heads(manager)
        self._idle = 0
        self._last = ""
        self.page: Page | None = None
        """What the last answer lists, where it was read here."""

    def moved_on(self) -> None:
        """Notes that the last answer listed something new, or that another listing begins."""
        self._idle = 0
        self._last = ""

    def clear(self) -> None:
        """As of the base class."""
        self._manager.clear()

    def urlopen(  # type: ignore[override]
        self, method: str, url: str, redirect: bool = True, **more: Any
    ) -> BaseHTTPResponse:
        """As of the base class: the whole answer; no redirect is followed. Raises this module's errors too."""
        if url == self._last or self._idle >= _MOST_IDLE:
            raise EndlessListing
        self._idle += 1
        self._last = url
        self.page = None
        asked = {**more, "preload_content": False, "decode_content": False}
        answer = self._manager.urlopen(method, url, redirect=False, **asked)
        try:
            data = read_within(answer.read1, _MOST_BYTES + 1)
        except BaseException:
            answer.close()
            raise
        if len(data) > _MOST_BYTES:
            answer.close()
        if len(data) > _MOST_BYTES or data.count(b"<") > _MOST_TAGS:
            raise AnswerTooLong
        if _DECLARES in data or (
            answer.status == 200 and data.strip() and not data.lstrip(_BEFORE_XML).startswith(b"<")
        ):
            raise NoListing
        refuse_foreign(answer.status, answer.headers, data)
        if answer.status == 200:
            self.page = read_page(data)
        if self.page is not None:
            data = _EMPTY
        headers: Mapping[str, str] = answer.headers
        body = data or BytesIO()  # empty bytes would count as a missing body
        return HTTPResponse(body, headers, answer.status, reason=answer.reason, request_method=method, request_url=url)
