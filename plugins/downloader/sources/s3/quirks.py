"""What a server that speaks S3 was seen to do otherwise than Amazon's.

Each is found once, and spares the requests that would find it again. Threads share one; a race costs a request.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

__all__ = ["Quirks", "accepting_gzip", "read_leniently"]

_ENOUGH: Final = 3
"""Odd answers in a row after which obstore is not asked any more; a broken connection may garble one."""
_ENOUGH_HEADS: Final = 2
_UNUSED: Final = (
    "last-modified",
    "expires",
    "x-amz-missing-meta",
    "x-amz-tagging-count",
    "x-amz-object-lock-retain-until-date",
)
"""Headers that boto3 parses, fails on, and that nothing here reads."""


class Quirks:
    """The quirks of one server, as one source sees them."""

    def __init__(self) -> None:
        self.checksum_mode = True
        """Whether a HEAD may ask for checksums (`x-amz-checksum-mode`)."""
        self.heads = True
        """Whether HEADs are worth a request: False once one was refused, and a GET of the same object was not."""
        self.chunks = False
        """Whether whole objects come without a length, though nothing unpacks them."""
        self._failed_heads = 0
        self._odd = 0
        self._unreadable = ""

    def note_odd(self, *, odd: bool) -> bool:
        """Notes whether obstore could not parse an answer. True where it never can."""
        if odd or self._odd:
            self._odd = self._odd + 1 if odd else 0
        return self._odd >= _ENOUGH

    def note_head(self, *, failed: bool) -> bool:
        """Notes whether a HEAD failed. True where only HEADs may be what fails, so that a GET is worth a try."""
        self._failed_heads = self._failed_heads + 1 if failed else 0
        return self._failed_heads >= _ENOUGH_HEADS

    def is_repeated(self, reason: str) -> bool:
        """Whether the last answer that could not be read had the same `reason`: what was garbled on the way differs."""
        repeated = bool(reason) and reason == self._unreadable
        self._unreadable = reason
        return repeated

    def note_readable(self) -> None:
        """Notes an answer that could be read."""
        self._unreadable = ""


def read_leniently(client: Any) -> None:
    """Makes a boto3 client skip the headers that servers get wrong (dates most often), and nothing here reads."""
    client.meta.events.register("before-parse.s3", _without_unused, unique_id="downloader-unused-headers")
    client.meta.events.register("before-call.s3.GetObject", _accept_gzip, unique_id="downloader-accept-gzip")


_gzip: Final[ContextVar[bool]] = ContextVar("gzip", default=False)


@contextmanager
def accepting_gzip() -> Iterator[None]:
    """GETs of boto3 clients that `read_leniently` saw say that gzip is welcome."""
    token = _gzip.set(True)
    try:
        yield
    finally:
        _gzip.reset(token)


def _accept_gzip(params: Any, **_: object) -> None:
    if _gzip.get():
        params["headers"]["Accept-Encoding"] = "gzip"


def _without_unused(response_dict: Any, **_: object) -> None:
    for name in _UNUSED:
        response_dict["headers"].pop(name, None)
