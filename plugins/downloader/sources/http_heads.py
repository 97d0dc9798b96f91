"""Answers whose head came whole.

To `http.client` a head ends at its empty line, or where the connection does: one that broke off in the middle passes
for a whole one, without the lengths and types that were to follow, and the answer for something else than it is.
"""

from __future__ import annotations

from http.client import HTTPResponse, RemoteDisconnected
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

__all__ = ["WholeHeads"]


class _Lines:
    """A stream that remembers its last line."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.last: bytes | None = None

    def readline(self, limit: int = -1) -> bytes:
        line: bytes = self._stream.readline(limit)
        self.last = line
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _WholeHead(HTTPResponse):
    def begin(self) -> None:
        stream: Any = self.fp
        lines: Any = _Lines(stream)
        self.fp = lines
        try:
            super().begin()
        finally:
            if self.fp is lines:  # it is None where it was closed
                self.fp = stream
        if lines.last == b"":
            self.close()
            raise RemoteDisconnected("the head of the answer broke off")


class _Connection(HTTPConnection):
    response_class = _WholeHead


class _SecureConnection(HTTPSConnection):
    response_class = _WholeHead


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class WholeHeads(HTTPAdapter):
    """Sends as its base does. A head that breaks off is a connection that breaks: `requests.ConnectionError`."""

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """As its base's."""
        super().init_poolmanager(*args, **more)
        _refit(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **more: Any) -> PoolManager:
        """As its base's."""
        manager: PoolManager = super().proxy_manager_for(*args, **more)
        _refit(manager)
        return manager


def _refit(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
