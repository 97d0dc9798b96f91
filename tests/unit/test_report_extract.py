"""The text of a report within a limit: whole, or its head, its failures and its summary."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from downloader.report import Report, excerpt, parse, render
from downloader.results import FileResult, Outcome

KIB = 1024
MOST = 16 * KIB
FINE = [FileResult(f"fine/{number:06}.raw", Outcome.SKIPPED, 5, assurance="md5:0") for number in range(5000)]
BROKEN = [FileResult(f"broken/{number}", Outcome.FAILED, message="Not found: it is gone") for number in range(3)]
REPORT = Report(
    title="S3 Download Status Report",
    head=(("Raw File ID", "20250115_sample"),),
    timestamp=datetime(2025, 2, 4, 14, 30, 22, tzinfo=UTC),
    destination="/data/output/PRID001",
    results=(*FINE, *BROKEN),
    extra=(("Inventory", "5,000 files"),),
)


def test_a_short_report_is_whole() -> None:
    short = replace(REPORT, results=(*FINE[:9], *BROKEN))
    assert excerpt(short, MOST) == (render(short), 0)


def test_a_report_of_exactly_the_limit_is_whole() -> None:
    size = len(render(REPORT).encode())
    assert excerpt(REPORT, size) == (render(REPORT), 0)
    assert excerpt(REPORT, size - 1)[1] == len(FINE)


def test_a_long_report_is_its_head_its_failures_and_its_summary() -> None:
    text, left_out = excerpt(REPORT, MOST)
    assert left_out == 5000
    assert text == (
        "S3 Download Status Report\n=========================\nRaw File ID: 20250115_sample\n"
        "Timestamp: 2025-02-04 14:30:22 UTC\nDestination: /data/output/PRID001\n\nFiles:\n------\n"
        "broken/0: FAILURE - Not found: it is gone\nbroken/1: FAILURE - Not found: it is gone\n"
        "broken/2: FAILURE - Not found: it is gone\n"
        "(5,000 of 5,003 files are left out here; the report has a line for each)\n"
        "\nSummary:\n--------\nTotal files: 5003\nSuccessful: 5000\nFailed: 3\nDownloaded: 0\nResumed: 0\n"
        "Self-healed: 0\nSkipped (already exist): 5000\nTotal size: 24.4 KB\nDuration: 0.0s\n"
        "Inventory: 5,000 files\nStatus: PARTIAL FAILURE\n"
    )


@pytest.mark.parametrize("letter", ["a", "ä", "\U0001f600", "\n", "\udcff"])
def test_nothing_makes_it_longer_than_its_limit(letter: str) -> None:
    """Not many failures, not long names, not a long head or summary, and in no script."""
    name = letter * 4000
    broken = [FileResult(f"{number}{name}", Outcome.FAILED, message=f"Not found: {name}") for number in range(100)]
    report = replace(REPORT, head=((name, name),) * 50, results=tuple(broken), extra=(("Missing", name),) * 200)
    for most in (MOST, 256 * KIB):
        text, left_out = excerpt(report, most)
        assert len(text.encode()) <= most
        assert text.startswith("S3 Download Status Report\n")
        assert text.endswith("\nStatus: COMPLETE FAILURE\n")
        assert "\nFailed: 100\n" in text
        assert left_out == 100 - text.count(": FAILURE - ")
        assert f"({left_out:,} of 100 files are left out here" in text


def test_what_is_not_the_whole_report_is_not_read_as_one() -> None:
    with pytest.raises(ValueError, match="line"):
        parse(excerpt(REPORT, MOST)[0])
