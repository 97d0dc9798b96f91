"""One batch: every planned file gets a result, and one bad file never stops the others."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue

from ..disk import Destination, StalePartFiles
from ..errors import NotTried
from ..remote_file import Planned, Refused, RemoteFile
from ..results import FileResult, failed
from ..source import Source
from .concurrency import MemoryBudget
from .context import BatchContext
from .limited import limited
from .options import TransferOptions
from .progress import Progress
from .single_file import SingleFile
from .small_files import SmallFiles

__all__ = ["restore"]

_TICK = 0.5
"""Seconds between two looks at the progress while no file ends."""


def restore(
    planned: Sequence[Planned], source: Source, destination: Path, options: TransferOptions | None = None
) -> list[FileResult]:
    """Downloads the planned files to `destination`, which must exist. One result a file, in the order of the plan.

    Never raises for a file. Whatever interrupts the calling thread (a task that is killed) stops the batch: threads end
    at their next buffer, part files stay to be resumed.
    """
    source, options = limited(source, options or TransferOptions())
    with ThreadPoolExecutor(min(options.limits.threads, source.capabilities.connections), "range") as ranges:
        budget = MemoryBudget(options.limits.memory)
        return _Batch(planned, BatchContext(source, Destination(destination), options, ranges, budget)).run()


class _Batch:
    def __init__(self, planned: Sequence[Planned], context: BatchContext) -> None:
        self._planned = planned
        self._context = context
        self._answers: SimpleQueue[list[FileResult] | None] = SimpleQueue()
        self._paths = {str(item.path): item.path for item in planned if isinstance(item, RemoteFile)}
        self._stale = StalePartFiles(context.destination, self._paths.values())
        self._total = sum(item.size or 0 for item in planned)

    def run(self) -> list[FileResult]:
        lanes = threading.Thread(target=self._run_lanes, name="lanes", daemon=True)
        lanes.start()
        try:
            results = self._collect()
        except BaseException as interruption:
            self._context.halt.set(f"the task was interrupted ({type(interruption).__name__})")
            raise
        finally:
            lanes.join()
        return [_result_of(item, results) for item in self._planned]

    def _collect(self) -> dict[str, FileResult]:
        results: dict[str, FileResult] = {}
        listener = self._context.options.listener
        while len(results) < len(self._planned):
            try:
                answer = self._answers.get(timeout=_TICK)
            except Empty:
                listener.on_progress(self._progress(len(results)))
                continue
            if answer is None:
                break
            now = self._progress(len(results))
            for result in answer:
                results[result.name] = result
                if result.ok:
                    self._stale.sweep(self._paths[result.name])
                progress = Progress(len(results), now.files, now.fetched, now.total, now.under_way)
                listener.on_result(result, progress)
        listener.on_progress(self._progress(len(results)))
        return results

    def _progress(self, done: int) -> Progress:
        counters = self._context.counters
        return Progress(done, len(self._planned), counters.fetched, self._total, counters.under_way())

    def _run_lanes(self) -> None:
        """Small files and large ones side by side; then the small ones that need the careful way."""
        try:
            self._answers.put([failed(item.name, item.error) for item in self._planned if isinstance(item, Refused)])
            small, large = self._sorted()
            careful: list[tuple[RemoteFile, int]] = []
            streams = threading.Thread(target=self._run_large, args=([(file, 2) for file in large],), daemon=True)
            streams.start()
            if small:
                lane = SmallFiles(
                    self._context, self._stale, self._answers.put, lambda file, tries: careful.append((file, tries))
                )
                lane.run(small, min(self._context.options.limits.threads, len(small), self._connections))
            streams.join()
            self._run_large(careful)
        finally:
            self._answers.put(None)

    def _sorted(self) -> tuple[list[RemoteFile], list[RemoteFile]]:
        """The files of the small lane, and the others, the largest first."""
        most = self._context.options.limits.most_small(self._connections)
        small: list[RemoteFile] = []
        large: list[RemoteFile] = []
        for item in self._planned:
            if isinstance(item, RemoteFile):
                (small if item.size is not None and item.size <= most else large).append(item)
        return small, sorted(large, key=lambda file: file.size or 0, reverse=True)

    @property
    def _connections(self) -> int:
        return self._context.source.capabilities.connections

    def _run_large(self, files: Iterable[tuple[RemoteFile, int]]) -> None:
        workers = min(self._context.options.limits.large_threads, self._connections)
        with ThreadPoolExecutor(workers, "transfer") as pool:
            for _ in pool.map(self._run_one, files):
                pass

    def _run_one(self, item: tuple[RemoteFile, int]) -> None:
        (file, tries), halt = item, self._context.halt
        if halt.is_set():
            self._answers.put([failed(str(file.path), NotTried(f"the batch was stopped: {halt.reason}"))])
        else:
            self._answers.put([SingleFile(file, self._context, tries).run()])


def _result_of(item: Planned, results: dict[str, FileResult]) -> FileResult:
    if isinstance(item, Refused):
        return failed(item.name, item.error)  # not by its name: a file that was downloaded may have it too
    found = results.get(str(item.path))
    # No result: a thread of ours died. Never expected; never silent.
    return found or failed(str(item.path), NotTried("a thread of this program died before it came to this file"))
