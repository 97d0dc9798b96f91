"""Errors in Airflow's terms: retryable ones are tried again, permanent ones fail at once, each in one sentence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from downloader.catalogue import CatalogueError
from downloader.errors import DownloadError
from downloader.report import visible

from .wording import within

__all__ = ["NotSetUp", "Refusal", "SetupError", "airflow_errors", "failure"]

log = logging.getLogger(__name__)


class SetupError(Exception):
    """A run cannot work as it is configured or requested. Its text says what is wrong, where, and what to do."""

    retryable = False


class Refusal(SetupError):
    """A run, or one item of it, cannot be done as requested: one sentence."""


class NotSetUp(Refusal):
    """Nobody has set up what runs of the DAG need: a connection is missing, or the DAG is switched off."""


class _OneSentence(Exception):
    """Shows no frames in the log of a task.

    Airflow prints a dozen of its own below each exception, which say nothing about a bucket or a disk, and has no
    switch for that. It reads the text before it walks the traceback, which is cut here behind its first frame.
    """

    def __str__(self) -> str:
        if self.__traceback__ is not None:
            self.__traceback__.tb_next = None
        return super().__str__()


@cache
def _kind(*, retryable: bool) -> type[Exception]:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException  # takes seconds to import

    kind = AirflowException if retryable else AirflowFailException
    return type(kind.__name__, (_OneSentence, kind), {})  # the log shows the name, and users know Airflow's


def failure(sentence: str, *, retryable: bool = False) -> Exception:
    """What a task fails with: AirflowException where Airflow is to try it again, else AirflowFailException.

    It shows the beginning of a sentence that is too long for the last line of a log; the whole stands above it.
    """
    sentence = visible(sentence)
    shown = within(sentence.replace("\n", " "))
    if shown != sentence:
        log.error("%s", sentence)
    return _kind(retryable=retryable)(shown)


def _keep_silent(sentence: str) -> None: ...


@contextmanager
def airflow_errors(tell: Callable[[str], None] = _keep_silent) -> Iterator[None]:
    """Raises `failure` for the errors of this program. `tell` takes the sentence, however long it is.

    The cause is not kept: its own text and traceback may hold what must not be logged. Raised behind the handler, it
    would still be the context, for the caller handles the error too.
    """
    try:
        yield
    except (DownloadError, CatalogueError, SetupError) as error:
        tell(visible(str(error)))
        problem = failure(str(error), retryable=error.retryable)
    else:
        return
    raise problem from None
