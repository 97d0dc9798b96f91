"""Reports: joined from the results of the tasks, printed, written, and summed up in a sentence for a failed run."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from downloader.catalogue import CatalogueError
from downloader.errors import DownloadError, MissingCopy, from_os_error
from downloader.report import AUDIT_FORMAT, DOWNLOAD_FORMAT, IS_FAILURE, IS_OK, Pairs, Report, lines_of, write
from downloader.results import FileResult

from ..execution import FEW, Unreported, begun_in
from ..failures import Refusal
from ..folders import make_below, refuse_links
from ..shards import PlanChanged
from ..wording import counted, failed_files, one_line, within
from ..xcoms import Received, Shard, ShardResults, expected, read
from .run import DownloadRun, RunItem

__all__ = ["MOST_NAMES", "Published", "Receipt", "named", "one_sentence", "publish", "receipts_of"]

MOST_NAMES: Final = 200
"""Names of a kind that a summary writes out."""

_NOT_WRITABLE: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A report, and where it is written: a folder, and the location above it. `about`: what it is on, for the log."""

    report: Report
    folder: Path
    location: Path
    report_id: str
    about: str


@dataclass(frozen=True, slots=True)
class Published:
    """A receipt that was printed. `path`: where it is written. `problem`: why it could not be, else ``""``.

    `unwritten`: why that of an audit was not, where the destination may only be read: then the run has not failed.
    """

    receipt: Receipt
    path: Path | None
    problem: str = ""
    unwritten: str = ""

    @property
    def problems(self) -> list[str]:
        """Sentences on what failed: files, or the report itself."""
        results = self.receipt.report.results
        failed = [failed_files(results, self.receipt.about)] if any(not result.ok for result in results) else []
        return [*failed, self.problem] if self.problem else failed


def receipts_of(run: DownloadRun, received: Received) -> tuple[list[Receipt], list[str]]:
    """One receipt for each item, and sentences on what cannot be reported. Raises what may pass by itself."""
    receipts: list[Receipt] = []
    problems: list[str] = []
    for name, group in groupby(received.shards, key=lambda shard: shard.item):
        try:
            item = run.item(name)
        except (CatalogueError, DownloadError, Refusal) as error:
            if error.retryable:
                raise
            problems.append(f"no report on {run.about(name)}: {one_line(str(error))}")
        else:
            shards = list(group)
            results, missing = _joined(item, shards, received)
            handed = [received.results[shard.number] for shard in shards if shard.number in received.results]
            text, where = _report(item, shards[0], results, handed), item.run_target
            receipts.append(Receipt(text, where.folder, where.location, where.report_id, run.about(name)))
            problems += missing
    return receipts, problems


def _joined(item: RunItem, shards: Sequence[Shard], received: Received) -> tuple[list[FileResult], list[str]]:
    """One result for each file that was planned, and sentences on shards of which no files can be named."""
    results: list[FileResult] = []
    problems: list[str] = []
    for shard in shards:
        plan = received.plans.get(shard.number)
        files = None if plan is None else plan.expected()
        try:
            files = expected(item.planned(shard)) if files is None else files
        except DownloadError as error:
            failures = error.results() if isinstance(error, PlanChanged) else []
            results += failures
            if not failures:
                problems.append(f"{one_line(shard.label)}: no files can be named: {one_line(str(error))}")
        else:
            where = item.run_target
            # What lies there half is of a download, and not of a task that only looked.
            begun = _never_begun if where.audit else begun_in(where.folder, (file.name for file in files))
            results += received.results_of(shard.number, files, begun)
    return _unique([*results, *item.unplanned(shards[-1])]), problems


def _never_begun(name: str) -> None: ...


def _unique(results: Iterable[FileResult]) -> list[FileResult]:
    """A file that moved from one shard to the next while they were listed has two results: the better one counts."""
    best: dict[str, FileResult] = {}
    for result in results:
        held = best.get(result.name)
        if held is None or (result.ok and not held.ok):
            best[result.name] = result
    return list(best.values())


