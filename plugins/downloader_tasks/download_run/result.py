"""The result of a run for people and programs: what XComs, asset events and notifications have of it.

    {"status": "PARTIAL FAILURE",
     "reports": [{"about": "20250115_sample", "path": "/data/output/PRID001/_download_status_....txt",
                  "destination": "/data/output/PRID001", "status": "PARTIAL FAILURE", "files": 4, "successful": 3,
                  "failed": 1, "bytes": 1294467072, "fetched": 1294467072, "seconds": 46.1,
                  "outcomes": {"downloaded": 1, ...}, "assurances": {"MD5": 3},
                  "failures": [{"name": "...", "kind": "...", "message": "..."}]}],
     "problems": ["what no report says: ..."]}

That of an audit has `audit`, which is true, and `outcomes` of its own: ``intact`` and ``failed``. Where its destination
may only be read, its reports have `unwritten`, which says so, and no `path`.

All texts are escaped as in a report. Lists and texts are bounded, so that a run of a million files, or of a thousand
raw files, has a result that Airflow's database and pages can hold.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from downloader.errors import cut
from downloader.report import Status, escape, excerpt, visible
from downloader.results import UNVERIFIED, FileResult, Outcome

from .receipts import Published

__all__ = ["DRY_RUN", "MOST_FAILURES", "MOST_TEXT", "REFUSED", "result_of", "share", "texts_of", "uri_of"]

DRY_RUN: Final = "DRY RUN"
REFUSED: Final = "REFUSED"
"""The status of a run in which nothing was planned."""

MOST_FAILURES: Final = 50
"""Of a report. All reports of a run share `_ALL_FAILURES`, and each has one at least."""
_ALL_FAILURES: Final = 2000
_MOST_PROBLEMS: Final = 50
_LONGEST_PROBLEM: Final = 2000
"""Characters."""
MOST_TEXT: Final = 256 * 1024
"""Bytes of the text of a report. All reports of a run share `_ALL_TEXTS`, and each has `_LEAST_TEXT` at least."""
_ALL_TEXTS: Final = 4 * 1024 * 1024
_LEAST_TEXT: Final = 16 * 1024
_LONGEST_URI: Final = 1500
"""Characters that Airflow takes."""
_OF_AUDITS: Final = (Outcome.INTACT, Outcome.FAILED)
_OF_DOWNLOADS: Final = tuple(outcome for outcome in Outcome if outcome is not Outcome.INTACT)
_WORDS: Final = {"s3-etag": "S3 ETag"}
"""Algorithms that are not written in capitals."""


def result_of(
    published: Sequence[Published], problems: Iterable[str], status: str | None = None, *, audit: bool = False
) -> dict[str, Any]:
    """The result of a run, which says of an audit that it is one.

    `problems`: sentences on what is in no report. `status`: where there is no report.
    """
    most = share(_ALL_FAILURES, len(published), least=1, most=MOST_FAILURES)
    reports = [_report(each, most) for each in published]
    unreported = [*(each.problem for each in published if each.problem), *problems]
    return {
        **({"audit": True} if audit else {}),
        "status": status or _status(reports, unreported),
        "reports": reports,
        "problems": [cut(visible(problem), _LONGEST_PROBLEM) for problem in unreported[:_MOST_PROBLEMS]],
    }


def texts_of(published: Sequence[Published]) -> list[dict[str, Any]]:
    """The texts of the reports. `left_out`: how many files a text has no line for."""
    most = share(_ALL_TEXTS, len(published), least=_LEAST_TEXT, most=MOST_TEXT)
    texts = []
    for each in published:
        text, left_out = excerpt(each.receipt.report, most)
        texts.append({"about": escape(each.receipt.report_id), "path": _path(each), "text": text, "left_out": left_out})
    return texts


def uri_of(folder: Path) -> str | None:
    """``file:///data/output/PRID001``, by its bytes in ASCII; None where that is too long for Airflow."""
    uri = f"file://{quote(os.fsencode(folder))}"
    return uri if len(uri) <= _LONGEST_URI else None


def share(whole: int, among: int, *, least: int, most: int) -> int:
    """What each of so many has of the `whole`, from `least` to `most`."""
    return min(most, max(least, whole // max(1, among)))


def _status(reports: Sequence[dict[str, Any]], unreported: Sequence[str]) -> str:
    """SUCCESS exactly where the run succeeds."""
    if not unreported and all(report["status"] == Status.SUCCESS for report in reports):
        return Status.SUCCESS.value
    any_file = any(report["successful"] for report in reports)
    return (Status.PARTIAL_FAILURE if any_file else Status.COMPLETE_FAILURE).value


def _report(published: Published, most_failures: int) -> dict[str, Any]:
    report = published.receipt.report
    summary = report.summary
    outcomes = Counter(result.outcome for result in report.results)
    failures = (result for result in report.results if not result.ok)
    return {
        "about": escape(published.receipt.report_id),
        "path": _path(published),
        **({"unwritten": cut(visible(published.unwritten), _LONGEST_PROBLEM)} if published.unwritten else {}),
        "destination": escape(report.destination),
        "status": summary.status.value,
        "files": summary.total,
        "successful": summary.successful,
        "failed": summary.failed,
        "bytes": summary.size,
        "fetched": sum(result.fetched for result in report.results),
        "seconds": report.duration,
        "outcomes": {outcome.value: outcomes[outcome] for outcome in (_OF_AUDITS if report.audit else _OF_DOWNLOADS)},
        "assurances": dict(sorted(Counter(_assurance(each) for each in report.results if each.ok).items())),
        "failures": [_failure(result) for result in islice(failures, most_failures)],
    }


def _path(published: Published) -> str:
    return "" if published.path is None else escape(str(published.path))


def _assurance(result: FileResult) -> str:
    """By what a file was verified, in a word or two: ``MD5``, ``S3 ETag``, ``size``, ``complete PNG``, ``none``."""
    algorithm, is_checksum, _ = result.assurance.partition(":")
    if not is_checksum:
        return result.assurance or UNVERIFIED
    return _WORDS.get(algorithm, algorithm.upper())


def _failure(result: FileResult) -> dict[str, str]:
    kind, _, _ = result.message.partition(": ")
    return {"name": escape(result.name), "kind": escape(kind), "message": escape(result.message)}
