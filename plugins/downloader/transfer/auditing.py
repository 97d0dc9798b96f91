"""The audit of a batch: what is on the disk is read and compared with the plan. Nothing is downloaded or written.

Files are inspected as before a download, side by side on all processors, and no lock is taken: a run that downloads
the same files at the same time is not disturbed. The source is asked alone where the plan does not prove a file: where
it has no size or no checksum, or one whose part sizes are unknown. A source that cannot tell more is no failure of the
file, which is then compared with what the plan has, and its line says with what.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from ..checksums import MIB, PROCESSORS
from ..disk import Destination, Place, part_size
from ..errors import (
    AlteredCopy,
    DownloadError,
    IncompleteCopy,
    Misconfigured,
    MissingCopy,
    NotTried,
    ObjectChanged,
    as_download_error,
)
from ..planning import local_name
from ..remote_file import Planned, Refused, RemoteFile
from ..results import UNVERIFIED, FileResult, Outcome, failed, joined
from ..retry import RetryPolicy
from ..source import ByteStream, Capabilities, Source
from .concurrency import MemoryBudget
from .context import BatchContext
from .inspection import DescribedFile, Inspection, State, inspect, look
from .options import TransferOptions
from .progress import FileProgress, Progress, Received
from .verification import first_to_try

__all__ = ["audit", "proves_all"]

_TICK: Final = 0.5
"""Seconds between two looks at the progress while no file ends."""
_SHOWN: Final = 16 * MIB
"""Bytes from which on a file is shown while it is read."""
_LOOKS: Final = 3
"""Looks at a file that another run replaces again and again."""

log = logging.getLogger(__name__)


def audit(
    planned: Sequence[Planned], source: Source | None, destination: Path, options: TransferOptions | None = None
) -> list[FileResult]:
    """Compares what is at `destination`, which need not exist, with the planned files. One result a file, in order.

    `source`: what may be asked about files that the plan does not prove; None where that cannot be. Of `options` the
    threads, the retries, the content, the cache of verified files and the listener count. What is read counts as
    fetched in `Progress`, and in no result. Never raises for a file. Whatever interrupts the calling thread stops it.
    """
    return _Audit(planned, source, destination, options or TransferOptions()).run()


def proves_all(planned: Iterable[Planned]) -> bool:
    """Whether no source need be asked about any of these files: each has a size, and a checksum that decides."""
    return all(_is_proved(item) for item in planned if isinstance(item, RemoteFile))


def _is_proved(file: RemoteFile) -> bool:
    form = first_to_try(file, file.size) if file.size is not None else None
    return form is not None and not form.guessed


class _Describer:
    """A source that is asked about files, and that never refuses: what is planned of a file is an answer as well."""

    capabilities = Capabilities()

    def __init__(self, source: Source | None, retry: RetryPolicy) -> None:
        self._source = source if source is not None and source.capabilities.describes else None
        self._retry = retry
        self._silence: DownloadError | None = None
        """Why no more is asked: the source did not answer, though it was asked again and again."""
        self.refusals: dict[str, DownloadError] = {}
        """By the path of a file, why its source told nothing."""

    def describe(self, file: RemoteFile) -> RemoteFile:
        """As `Source.describe`; `file` itself where the source tells nothing, or contradicts what is planned."""
        source, silence = self._source, self._silence
        if source is None:
            return file
        try:
            if silence is not None:
                raise silence
            return self._retry.call(lambda: source.describe(file))
        except NotTried:
            raise  # the batch was stopped
        except Exception as error:  # noqa: BLE001 a source that cannot be asked is no failure of a file on the disk
            problem = as_download_error(error, str(file.path))
            self.refusals[file.path.text] = problem
            if problem.retryable and silence is None:
                self._silence = problem
                log.warning("The source is not asked any more, and files are compared with the plan: %s", problem)
        return file

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        """Nothing is opened in an audit."""
        raise NotImplementedError


class _Audit:
    def __init__(
        self, planned: Sequence[Planned], source: Source | None, destination: Path, options: TransferOptions
    ) -> None:
        self._planned = planned
        self._options = replace(options, policy=replace(options.policy, overwrite=False))
        self._describer = _Describer(source, options.retry)
        self._destination = Destination(destination)
        self._answers: SimpleQueue[tuple[int, FileResult]] = SimpleQueue()
        self._total = sum(item.size or 0 for item in planned)

    def run(self) -> list[FileResult]:
        workers = max(PROCESSORS, self._options.limits.large_threads)
        # One file in parts is read by as many threads as there are processors.
        with (
            ThreadPoolExecutor(workers, "audit") as whole,
            ThreadPoolExecutor(self._options.limits.large_threads, "audit-parts") as parts,
        ):
            self._batch = BatchContext(self._describer, self._destination, self._options, whole, MemoryBudget(0))
            try:
                largest_first = sorted(enumerate(self._planned), key=lambda each: each[1].size or 0, reverse=True)
                for index, item in largest_first:
                    (parts if _is_in_parts(item) else whole).submit(self._answer, index, item)
                return self._collect()
            except BaseException as interruption:
                self._batch.halt.set(f"the task was interrupted ({type(interruption).__name__})")
                whole.shutdown(cancel_futures=True)
                parts.shutdown(cancel_futures=True)
                raise

    def _collect(self) -> list[FileResult]:
        results: dict[int, FileResult] = {}
        listener = self._options.listener
        while len(results) < len(self._planned):
            try:
                index, result = self._answers.get(timeout=_TICK)
            except Empty:
                listener.on_progress(self._progress(len(results)))
                continue
            results[index] = result
            listener.on_result(result, self._progress(len(results)))
        listener.on_progress(self._progress(len(results)))
        return [results[index] for index in range(len(self._planned))]

    def _progress(self, done: int) -> Progress:
        counters = self._batch.counters
        return Progress(done, len(self._planned), counters.fetched, self._total, counters.under_way())

    def _answer(self, index: int, item: Planned) -> None:
        died = NotTried("a thread of this program died before it came to this file")
        result = failed(local_name(item), died)
        try:
            result = failed(item.name, item.error) if isinstance(item, Refused) else self._audited(item)
        finally:  # also where a client's panic ends this thread
            self._answers.put((index, result))

    def _audited(self, file: RemoteFile) -> FileResult:
        """Never raises an Exception: a failure is a result."""
        clock, name = self._batch.clock, str(file.path)
        began, reading = clock.now(), _Reading(file, self._batch)
        try:
            self._batch.halt.check()
            place = self._destination.place(file.path)
            found = reading.found(place)
            problem = _problem(file, place, found) or self._unproved(name, found)
            if problem is not None:
                raise problem
        except Exception as error:  # noqa: BLE001 one bad file never stops the others
            return failed(name, as_download_error(error, name), seconds=clock.now() - began)
        finally:
            reading.end()
        return FileResult(
            name,
            Outcome.INTACT,
            found.size,
            seconds=clock.now() - began,
            assurance=found.assurance,
            message=joined(found.remark, self._why_not_proven(name, found)),
            resources=found.content_info.resources,
        )

    def _unproved(self, name: str, found: Inspection) -> DownloadError | None:
        """Why a file cannot be judged: there is neither a size nor a checksum to compare it with."""
        if found.assurance != UNVERIFIED:
            return None
        return self._describer.refusals.get(name) or Misconfigured(
            f"neither the size nor a checksum of {name} is known, and its source could not be asked",
            "complete its entry in the catalogue, or see in the task's log why the source was not asked",
        )

    def _why_not_proven(self, name: str, found: Inspection) -> str:
        refusal = None if found.is_proven else self._describer.refusals.get(name)
        return f"its source told no more ({refusal.kind}: {refusal.what})" if refusal else ""


class _Reading:
    """One file while it is read. What is read is counted by the MiB, as the check between two of them is called."""

    def __init__(self, file: RemoteFile, batch: BatchContext) -> None:
        self._file = file
        self._batch = batch
        self._size = file.size or 0
        self._received = Received(batch.counters)
        self._lock = threading.Lock()

    def found(self, place: Place) -> Inspection:
        """What is under the final name. Raises DownloadError."""
        if self._size < _SHOWN:
            return self._inspected(place)
        with self._batch.counters.following(str(self._file.path), self._progress):
            return self._inspected(place)

    def end(self) -> None:
        """Counts the rest: also what need not be read is done now."""
        self._received.add(max(0, self._size - self._received.done))

    def _inspected(self, place: Place) -> Inspection:
        """Looks again where the file was replaced or written to meanwhile: another run may have healed it.

        One that never holds still is neither altered nor intact.
        """
        looks = 0
        while True:
            looks += 1
            found = inspect(DescribedFile(self._file, self._batch), place, self._batch, self._check)
            if not _was_changed(place, found):
                return found
            if looks == _LOOKS:
                problem = f"{self._file.path} was replaced or written to on the disk each time it was read"
                return replace(found, problem=found.problem or ObjectChanged(problem))

    def _progress(self) -> FileProgress:
        done = self._received.done
        return FileProgress(str(self._file.path), done, self._file.size, done)

    def _check(self) -> None:
        self._batch.halt.check()
        with self._lock:  # parts are read side by side
            self._received.add(min(MIB, max(0, self._size - self._received.done)))


def _was_changed(place: Place, found: Inspection) -> bool:
    """Whether what was `found` wrong is there no longer, or was written to since. Raises what `look` raises."""
    if found.problem is not None or found.seen is None or found.state is State.INTACT:
        return isinstance(found.problem, ObjectChanged)
    return _facts(found.seen) != _facts(look(place))


def _facts(seen: os.stat_result | None) -> tuple[int, ...]:
    return (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns) if seen else ()


def _is_in_parts(item: Planned) -> bool:
    form = first_to_try(item, item.size) if isinstance(item, RemoteFile) and item.size is not None else None
    return form is not None and (form.parts or 1) > 1


def _problem(file: RemoteFile, place: Place, found: Inspection) -> DownloadError | None:
    """What is wrong with a file; None if it is intact."""
    name = str(file.path)
    if found.state is State.INTACT:
        return None
    if found.problem is not None:
        return found.problem
    if found.state is State.MISSING:
        part = part_size(place, file.identity)
        begun = f"; {part:,} bytes of it are in a part file" if part else ""
        return MissingCopy(f"{name} is not there{begun}", IncompleteCopy.advice if part else None)
    if found.state is State.PARTIAL:
        return IncompleteCopy(f"{name} has {found.difference}")
    return AlteredCopy(f"{name}: {found.reason}" + (f" ({found.difference})" if found.difference else ""))
