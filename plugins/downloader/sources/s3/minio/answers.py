"""Bounds the answers to the `minio` client, which reads any answer into memory, and follows any number of pages.

The errors are ValueErrors, which the client does not catch; `server.from_minio` translates them.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

from urllib3 import BaseHTTPResponse, HTTPResponse, PoolManager

from ...http import read_within, with_whole_heads

__all__ = ["AnswerTooLong", "BoundedAnswers", "EndlessListing", "NoListing"]

_MOST_BYTES: Final = 16 * 1024 * 1024
"""The limit of one answer. A thousand keys of the greatest length are about 5 MB."""
_MOST_TAGS: Final = 400_000
"""Each becomes an object in memory, many times as large."""
_DECLARES: Final = b"<!ENTITY"
_MOST_IDLE: Final = 10_000
"""The limit of successive empty pages: S3 sends them where it skips many deleted objects."""


class AnswerTooLong(ValueError):
    """More bytes or tags than a valid answer has."""


class NoListing(ValueError):
    """XML that declares entities, which no S3 server does."""


class EndlessListing(ValueError):
    """Truncated pages that list nothing new."""


class BoundedAnswers(PoolManager):
    """Sends as its base class does. For one thread at a time."""

    def __init__(self, **settings: Any) -> None:
        """`settings`: those of the base class."""
        super().__init__(**settings)
        with_whole_heads(self)
        self._idle = 0
        self._last = ""

    def moved_on(self) -> None:
        """Notes that the last answer listed something new, or that another listing begins."""
        self._idle = 0
        self._last = ""

    def urlopen(  # type: ignore[override]
        self, method: str, url: str, redirect: bool = True, **more: Any
    ) -> BaseHTTPResponse:
        """As of the base class: the whole answer. Raises this module's errors too."""
        if url == self._last or self._idle >= _MOST_IDLE:
            raise EndlessListing
        self._idle += 1
        self._last = url
        answer = super().urlopen(method, url, redirect, **{**more, "preload_content": False, "decode_content": False})
        try:
            data = read_within(answer.read1, _MOST_BYTES + 1)
        except BaseException:
            answer.close()
            raise
        if len(data) > _MOST_BYTES:
            answer.close()
        if len(data) > _MOST_BYTES or data.count(b"<") > _MOST_TAGS:
            raise AnswerTooLong
        if _DECLARES in data:
            raise NoListing
        headers: Mapping[str, str] = answer.headers
        body = data or BytesIO()  # empty bytes would count as a missing body
        return HTTPResponse(body, headers, answer.status, reason=answer.reason, request_method=method, request_url=url)
