"""The story of one batch: every planned file is answered for, one bad file never stops the others."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol

from ..disk import Destination, StalePartFiles
from ..errors import NotTried
from ..remote_file import Planned, Refused, RemoteFile
from ..results import FileResult, failed
from ..retry import RetryPolicy
from ..source import Source
from .job import Budget, Counters, Job, NoVerifiedFiles, TransferLimits, TransferPolicy, UnderWay, VerifiedFileCache
from .single_file import SingleFile
from .small_files import SmallFiles

__all__ = ["Listener", "Progress", "TransferLimits", "TransferOptions", "TransferPolicy", "restore"]

_TICK = 0.5
"""Seconds between two looks at the progress while no file ends."""
_FEW_CONNECTIONS = 16
"""A source that bears no more streams than this gets one lane for all its files."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is. `fetched`: bytes over the network so far. `total`: bytes planned, where sizes are known."""

    files_done: int
    files: int
    fetched: int
    total: int
    under_way: tuple[UnderWay, ...] = ()


class Listener(Protocol):
    """Is told what happens, in one thread, off the hot path."""

    def on_result(self, result: FileResult, progress: Progress) -> None:
        """One file has been answered for."""

    def on_progress(self, progress: Progress) -> None:
        """About twice a second."""


class _Silent:
    def on_result(self, result: FileResult, progress: Progress) -> None: ...

    def on_progress(self, progress: Progress) -> None: ...


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """How a batch is run."""

    limits: TransferLimits = field(default_factory=TransferLimits)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    listener: Listener = field(default_factory=_Silent)
    verified: VerifiedFileCache = field(default_factory=NoVerifiedFiles)
    policy: TransferPolicy = field(default_factory=TransferPolicy)


def restore(
    planned: Sequence[Planned], source: Source, destination: Path, options: TransferOptions | None = None
) -> list[FileResult]:
    """Brings the planned files home; answers one result a file, in the order of the plan.

    `destination` must exist. Never raises for a file. Whatever interrupts the calling thread (a task that is killed)
    stops the batch: threads end at their next buffer, part files stay to be resumed.
    """
    options = options or TransferOptions()
    with ThreadPoolExecutor(min(options.limits.threads, source.capabilities.connections), "range") as ranges:
        job = Job(
            source,
            Destination(destination),
            options.limits,
            options.retry,
            ranges,
            Budget(options.limits.memory),
            options.verified,
            Counters(),
            options.policy,
        )
        return _Batch(planned, job, options.listener).run()


class _Batch:
    def __init__(self, planned: Sequence[Planned], job: Job, listener: Listener) -> None:
        self._planned = planned
        self._job = job
        self._listener = listener
        self._answers: SimpleQueue[list[FileResult] | None] = SimpleQueue()
        self._paths = {str(item.path): item.path for item in planned if isinstance(item, RemoteFile)}
        self._leftovers = StalePartFiles(job.destination, self._paths.values())
        self._total = sum(item.size or 0 for item in planned)

    def run(self) -> list[FileResult]:
        lanes = threading.Thread(target=self._run_lanes, name="lanes", daemon=True)
        lanes.start()
        try:
            results = self._collect()
        except BaseException as interruption:
            self._job.halt.set(f"the task was interrupted ({type(interruption).__name__})")
            raise
        finally:
            lanes.join()
        return [_answer(item, results) for item in self._planned]

    def _collect(self) -> dict[str, FileResult]:
        results: dict[str, FileResult] = {}
        while len(results) < len(self._planned):
            try:
                answer = self._answers.get(timeout=_TICK)
            except Empty:
                self._listener.on_progress(self._progress(len(results)))
                continue
            if answer is None:
                break
            for result in answer:
                results[result.name] = result
                if result.ok:
                    self._leftovers.sweep(self._paths[result.name])
                self._listener.on_result(result, self._progress(len(results)))
        self._listener.on_progress(self._progress(len(results)))
        return results

    def _progress(self, done: int) -> Progress:
        return Progress(done, len(self._planned), self._job.tally.fetched, self._total, self._job.tally.under_way())

    def _run_lanes(self) -> None:
        try:
            self._answers.put([failed(item.name, item.error) for item in self._planned if isinstance(item, Refused)])
            self._run_files([item for item in self._planned if isinstance(item, RemoteFile)])
        finally:
            self._answers.put(None)

    def _run_files(self, files: list[RemoteFile]) -> None:
        small = [file for file in files if self._is_small(file)]
        large = [file for file in files if not self._is_small(file)]
        large.sort(key=lambda file: file.size or 0, reverse=True)
        careful: list[tuple[RemoteFile, int]] = []
        streams = threading.Thread(target=self._run_large, args=([(file, 2) for file in large],), daemon=True)
        streams.start()
        if small:
            lane = SmallFiles(self._job, self._answers.put, lambda file, tries: careful.append((file, tries)))
            lane.run(iter(small), min(self._job.limits.threads, len(small), self._connections))
        streams.join()
        self._run_large(careful)

    def _is_small(self, file: RemoteFile) -> bool:
        if self._connections <= _FEW_CONNECTIONS:
            return False
        return file.size is not None and file.size <= self._job.limits.small_file

    @property
    def _connections(self) -> int:
        return self._job.source.capabilities.connections

    def _run_large(self, files: Iterable[tuple[RemoteFile, int]]) -> None:
        workers = min(self._job.limits.large_threads, self._connections)
        with ThreadPoolExecutor(workers, "transfer") as pool:
            for _ in pool.map(self._run_one, files):
                pass

    def _run_one(self, item: tuple[RemoteFile, int]) -> None:
        file, tries = item
        if self._job.halt.is_set():
            error = NotTried(f"the batch was stopped: {self._job.halt.reason}")
            self._answers.put([failed(str(file.path), error)])
        else:
            self._answers.put([SingleFile(file, self._job, tries).run()])


def _answer(item: Planned, results: dict[str, FileResult]) -> FileResult:
    if isinstance(item, Refused):
        return failed(item.name, item.error)  # not by its name: a file that came home may bear it too
    return results.get(str(item.path)) or _lost(item)


def _lost(file: RemoteFile) -> FileResult:
    """A file that no lane answered for: a thread of ours died. Never expected; never silent."""
    return failed(str(file.path), NotTried("a thread of this program died before it came to this file"))
