"""What goes wrong, in Airflow's terms: what may pass is tried again, what will not fails at once, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from downloader.catalogue import CatalogueError
from downloader.errors import DownloadError
from downloader.report import visible

__all__ = ["Refusal", "SetupError", "airflow_errors"]


class SetupError(Exception):
    """A run cannot be done as it is configured or asked for. Its text says what is wrong, where, and what to do."""


class Refusal(SetupError):
    """A run, or one raw file of it, cannot be done as asked: one sentence."""


@contextmanager
def airflow_errors() -> Iterator[None]:
    """Raises AirflowException for what may pass by itself, AirflowFailException for what will not.

    The cause is not handed on: its own text and traceback may hold what must not stand in a log.
    """
    try:
        yield
    except (DownloadError, CatalogueError) as error:
        kind = AirflowException if error.retryable else AirflowFailException
        problem = kind(visible(str(error)))
    except SetupError as error:
        problem = AirflowFailException(visible(str(error)))
    else:
        return
    raise problem
