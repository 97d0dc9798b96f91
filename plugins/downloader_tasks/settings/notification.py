"""Calls the notifier that the configuration names when a run failed; off by default."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

__all__ = ["notify_failure"]

_NOT_CALLED: Final = "The configured notifier could not be called for the failure of this run"

log = logging.getLogger(__name__)


def notify_failure(context: Mapping[str, Any]) -> None:
    """An ``on_failure_callback``. The configuration is read now, not when the DAG is parsed.

    A notifier that cannot be loaded, or fails, is a line in the log: it must not hide the failure of the run.
    """
    from downloader.report import visible

    from .configuration import ConfigurationError, load

    try:
        notifier = load().notifier
        if notifier is None:
            return
        module, _, name = notifier.callable.rpartition(".")
        found = getattr(import_module(module), name)
        if isinstance(found, type) or notifier.arguments:
            found = found(**notifier.arguments)
        found(context)
    except ConfigurationError as error:
        log.error("%s: %s", _NOT_CALLED, visible(str(error)))
    except Exception:
        log.exception(_NOT_CALLED)