def _report(item: RunItem, first: Shard, results: Sequence[FileResult], handed: Sequence[ShardResults]) -> Report:
    began = min((each.began for each in handed), default=0.0)
    ended = max((each.ended for each in handed), default=0.0)
    return Report(
        title=item.run_target.title,
        timestamp=datetime.now(UTC),
        destination=str(item.run_target.folder),
        head=item.run_target.head,
        results=tuple(results),
        duration=max(0.0, ended - began),
        format=AUDIT_FORMAT if item.run_target.audit else DOWNLOAD_FORMAT,
        extra=(*_unreported(handed), *item.plan_summary(first), *item.summary(results, handed)),
    )


def _unreported(handed: Sequence[ShardResults]) -> Pairs:
    """What the tasks found that no earlier report lists."""
    found = [read(Unreported, each.unreported) or Unreported() for each in handed]
    total = Unreported(*map(sum, zip(*map(astuple, found), strict=True))) if found else Unreported()
    return (("In no earlier report", str(total)),) if total.files else ()


def publish(receipt: Receipt) -> Published:
    """Prints the report and writes it. A report that cannot be written is printed whole, however long it is."""
    few = len(receipt.report.results) <= FEW
    _print(receipt.report, whole=few)
    try:
        _prepare(receipt)
        path = write(receipt.report, receipt.folder, receipt.report_id)
    except (DownloadError, OSError) as error:
        if not few:
            _print(receipt.report, whole=True)
        problem = from_os_error(error, str(receipt.folder)) if isinstance(error, OSError) else error
        if receipt.report.audit and _may_only_be_read(error):
            log.warning("The report was not written, and stands in this log alone: %s", problem)
            return Published(receipt, None, unwritten=str(problem))
        summary = receipt.report.summary
        counts = f"{summary.failed:,} of {counted(summary.total)} of {receipt.about} failed"
        return Published(
            receipt, None, f"{counts}, and the report could not be written (it stands in the log): {problem}"
        )
    log.info("Report: %s", path)
    return Published(receipt, path)


def _may_only_be_read(error: DownloadError | OSError) -> bool:
    """Whether a report was not written because its folder, or its disk, is not for writing."""
    refusal = error if isinstance(error, OSError) else error.__cause__
    return isinstance(refusal, OSError) and refusal.errno in _NOT_WRITABLE


def _prepare(receipt: Receipt) -> None:
    """Makes the folder of a report, unless it is that of an audit. Raises DownloadError, OSError."""
    folder = receipt.folder
    if not receipt.report.audit:
        make_below(receipt.location, folder)
        return
    refuse_links(receipt.location, folder)
    if not os.path.lexists(folder):
        raise MissingCopy(
            f"the destination {folder} does not exist, and an audit makes no folder",
            "run the restore (the same run without audit), which makes it",
        )


def named(label: str, names: Sequence[str], count: int | None = None) -> Iterator[tuple[str, str]]:
    """Lines of a summary: how many there are, and the first of them. `count`: where `names` are not all."""
    count = len(names) if count is None else count
    yield label, f"{count:,}"
    for name in names[:MOST_NAMES]:
        yield f"- {label}", name
    if count > min(len(names), MOST_NAMES):
        yield f"- {label}", f"and {count - min(len(names), MOST_NAMES):,} more"


def one_sentence(problems: Sequence[str]) -> str:
    """The first of `problems`, and how many more there are. Where there are more, the log gets a line for each."""
    more = len(problems) - 1
    for problem in problems if more else ():
        log.error("%s", problem)
    return within(problems[0], f" (and {more:,} more, see above)") if more else problems[0]


def _print(text: Report, *, whole: bool) -> None:
    """The whole report, or the head, the first failures, and the summary."""
    failures = 0
    for line in lines_of(text):
        is_failure = IS_FAILURE in line and IS_OK not in line.partition(IS_FAILURE)[0]
        failures += is_failure
        if whole or not (IS_OK in line or (is_failure and failures > FEW)):
            log.log(logging.ERROR if is_failure else logging.INFO, "%s", line)
