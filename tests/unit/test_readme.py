"""The README is short, shows commands that exist and a report that is one, and leads to every document."""

from __future__ import annotations

import re

import pytest

from support.documents import DOCUMENTS, ROOT, blocks, links

README = (ROOT / "README.md").read_text(encoding="utf-8")
MOST_LINES = 250
REPORT = re.compile(r"\n.*Status Report\n=+\n")


def reports() -> list[str]:
    """The reports that the documents show."""
    shown = (block for file in DOCUMENTS for block in blocks(file.read_text(encoding="utf-8"), ""))
    return [block for block in shown if REPORT.match(f"\n{block}")]


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= MOST_LINES


def test_it_links_every_document() -> None:
    linked = {link.partition("#")[0] for link in links(README)}
    assert [file.name for file in DOCUMENTS[1:] if str(file.relative_to(ROOT)) not in linked] == []


@pytest.mark.parametrize("command", ["bash include/demo.sh", "bash include/test.sh", "bash .ci/run"])
def test_it_begins_with_the_commands_that_set_up_and_test(command: str) -> None:
    lines = [line.partition("#")[0].strip() for block in blocks(README, "bash") for line in block.splitlines()]
    assert command in lines


@pytest.mark.parametrize("text", reports())
def test_the_report_that_it_shows_is_one(text: str) -> None:
    from downloader.report import parse, render

    report = parse(text)
    assert render(report) == text
    assert {result.ok for result in report.results} == {True, False}


def test_the_failure_of_a_damaged_backup_says_what_it_says_today() -> None:
    """Not so the reports of older formats, which documents may show as well."""
    from downloader.errors import ChecksumMismatch

    (line,) = (line for line in README.splitlines() if f"FAILURE - {ChecksumMismatch.kind}" in line)
    assert f"; {ChecksumMismatch.advice} [" in line


def test_the_readme_shows_a_report() -> None:
    assert any(text in README for text in reports())
