"""The task `download`: brings one shard home, and hands over what became of each of its files."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from downloader.batch import Means, restore
from downloader.checksums import MIB
from downloader.errors import DiskFull, DownloadError, from_os_error
from downloader.job import Limits
from downloader.remote_file import Planned
from downloader.results import FileResult
from downloader.retry import RetryPolicy

from .configuration import Configuration, Transfer, load
from .connections import catalogue, s3_access
from .failures import told_to_airflow
from .interruptions import Interruptions
from .ledger import Ledger
from .outbox import RESULTS, Outbox
from .parameters import Request
from .progress import Lines, Watch
from .remembered import Remembered
from .restores import Restore, find_restore
from .shards import PlanChanged, Shard
from .wording import counted, one_line

if TYPE_CHECKING:
    from downloader.sources.s3 import S3Source

__all__ = ["download"]

_PROGRESS: Final = "progress"
_VERIFIED: Final = "verified"


def download(shard: dict[str, Any], context: Mapping[str, Any]) -> None:
    """Restores the slice that `shard` describes.

    Hands its results over as the XCom `RESULTS`, while it runs and at the end, whatever the end is. Raises
    AirflowException where another try may bring home what this one could not, AirflowFailException where none will.
    """
    with told_to_airflow():
        wanted = Shard.from_xcom(shard)
        configuration = load()
        request = Request.from_params(context["params"])
        with catalogue(configuration) as records:
            found = find_restore(records, configuration, wanted.raw_file_id, request.patterns)
        ti = context["ti"]
        attempt = _Attempt(wanted, context)
        planned = wanted.cut(found.plan)
        if planned is None:
            attempt.refuse(PlanChanged(f"the record of raw file {wanted.raw_file_id} was changed after the run began"))
        source = attempt.prepared(planned, found, configuration)
        results = attempt.restore(planned, source, found.destination, configuration.transfer)
        _conclude(results, may_try_again=ti.try_number <= ti.max_tries)


class _Attempt:
    """One try of one shard, and what leaves it."""

    def __init__(self, shard: Shard, context: Mapping[str, Any]) -> None:
        self._shard = shard
        self._began = time.time()
        self._interruptions = Interruptions(self._save)
        self._outbox = Outbox(context, shard.fingerprint, self._interruptions)
        self._ledger: Ledger | None = None
        self._remembered: Remembered | None = None

    def refuse(self, error: DownloadError) -> NoReturn:
        """Every file of the shard fails, for the same reason. Raises it."""
        self._hand_over("", str(error), last=True)
        raise error

    def prepared(self, planned: Sequence[Planned], found: Restore, configuration: Configuration) -> S3Source:
        """The source, with the destination made. Raises DownloadError."""
        from downloader.sources.s3 import S3Source

        try:
            source = S3Source(found.upload.bucket, planned, s3_access(configuration))
            # The location itself is never made: where a disk is not mounted any more, its place must not be filled.
            found.destination.mkdir(exist_ok=True)
        except DownloadError as error:
            self.refuse(error)
        except OSError as error:
            self.refuse(from_os_error(error, str(found.destination)))
        return source

    def restore(
        self, planned: Sequence[Planned], source: S3Source, destination: Path, transfer: Transfer
    ) -> list[FileResult]:
        """What became of each file. What is known so far is handed over, should it be interrupted."""
        ledger = self._ledger = Ledger(planned, self._outbox.kept(RESULTS))
        remembered = self._remembered = Remembered(planned, self._outbox.kept(_VERIFIED))
        watch = Watch(ledger, Lines(len(planned)), self._show, self._save)
        means = Means(_limits(transfer), RetryPolicy(transfer.attempts), watch, remembered)
        with self._interruptions:
            try:
                results = restore(planned, source, destination, means)
            except BaseException:
                self._save()
                raise
        for result in results:
            ledger.note(result)
        # A shard that came home whole has no next try; one that a person starts anew begins with a clean sheet.
        self._outbox.keep(RESULTS, "" if all(result.ok for result in results) else ledger.packed())
        self._hand_over(ledger.packed(), last=True)
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

    def _hand_over(self, packed: str, note: str = "", *, last: bool = False) -> None:
        """`note`: why every file failed that has no result of its own."""
        value = {
            "raw_file_id": self._shard.raw_file_id,
            "start": self._shard.start,
            "results": packed,
            "note": note,
            "began": self._began,
            "ended": time.time(),
        }
        self._outbox.hand_over(value, last=last)


def _limits(transfer: Transfer) -> Limits:
    return Limits(
        threads=transfer.threads,
        range_size=transfer.range_size_mib * MIB,
        read_ahead=transfer.read_ahead,
        small_file=transfer.small_file_mib * MIB,
        lock_wait=transfer.lock_wait_seconds,
    )


def _conclude(results: Sequence[FileResult], *, may_try_again: bool) -> None:
    failures = [result for result in results if not result.ok]
    if not failures:
        return
    first = failures[0]
    sentence = (
        f"{len(failures):,} of {counted(len(results))} failed, the first of them {one_line(first.name)}: "
        f"{one_line(first.message)}"
    )
    if may_try_again and _may_pass(failures):
        raise AirflowException(f"{sentence} (to be tried again)")
    raise AirflowFailException(sentence)


def _may_pass(failures: Sequence[FileResult]) -> bool:
    """Whether another try makes sense: something may pass by itself, and the disk is not full."""
    full = any(result.message.startswith(f"{DiskFull.kind}:") for result in failures)
    return not full and any(result.retryable for result in failures)
