"""One try of one mapped task `download`: transfers the files of its shard, and pushes what became of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any, NoReturn

from downloader.errors import DiskFull, DownloadError, Misconfigured, from_os_error
from downloader.results import FileResult
from downloader.source import Source
from downloader.transfer import TransferOptions, audit, proves_all, restore

from ..failures import Refusal, failure
from ..folders import make_below
from ..shards import ShardFiles, digest_of, fingerprint_of
from ..wording import failed_files
from ..xcoms import Shard, ShardPlan, ShardResults
from .interruptions import Interruptions
from .ledger import Ledger
from .progress import Lines, Watch
from .task_state import LISTING, PROGRESS, RESULTS, UNREPORTED, VERIFIED, TaskState
from .unreported import Unreported, find_unreported
from .verified_files import TaskVerifiedFiles

__all__ = ["Attempt", "conclude"]

log = logging.getLogger(__name__)


class Attempt:
    """One try of one shard."""

    def __init__(self, shard: Shard, context: Mapping[str, Any]) -> None:
        self._shard = shard
        self._context = context
        self._began = time.time()
        self._interruptions = Interruptions(self._save)
        self._state = TaskState(context, self._interruptions)
        self._files = ""  # stands for the files of this try
        self._cleared: int = context["dag_run"].clear_number
        self._tries = f"{shard.plan} {self._cleared}"  # stands for all tries since a person cleared tasks
        self._unreported = Unreported()
        self._ledger: Ledger | None = None
        self._verified: TaskVerifiedFiles | None = None

    def show_listing(self, figures: Mapping[str, Any]) -> None:
        """Shows how far the listing has been read."""
        self._state.show(LISTING, figures)

    def refuse(self, error: DownloadError) -> NoReturn:
        """Every file fails, for the same reason, that no earlier try has come to. Raises it."""
        self._push(self._state.kept(RESULTS, self._tries), str(error), last=True)
        raise error

    def download(self, files: ShardFiles, options: TransferOptions, *, quiet: bool) -> list[FileResult]:
        """What became of each file, or in an audit what it is. The results so far are pushed also if it is interrupted.

        `quiet`: the log names failures alone. Raises DownloadError where there is no source or no folder.
        """
        planned, folder = files.planned, files.run_target.folder
        self._began = time.time()
        self._files = fingerprint_of(str(folder), map(digest_of, planned))
        if not files.repeatable:
            self._state.push_plan(ShardPlan.of(self._shard, planned))
        auditing = files.run_target.audit
        if auditing:
            self._files += f" {self._tries}"  # what a person clears is read anew: disks forget without a trace
        else:
            self._note_unreported(files)
        work = (
            partial(audit, planned, self._asked(files), folder)
            if auditing
            else partial(restore, planned, self._prepared(files), folder)
        )
        ledger = self._ledger = Ledger(planned, self._state.kept(RESULTS, self._tries))
        verified = self._verified = TaskVerifiedFiles(planned, self._state.kept(VERIFIED, self._files))
        watch = Watch(ledger, Lines(len(planned), quiet=quiet, auditing=auditing), self._show, self._save)
        with self._interruptions:
            try:
                results = work(replace(options, listener=watch, verified=verified))
            except BaseException:
                self._save()
                raise
        for result in results:
            ledger.note(result)
        added = files.added(results)
        whole = all(result.ok for result in results)
        self._push(ledger.packed(), last=True, added=asdict(added) if added is not None else {}, whole=whole)
        return results

    def _note_unreported(self, files: ShardFiles) -> None:
        """As the first of these tries found it: a later one sees what the earlier ones have downloaded."""
        kept = self._state.kept(UNREPORTED, self._tries)
        found = find_unreported(files.planned, files.run_target) if not kept else Unreported(*map(int, kept.split()))
        self._unreported = found
        if not kept:
            self._state.keep(UNREPORTED, f"{found.files} {found.partial} {found.bytes}", self._tries)
        if found.files:  # the report is to say so whatever becomes of this try, which may wait long for its source
            self._push(self._state.kept(RESULTS, self._tries))
        if found.files and not kept:
            log.warning("No report lists %s", found)

    def _asked(self, files: ShardFiles) -> Source | None:
        """What an audit may ask about files that the plan does not prove; None where nothing need, or can, be asked."""
        if proves_all(files.planned):
            return None
        try:
            return files.connect()
        except (DownloadError, Refusal) as error:
            log.warning("The source is not asked, and files are compared with what is planned: %s", error)
            return None

    def _prepared(self, files: ShardFiles) -> Source:
        """The source, with the destination made below its location."""
        try:
            source = files.connect()
            make_below(files.run_target.location, files.run_target.folder)
        except DownloadError as error:
            self.refuse(error)
        except Refusal as error:
            what, _, advice = str(error).partition("; ")
            self.refuse(Misconfigured(what, advice))
        except OSError as error:
            self.refuse(from_os_error(error, str(files.run_target.folder)))
        return source

    def _show(self, figures: Mapping[str, Any]) -> None:
        self._state.show(PROGRESS, figures)
        self._keep_verified()

    def _save(self) -> None:
        """What must outlive a task that is killed."""
        self._keep_verified()
        if self._ledger is not None:
            self._push(self._ledger.packed())

    def _keep_verified(self) -> None:
        if self._verified is not None and self._verified.changed:
            self._state.keep(VERIFIED, self._verified.text(), self._files)

    def _push(
        self,
        packed: str,
        note: str = "",
        *,
        last: bool = False,
        added: dict[str, Any] | None = None,
        whole: bool = False,
    ) -> None:
        """`note`: why every file failed that has no result of its own."""
        shard = self._shard
        self._state.keep(RESULTS, packed, self._tries)
        results = ShardResults(
            shard.plan,
            shard.number,
            shard.fingerprint,
            packed,
            note,
            self._began,
            time.time(),
            added or {},
            asdict(self._unreported),
            self._cleared,
            whole,
        )
        self._state.push_results(results, last=last)


def conclude(results: Sequence[FileResult], context: Mapping[str, Any]) -> None:
    """Raises `failure` where files failed: retryable where another try may help."""
    failures = [result for result in results if not result.ok]
    if not failures:
        return
    ti = context["ti"]
    full = any(result.message.startswith(f"{DiskFull.kind}:") for result in failures)
    if ti.try_number <= ti.max_tries and not full and any(result.retryable for result in failures):
        raise failure(failed_files(results, before="To be tried again: "), retryable=True)
    raise failure(failed_files(results))
