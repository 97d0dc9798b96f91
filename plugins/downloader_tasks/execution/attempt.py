"""One try of one mapped task `download`, whatever it brings home, and what leaves it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NoReturn

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from downloader.errors import DiskFull, DownloadError, Misconfigured, from_os_error
from downloader.remote_file import Planned
from downloader.results import FileResult
from downloader.source import Source
from downloader.transfer import TransferOptions, restore

from ..failures import Refusal
from ..folders import make_below
from ..wording import counted, one_line
from .interruptions import Interruptions
from .ledger import Ledger
from .progress import Lines, Watch
from .task_state import RESULTS, TaskState
from .verified_files import TaskVerifiedFiles

__all__ = ["Attempt", "conclude"]

_PROGRESS: Final = "progress"
_VERIFIED: Final = "verified"


class Attempt:
    """One try of one shard."""

    def __init__(
        self, key: Mapping[str, Any], fingerprint: str, context: Mapping[str, Any], *, quiet: bool = False
    ) -> None:
        """`key`: by what the report knows the shard. `fingerprint`: stands for the files that are planned in it.

        `quiet`: the log names failures alone.
        """
        self._key = key
        self._quiet = quiet
        self._began = time.time()
        self._interruptions = Interruptions(self._save)
        self._outbox = TaskState(context, fingerprint, self._interruptions)
        self._ledger: Ledger | None = None
        self._remembered: TaskVerifiedFiles | None = None

    def refuse(self, error: DownloadError) -> NoReturn:
        """Every file of the shard fails, for the same reason. Raises it."""
        self._hand_over("", str(error), last=True)
        raise error

    def tell_plan(self, plan: Mapping[str, Any]) -> None:
        """Hands over what is planned, where the report could not plan the very same again."""
        self._outbox.tell_plan({**self._key, **plan})

    def prepared(self, connect: Callable[[], Source], destination: Path, location: Path) -> Source:
        """The source, with the destination made, below its location. Raises DownloadError."""
        try:
            source = connect()
            make_below(location, destination)
        except DownloadError as error:
            self.refuse(error)
        except Refusal as error:
            what, _, advice = str(error).partition("; ")
            self.refuse(Misconfigured(what, advice))
        except OSError as error:
            self.refuse(from_os_error(error, str(destination)))
        return source

    def restore(
        self,
        planned: Sequence[Planned],
        source: Source,
        destination: Path,
        options: TransferOptions,
        found: Callable[[Sequence[FileResult]], Mapping[str, Any]] | None = None,
    ) -> list[FileResult]:
        """What became of each file. What is known so far is handed over, should it be interrupted.

        `found` answers what else the report is to know, in terms of JSON.
        """
        ledger = self._ledger = Ledger(planned, self._outbox.kept(RESULTS))
        remembered = self._remembered = TaskVerifiedFiles(planned, self._outbox.kept(_VERIFIED))
        watch = Watch(ledger, Lines(len(planned), quiet=self._quiet), self._show, self._save)
        with self._interruptions:
            try:
                results = restore(planned, source, destination, replace(options, listener=watch, verified=remembered))
            except BaseException:
                self._save()
                raise
        for result in results:
            ledger.note(result)
        # A shard that came home whole has no next try; one that a person starts anew begins with a clean sheet.
        self._outbox.keep(RESULTS, "" if all(result.ok for result in results) else ledger.packed())
        self._hand_over(ledger.packed(), last=True, **(found(results) if found else {}))
        return results

    def _show(self, figures: Mapping[str, Any]) -> None:
        self._outbox.show(_PROGRESS, figures)
        if self._remembered is not None and self._remembered.changed:
            self._outbox.keep(_VERIFIED, self._remembered.text())

    def _save(self) -> None:
        """What must outlive a task that is killed."""
        if self._remembered is not None and self._remembered.changed:
            self._outbox.keep(_VERIFIED, self._remembered.text())
        if self._ledger is not None:
            packed = self._ledger.packed()
            self._outbox.keep(RESULTS, packed)
            self._hand_over(packed)

    def _hand_over(self, packed: str, note: str = "", *, last: bool = False, **found: Any) -> None:
        """`note`: why every file failed that has no result of its own."""
        value = {
            **self._key,
            "results": packed,
            "note": note,
            "began": self._began,
            "ended": time.time(),
            **found,
        }
        self._outbox.hand_over(value, last=last)


def conclude(results: Sequence[FileResult], context: Mapping[str, Any]) -> None:
    """Raises where files failed: AirflowException where another try may help, AirflowFailException where none will."""
    failures = [result for result in results if not result.ok]
    if not failures:
        return
    first, ti = failures[0], context["ti"]
    sentence = (
        f"{len(failures):,} of {counted(len(results))} failed, the first of them {one_line(first.name)}: "
        f"{one_line(first.message)}"
    )
    if ti.try_number <= ti.max_tries and _may_pass(failures):
        raise AirflowException(f"{sentence} (to be tried again)")
    raise AirflowFailException(sentence)


def _may_pass(failures: Sequence[FileResult]) -> bool:
    """Whether another try makes sense: something may pass by itself, and the disk is not full."""
    full = any(result.message.startswith(f"{DiskFull.kind}:") for result in failures)
    return not full and any(result.retryable for result in failures)
