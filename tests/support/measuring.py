"""Keeps the tracer of coverage out of code of others.

It is called for each call of whatever function: it doubles the time that Airflow and the stand-ins take.
"""

from __future__ import annotations

import socketserver
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import pytest

__all__ = ["measured", "serve_unmeasured", "unmeasured", "without_threads"]

_handle: Final = socketserver.ThreadingMixIn.process_request_thread


def unmeasured(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` without the tracer of this thread."""
    return _traced_by(lambda: None, function)


def measured(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with the tracer that this thread has now: for what is called where it has none."""
    tracer = sys.gettrace()
    return _traced_by(lambda: tracer, function)


def _traced_by(tracer: Callable[[], Any], function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        before = sys.gettrace()
        sys.settrace(tracer())
        try:
            return function(*arguments, **options)
        finally:
            sys.settrace(before)
            _begin_to_trace()

    return call


def _begin_to_trace() -> None:
    """The tracer of coverage takes up its work with the next call: only then it sees that the caller returns, too."""


def without_threads(patch: pytest.MonkeyPatch, *names: str) -> None:
    """New threads whose names begin with one of `names` are not measured."""
    begin = threading.gettrace()
    if begin is None:
        return

    def begin_with_ours(frame: FrameType, event: Any, argument: Any) -> Any:
        if not threading.current_thread().name.startswith(names):
            return begin(frame, event, argument)
        sys.settrace(None)
        return None

    patch.setattr(threading, "_trace_hook", begin_with_ours)


def serve_unmeasured() -> None:
    """Servers that answer in threads of the tests' process, as stand-ins do, are not measured from now on."""

    def handle(server: Any, *arguments: Any) -> None:
        sys.settrace(None)
        _handle(server, *arguments)

    socketserver.ThreadingMixIn.process_request_thread = handle  # type: ignore[method-assign, assignment]
