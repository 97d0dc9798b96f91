"""HTTP for the sources that speak it: redirects, heads, errors, streams."""

from __future__ import annotations

from .answer import HttpAnswer, HttpStream, read_within, stream_of
from .client import HttpClient
from .errors import Advice, OtherHost
from .headers import retry_after
from .heads import with_whole_heads
from .request import Hosts, HttpRequest

__all__ = [
    "Advice",
    "Hosts",
    "HttpAnswer",
    "HttpClient",
    "HttpRequest",
    "HttpStream",
    "OtherHost",
    "read_within",
    "retry_after",
    "stream_of",
    "with_whole_heads",
]
