"""What a task fails with: one sentence, as Airflow logs it."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from structlog.tracebacks import ExceptionDictTransformer

from downloader.errors import AccessDenied, NetworkError
from downloader.results import FileResult, Outcome, failed
from downloader_tasks.failures import Refusal, airflow_errors, failure
from downloader_tasks.wording import failed_files

CAUSE = "what led to it"
LOGGED = ExceptionDictTransformer(use_rich=False, show_locals=False)
"""How Airflow turns the exception of a task into a line of its log."""


def deep(error: Exception, depth: int = 10) -> None:
    if depth:
        deep(error, depth - 1)
    try:
        raise KeyError(CAUSE)
    except KeyError as cause:
        raise error from cause


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Refusal("there is no such bucket; name another"), AirflowFailException),
        (AccessDenied("the key is wrong"), AirflowFailException),
        (NetworkError("the connection broke"), AirflowException),
    ],
)
def test_the_log_shows_one_sentence_and_no_frames_or_causes(error: Exception, kind: type[Exception]) -> None:
    told: list[str] = []
    with pytest.raises(AirflowException) as raised, airflow_errors(told.append):
        deep(error)
    assert isinstance(raised.value, AirflowFailException) is (kind is AirflowFailException)
    (shown,) = LOGGED((raised.type, raised.value, raised.value.__traceback__))
    assert (shown["exc_type"], shown["exc_value"]) == (kind.__name__, str(error))
    assert [frame["name"] for frame in shown["frames"]] == ["test_the_log_shows_one_sentence_and_no_frames_or_causes"]
    assert told == [str(error)]
    assert CAUSE not in str(shown)


@pytest.mark.parametrize("length", [199, 200, 5000])
def test_a_long_sentence_stands_whole_above_the_last_line(length: int, caplog: pytest.LogCaptureFixture) -> None:
    sentence = "x" * length
    shown = str(failure(sentence))
    assert len(shown) == 199
    assert caplog.messages == ([] if shown == sentence else [sentence])
    assert {record.levelname for record in caplog.records} <= {"ERROR"}


def test_the_last_line_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    assert str(failure("two keys are wrong:\n  a\n  b")) == "two keys are wrong:   a   b"
    assert caplog.messages == ["two keys are wrong:\n  a\n  b"]


def test_the_first_failed_file_and_why_have_room_whatever_the_names_are() -> None:
    long = failed("n" * 4000, NetworkError("the connection broke"))
    line = failed_files([FileResult("a", Outcome.SKIPPED), long], "raw file " + "r" * 300, "To be tried again: ")
    assert line.startswith("To be tried again: 1 of 2 files of raw file rrr")
    assert f"failed, first {'n' * 40}...: Network error: " in line
    assert len(line) == 199
