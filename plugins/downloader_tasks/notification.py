"""Telling somebody that a run failed: the notifier that the configuration names, off by default."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .configuration import Notifier

__all__ = ["notify_failure"]

log = logging.getLogger(__name__)


def notify_failure(context: Mapping[str, Any]) -> None:
    """An ``on_failure_callback``. The configuration is read now, not when the DAG is parsed.

    A notifier that cannot be loaded, or fails, is a line in the log: the run's own failure stays what is seen.
    """
    try:
        from .configuration import load

        notifier = load().notifier
        if notifier is not None:
            _callable(notifier)(context)
    except Exception:
        log.exception("The failure of this run could not be told to the configured notifier")


def _callable(notifier: Notifier) -> Callable[[Mapping[str, Any]], object]:
    module, _, name = notifier.callable.rpartition(".")
    found = getattr(import_module(module), name)
    if isinstance(found, type) or notifier.arguments:
        found = found(**notifier.arguments)
    return found
