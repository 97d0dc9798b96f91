"""Bounds the answers to the `minio` client, which reads any answer into memory, and follows any number of pages.

Pages of a listing in the usual form are read here (`pages`); the client gets an empty one instead.

The errors are ValueErrors, which the client does not catch; `server.from_minio` translates them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

from urllib3 import BaseHTTPResponse, HTTPResponse, PoolManager

from ...http import read_within, with_whole_heads
from ..errors import BUSY_STATUSES
from .pages import Page, read_page

__all__ = ["AnswerTooLong", "BoundedAnswers", "EndlessListing", "NoListing", "Redirected", "WebPage"]

_MOST_BYTES: Final = 16 * 1024 * 1024
"""The limit of one answer. A thousand keys of the greatest length are about 5 MB."""
_MOST_TAGS: Final = 400_000
"""Each becomes an object in memory, many times as large."""
_DECLARES: Final = b"<!ENTITY"
_CODE: Final = b"<Code>"
_PAGE: Final = re.compile(rb"[\xef\xbb\xbf\s]*<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_EMPTY: Final = b"<ListBucketResult><Name>-</Name><IsTruncated>false</IsTruncated></ListBucketResult>"
_BEFORE_XML: Final = b"\xef\xbb\xbf \t\r\n"
_MOST_IDLE: Final = 10_000
"""The limit of successive empty pages: S3 sends them where it skips many deleted objects."""


class AnswerTooLong(ValueError):
    """More bytes or tags than a valid answer has."""


class NoListing(ValueError):
    """Something else than an S3 server's XML."""


class WebPage(ValueError):
    """A web page, as a console or a proxy sends it, with its HTTP `status`."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Redirected(ValueError):
    """A redirect that is not S3's own, which names a region. `location`: where to."""

    def __init__(self, location: str) -> None:
        super().__init__()
        self.location = location


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
        self._refuse_foreign(answer, data)
        if answer.status == 200:
            self.page = read_page(data)
        if self.page is not None:
            data = _EMPTY
        headers: Mapping[str, str] = answer.headers
        body = data or BytesIO()  # empty bytes would count as a missing body
        return HTTPResponse(body, headers, answer.status, reason=answer.reason, request_method=method, request_url=url)

    @staticmethod
    def _refuse_foreign(answer: BaseHTTPResponse, data: bytes) -> None:
        """Raises Redirected, WebPage for an answer that is not an S3 server's."""
        if 300 <= answer.status < 400 and _CODE not in data:
            raise Redirected(answer.headers.get("location", ""))
        is_page = _PAGE.match(data) or answer.headers.get("content-type", "").startswith("text/html")
        # A gateway's page says that the server behind it is busy; one on HTTPS has its own sentence.
        if data and is_page and answer.status not in BUSY_STATUSES and b"HTTPS" not in data:
            raise WebPage(answer.status)
