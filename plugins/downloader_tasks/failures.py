"""Errors in Airflow's terms: retryable ones are tried again, permanent ones fail at once, each in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from downloader.catalogue import CatalogueError
from downloader.errors import DownloadError
from downloader.report import visible

__all__ = ["Refusal", "SetupError", "airflow_errors"]


class SetupError(Exception):
    """A run cannot work as it is configured or requested. Its text says what is wrong, where, and what to do."""

    retryable = False


class Refusal(SetupError):
    """A run, or one item of it, cannot be done as requested: one sentence."""


@contextmanager
def airflow_errors() -> Iterator[None]:
    """Raises AirflowException for retryable errors, AirflowFailException for permanent ones.

    The cause is not kept: its own text and traceback may hold what must not be logged.
    """
    try:
        yield
    except (DownloadError, CatalogueError, SetupError) as error:
        from airflow.sdk.exceptions import AirflowException, AirflowFailException  # takes seconds to import

        kind = AirflowException if error.retryable else AirflowFailException
        problem = kind(visible(str(error)))
    else:
        return
    raise problem
