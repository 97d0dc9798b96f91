"""Slooh's dates and times, in every form that was met."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.sources.slooh.times import moment

DAY = (2026, 2, 7)


@pytest.mark.parametrize(
    ("date", "time", "expected"),
    [
        ("Feb. 7, 2026", "20:15:30 UTC", (*DAY, 20, 15, 30)),
        ("February 7, 2026", "20:15 UTC", (*DAY, 20, 15, 0)),
        ("2026-02-07", "20:15:30 UTC", (*DAY, 20, 15, 30)),
        ("Feb 07, 2026", "8:05", (*DAY, 8, 5, 0)),
        ("  feb.  7,   2026 ", " 20:15:30  UTC ", (*DAY, 20, 15, 30)),
        ("Sept. 30, 2025", "00:00:00 UTC", (2025, 9, 30, 0, 0, 0)),
        ("Sep. 30, 2025", "23:59:59 UTC", (2025, 9, 30, 23, 59, 59)),
        ("September 30, 2025", "23:59:59Z", (2025, 9, 30, 23, 59, 59)),
        ("June 1, 2024", None, (2024, 6, 1, 0, 0, 0)),
        ("July 1, 2024", "", (2024, 7, 1, 0, 0, 0)),
        ("May 1, 2024", "12:00 UTC", (2024, 5, 1, 12, 0, 0)),
        ("Feb. 29, 2024", "12:00 UTC", (2024, 2, 29, 12, 0, 0)),
    ],
)
def test_a_form_that_was_met(date: str, time: str | None, expected: tuple[int, int, int, int, int, int]) -> None:
    assert moment(date, time) == datetime(*expected, tzinfo=UTC)


@pytest.mark.parametrize(
    ("date", "time"),
    [
        (None, "20:15 UTC"),
        ("", ""),
        ("yesterday", "20:15 UTC"),
        ("Feb. 30, 2026", "20:15 UTC"),
        ("Fe. 7, 2026", "20:15 UTC"),
        ("Febr-7-2026", None),
        ("Febx. 7, 2026", None),
        ("2026-13-01", None),
        ("0001-01-01", None),
        ("9999-12-31", None),
        ("Feb. 7, 2026", "25:00 UTC"),
        ("Feb. 7, 2026", "20:15 EST"),
        ("Feb. 7, 2026", "soon"),
        ("Feb. 7, 2026" * 1000, None),
    ],
)
def test_what_cannot_be_read_is_no_time(date: str | None, time: str | None) -> None:
    assert moment(date, time) is None


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_stands_there_nothing_breaks(date: str, time: str) -> None:
    found = moment(date, time)
    assert found is None or found.tzinfo is UTC


@given(st.integers(0, 7_000_000_000), st.sampled_from(["%b. %d, %Y", "%B %d, %Y", "%Y-%m-%d"]))
def test_every_second_is_read_back(seconds: int, form: str) -> None:
    taken = datetime.fromtimestamp(seconds, UTC)
    assert moment(taken.strftime(form), taken.strftime("%H:%M:%S UTC")) == taken
