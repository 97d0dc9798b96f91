"""Answers to the `minio` client, in bounds: it would read any answer into memory, and go on from page to page for ever.

What it raises here are ValueErrors, which the client lets pass: `minio_server.from_minio` says what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

from urllib3 import BaseHTTPResponse, HTTPResponse, PoolManager

from ..http import read_within, with_whole_heads

__all__ = ["AnswerTooLong", "BoundedAnswers", "EndlessListing", "NoListing"]

_MOST_BYTES: Final = 16 * 1024 * 1024
"""Of one answer. A thousand keys of S3's greatest length are some 5 MB."""
_MOST_TAGS: Final = 400_000
"""Each becomes an object in memory, of many times its length."""
_DECLARES: Final = b"<!ENTITY"
_MOST_IDLE: Final = 10_000
"""Pages in a row that may bring nothing: S3 sends such where it has passed over many deleted objects."""


class AnswerTooLong(ValueError):
    """More bytes, or more tags, than any answer has."""


class NoListing(ValueError):
    """XML that declares entities: no S3 server's."""


class EndlessListing(ValueError):
    """Truncated pages without anything new."""


class BoundedAnswers(PoolManager):
    """Asks as its base does. One thread at a time."""

    def __init__(self, **settings: Any) -> None:
        """`settings`: its base's."""
        super().__init__(**settings)
        with_whole_heads(self)
        self._idle = 0
        self._last = ""

    def moved_on(self) -> None:
        """Notes that the last answer brought something new, or that another question begins."""
        self._idle = 0
        self._last = ""

    def urlopen(  # type: ignore[override]
        self, method: str, url: str, redirect: bool = True, **more: Any
    ) -> BaseHTTPResponse:
        """As its base's: the answer, whole. Raises this module's errors too."""
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
        return _whole(answer, data, method, url)


def _whole(answer: BaseHTTPResponse, data: bytes, method: str, url: str) -> HTTPResponse:
    headers: Mapping[str, str] = answer.headers
    body = data or BytesIO()  # no bytes at all would count as no body, and that for None
    return HTTPResponse(body, headers, answer.status, reason=answer.reason, request_method=method, request_url=url)
