"""Headers, read strictly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from downloader.sources.http.headers import content_length, content_range, retry_after, total_of_unsatisfied


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Sat, 07 Feb 2026 20:15:30 GMT", 0.0),
        ("", None),
        (None, None),
        ("-7", None),
        ("1.5", None),
        ("soon", None),
        ("\xb2", None),  # a digit, says Python
        ("Sat, 07 Feb 99999 20:15:30 GMT", None),
        ("Sat, 07 Feb 2026 20:15:30", None),  # in nobody's zone
    ],
)
def test_how_long_to_wait(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds


def test_how_long_to_wait_until_a_date() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 80 < (retry_after(until) or 0) <= 90


def test_more_digits_than_any_number_are_endless() -> None:
    assert retry_after("9" * 400) == float("inf")


@pytest.mark.parametrize(
    ("header", "length"), [("0", 0), ("12", 12), ("", None), (None, None), ("-1", None), ("5, 5", None), ("1_0", None)]
)
def test_lengths(header: str | None, length: int | None) -> None:
    assert content_length(header) == length


def test_ranges() -> None:
    assert content_range("bytes 0-0/1") == (0, 1, 1)
    assert content_range("bytes 5-9/*") == (5, 10, None)
    assert content_range("bytes */10") is None
    assert total_of_unsatisfied("bytes */10") == 10
    assert total_of_unsatisfied("bytes 0-0/10") is None
