"""HTTP for the sources that speak it: redirects, heads, errors, streams."""

from __future__ import annotations

from .answer import Answer, HttpStream, read_within, stream_of
from .client import HttpClient, Timeouts
from .errors import OtherHost, Words
from .headers import retry_after
from .heads import with_whole_heads
from .request import Hosts, Request

__all__ = [
    "Answer",
    "Hosts",
    "HttpClient",
    "HttpStream",
    "OtherHost",
    "Request",
    "Timeouts",
    "Words",
    "read_within",
    "retry_after",
    "stream_of",
    "with_whole_heads",
]
