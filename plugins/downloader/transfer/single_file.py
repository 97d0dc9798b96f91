"""One file, from inspection to its final name: inspect, decide, download into the part file, verify, commit.

One way, no step back. What is intact is kept. Else the part file is locked, what can be resumed stays in it, it is
filled while the bytes are hashed, compared with the checksum, and only then gets the final name. A wrong copy stays
where it is until then: a damaged old copy is better than none while the network is down. Where the parts of the file
are known, those of the old copy that are right are copied (see `healing`).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from ..checksums import Checksum, is_weak
from ..content import ContentInfo, Tee, at_source
from ..disk import PartFile, Place, WriteBehind, commit, hash_bytes, open_for_reading
from ..errors import (
    BrokenContent,
    ChecksumMismatch,
    DiskUnavailable,
    DownloadError,
    InUse,
    NetworkError,
    ObjectChanged,
    RangeRefused,
    SizeMismatch,
    Truncated,
    as_download_error,
    disk_errors,
)
from ..remote_file import RemoteFile, RemotePart
from ..results import FileResult, Outcome, failed, joined
from ..retry import Clock
from .context import BatchContext
from .decision import Action, Decision, Start, decide
from .healing import Origin, known_parts, old_copy, plan_healing
from .inspection import DescribedFile, Inspection, State, assured, checksum_of, inspect, look
from .part_hashing import hashing
from .progress import FileProgress, Received
from .streaming import Buffer, ReadAhead, steady
from .verification import Verdict, first_to_try, is_provable, judge

__all__ = ["SingleFile", "kept"]

log = logging.getLogger(__name__)

_SAMPLE = 64 * 1024
"""Bytes compared before a short copy is taken for a true beginning. The checksum at the end has the last word."""
_CHANGING = "look at the file at its source; if it is right there, run it again"
_CHANGES = 3
"""Versions of an object that is replaced again and again that are tried."""
_DISK_TRIES = 3
"""Times that a disk which does not answer is asked. Each begins where the part file ends."""
_DISK_WAIT = 1.0
"""Seconds before it is asked again, and twice that the next time."""


class _PartFileLostError(Exception):
    """Another run has taken the part file over, or removed it because the file is complete. Its cause is `InUse`."""


def kept(file: RemoteFile, found: Inspection, seconds: float = 0.0) -> FileResult:
    """The result of a file that was there and intact."""
    return FileResult(
        str(file.path),
        Outcome.SKIPPED,
        found.size,
        seconds=seconds,
        assurance=found.assurance,
        message=found.remark,
        resources=found.content_info.resources,
    )


def _advice(wrong: Verdict) -> str | None:
    if not wrong.remark:
        return None
    return (
        f"the file at its source is damaged or was replaced, or {wrong.remark}: compare it with another copy; if it is "
        "right, store it there again with a further checksum (such as SHA-256), which decides"
    )


class SingleFile:
    """The transfer of one file of a batch. `run` may be called once."""

    def __init__(self, file: RemoteFile, batch: BatchContext, tries: int = 2) -> None:
        """`tries`: how often the file may be downloaded from the start; 1 for one that came wrong once before."""
        self._known = DescribedFile(file, batch)
        self._batch = batch
        self._tries = tries
        self._ranges = batch.source.capabilities.ranges
        self._parts: tuple[RemotePart, ...] | None = None
        """Of the remote file; None: not asked for."""
        self._breaks = 0
        self._is_whole = False
        """Whether as many bytes came as were announced."""
        self._refused = ""
        """The checksum of bytes that came whole, and were not a whole file of their kind."""
        self._fetched = 0
        self._received = Received(batch.counters)
        self._is_receiving = False
        self._began = batch.clock.now()

    def run(self) -> FileResult:
        """What became of the file. Never raises an Exception: a failure is a result."""
        try:
            return self._run()
        except Exception as error:  # noqa: BLE001 one bad file never stops the others
            problem = as_download_error(error, str(self._file.path))
        if problem.stops_batch:
            self._batch.halt.set(problem.what)
        return failed(str(self._file.path), problem, fetched=self._fetched, seconds=self._seconds)

    @property
    def _file(self) -> RemoteFile:
        return self._known.file

    @property
    def _seconds(self) -> float:
        return self._batch.clock.now() - self._began

    def _progress(self, part: PartFile) -> FileProgress:
        received = self._received
        done = received.done if self._is_receiving else part.size
        return FileProgress(str(self._file.path), done, self._file.size, received.fetched)

    def _run(self) -> FileResult:
        place = self._batch.destination.place(self._file.path)
        changes = disk_failures = 0
        while True:
            try:
                found = inspect(self._known, place, self._batch)
                if decide(found, self._file).action is Action.KEEP:
                    return kept(self._file, found, self._seconds)
                return self._download(place, found)
            except ObjectChanged:
                changes += 1
                if changes == _CHANGES:
                    raise
                self._known.forget()
                self._parts = None
            except (DiskUnavailable, _PartFileLostError) as error:
                disk_failures += 1
                if disk_failures == _DISK_TRIES:
                    lost = error.__cause__ if isinstance(error, _PartFileLostError) else None
                    raise lost or error from None
                self._batch.retry.pause(disk_failures * _DISK_WAIT)

    def _download(self, place: Place, found: Inspection) -> FileResult:
        self._known.describe()
        file, batch, name = self._file, self._batch, str(self._file.path)
        lock_clock = Clock(batch.clock.now, batch.retry.pause)  # its sleep ends with the batch
        part = PartFile.acquire(batch.destination, place, file.identity, lock_clock, batch.options.limits.lock_wait)
        with part:
            if part.waited or not _is_same(look(place), found.seen):
                found = inspect(self._known, place, batch)
                if decide(found, file).action is Action.KEEP:
                    return kept(self._file, found, self._seconds)
            try:
                with batch.counters.following(name, lambda: self._progress(part)):
                    return self._fill(part, place, found)
            except ObjectChanged:
                part.truncate()
                raise

    def _fill(self, part: PartFile, place: Place, found: Inspection) -> FileResult:
        decision = self._start(part, place, found)
        verdict, tries = Verdict(False), self._tries
        came_wrong, may_heal = False, True
        while tries:
            resumed = True
            try:
                if may_heal and (came_wrong or decision.action is Action.HEAL):
                    may_heal = False
                    healed = self._heal(part, place, found)
                    if came_wrong and not healed:
                        part.truncate()
                resumed = part.size > 0
                if not resumed or (came_wrong and found.state is State.PARTIAL):
                    decision = decide(found, self._file, resumable=False)
                verdict, content_info = self._fetch(part)
            except (RangeRefused, SizeMismatch, Truncated, BrokenContent) as error:
                came = self._sha256(part) if isinstance(error, Truncated) and self._is_whole else ""
                part.truncate()
                self._wait_to_start_over(error, came, resumed=resumed)
                continue
            # What an earlier run left is proven by its checksum, or downloaded anew.
            if verdict.good and not (resumed and not verdict.is_proven and is_provable(self._file)):
                return self._commit(part, decision, verdict, content_info)
            tries -= 0 if resumed else 1
            came_wrong = True
            if not (may_heal and tries):
                part.truncate()
        raise ChecksumMismatch(f"{self._file.path} came wrong twice: {verdict.found}", _advice(verdict))

    def _start(self, part: PartFile, place: Place, found: Inspection) -> Decision:
        """Decides, and leaves in the part file what is resumed: nothing that does not look like a true beginning."""
        decision = self._decide(part, found)
        if decision.start is Start.COPY:
            if self._adopt(part, place, found.size):
                return decision
            found = replace(found, size=0)
            decision = self._decide(part, found)
        if decision.start is Start.PART_FILE and not is_provable(self._file):
            if self._is_beginning(part.descriptor, self._sample(part.size), part.size):
                return decision
            decision = decide(found, self._file, resumable=False)
        if decision.start is Start.BEGINNING:
            part.truncate()
        return decision

    def _decide(self, part: PartFile, found: Inspection) -> Decision:
        resumable = self._ranges and self._batch.options.policy.resume
        return decide(found, self._file, part.size, resumable=resumable)

    def _adopt(self, part: PartFile, place: Place, size: int) -> bool:
        """Copies an incomplete copy into the part file if it looks like a true beginning. The copy itself stays."""
        sample = self._sample(size)
        with disk_errors(str(place.path)):
            descriptor = open_for_reading(place.final)
        try:
            if not self._is_beginning(descriptor, sample, size):
                return False
            part.truncate()
            part.copy(descriptor, range(size), lambda _: self._batch.halt.check())
            return True
        finally:
            os.close(descriptor)

    def _heal(self, part: PartFile, place: Place, found: Inspection) -> bool:
        """Fills the part file with the parts that are right, there or in the old copy, and fetches the others.

        False, and nothing is changed, where that cannot be: no parts are known, or none is right.
        """
        if not (self._ranges and self._batch.options.policy.resume and is_provable(self._file)):
            return False
        if self._parts is None:
            self._parts = known_parts(self._file, self._batch)
        with old_copy(place, found) as copy:
            plan = plan_healing(self._parts, part, copy, self._batch.halt.check)
            if plan.helps:
                log.info("%s: %d of its %d parts are wrong, and fetched", self._file.path, plan.wrong, plan.parts)
                with self._receiving(plan.there):
                    for step in plan.steps:
                        if step.origin is Origin.SOURCE:
                            self._write(part, step.span.start, step.span.stop, Tee(None, None))
                        elif step.origin is Origin.COPY and copy is not None:
                            part.copy(copy, step.span, self._note_copied)
        return plan.helps

    def _note_copied(self, count: int) -> None:
        self._received.note_there(count)
        self._batch.halt.check()

    def _sample(self, size: int) -> bytes | None:
        """Downloads the last of the first `size` bytes; None where the source does not give them out."""
        try:
            with closing(
                steady(self._batch.source, self._file, self._batch.retry, max(0, size - _SAMPLE), size)
            ) as stream:
                sample = b"".join(stream)
        except (RangeRefused, SizeMismatch) as error:
            self._ranges = self._ranges and not isinstance(error, RangeRefused)
            return None
        self._fetched += len(sample)
        self._batch.counters.add(len(sample))
        return sample

    def _is_beginning(self, descriptor: int, sample: bytes | None, size: int) -> bool:
        """Whether the first `size` bytes of a local file end with the `sample` of the remote one."""
        start = max(0, size - _SAMPLE)
        with disk_errors(str(self._file.path)):
            return sample is not None and os.pread(descriptor, size - start, start) == sample

    def _wait_to_start_over(self, error: DownloadError, came: str, *, resumed: bool) -> None:
        """Returns once the file may be read from its start after `error`. Raises an error if it may not.

        `came`: the checksum of bytes that came whole, as `_refused`. If they come twice, the file is like that at its
        source.
        """
        if isinstance(error, RangeRefused) and not self._ranges:
            self._breaks += 1
            broken = NetworkError(f"the stream of {self._file.path} broke, and its source cannot go on where it ended")
            self._batch.retry.wait(self._breaks, broken)
        elif isinstance(error, Truncated) or (isinstance(error, SizeMismatch) and self._file.size is None):
            # Where no size was expected none is wrong: the stream broke behind its last byte, or the file has changed.
            self._breaks += 1
            if came and came == self._refused:
                raise at_source(error)
            self._refused = came
            self._batch.retry.wait(self._breaks, BrokenContent(error.what, _CHANGING) if came else error)
        elif isinstance(error, RangeRefused):
            self._ranges = False
        elif not resumed:
            raise error

    def _fetch(self, part: PartFile) -> tuple[Verdict, ContentInfo]:
        """Fills the part file to its end, compares it with the checksums, and tells what it contains.

        Raises what the look at the content raises, for bytes that are the source's as far as that is known.
        """
        expected, check = self._file.size, self._batch.halt.check
        form = first_to_try(self._file, expected) if expected is not None else None
        with hashing(form, expected or 0, self._batch.unhashed) as hasher:
            tee = Tee(hasher, self._batch.options.policy.content.begin(self._file))
            if part.size and not tee.is_idle:
                with disk_errors(str(self._file.path)):
                    hash_bytes(part.descriptor, part.size, tee, check)
            with self._receiving(part.size):
                self._write(part, part.size, None, tee)
            computed = tee.value()

        def value_of(wanted: Checksum) -> str:
            if wanted == form:
                return computed
            with disk_errors(str(self._file.path)):
                return checksum_of(part.descriptor, part.size, wanted, check)

        verdict = judge(self._file, part.size, value_of)
        return verdict, tee.conclude(whole=self._is_whole) if verdict.good else ContentInfo()

    def _sha256(self, part: PartFile) -> str:
        return checksum_of(part.descriptor, part.size, Checksum("sha256", ""), self._batch.halt.check)

    @contextmanager
    def _receiving(self, done: int) -> Iterator[None]:
        """Within, bytes are counted as they come, and as they are copied. `done`: bytes that are there."""
        # Made anew: threads that still fetch for a stream that broke count what nobody waits for.
        self._received = Received(self._batch.counters, done, self._received.fetched)
        self._is_receiving = True
        try:
            yield
        finally:
            self._is_receiving = False

    def _write(self, part: PartFile, start: int, stop: int | None, tee: Tee) -> None:
        """Fetches the bytes `start` to `stop` (None: the end), into their place in the part file."""
        with WriteBehind(part, start) as writer, closing(self._stream(start, stop)) as stream:
            for buffer in stream:
                writer.write(buffer)
                tee.update(buffer)
                self._fetched += len(buffer)

    def _stream(self, start: int, stop: int | None) -> Generator[Buffer]:
        batch, file, step = self._batch, self._file, self._batch.options.limits.range_size
        received = self._received.add
        end = file.size if stop is None else stop
        self._is_whole = file.size is not None
        if start and start == end:
            return
        unmixed = (file.etag is not None and not is_weak(file.etag)) or is_provable(file)
        depth = min(batch.options.limits.read_ahead, batch.source.capabilities.parallel_ranges)
        if self._ranges and unmixed and end is not None and depth > 1 and end - start > step:
            ahead = ReadAhead(batch.source, file, batch.retry, batch.ranges, depth, batch.memory)
            yield from ahead.run(start, end, step, received)
        else:
            taken = batch.memory.take(step if end is None else min(step, end - start))
            try:
                self._is_whole = (yield from steady(batch.source, file, batch.retry, start, stop, received)) is not None
            finally:
                batch.memory.give_back(taken)

    def _commit(self, part: PartFile, decision: Decision, verdict: Verdict, content_info: ContentInfo) -> FileResult:
        size = part.size
        part.set_time(self._file.modified)
        for error in commit([part]).values():
            if isinstance(error, InUse):
                raise _PartFileLostError from error
            raise error
        self._batch.note_verified(self._known.planned, verdict.assurance, part.seen)
        return FileResult(
            str(self._file.path),
            decision.outcome,
            size,
            self._fetched,
            self._seconds,
            assured(verdict.assurance, content_info),
            joined(decision.reason if decision.action is Action.HEAL else "", verdict.remark, content_info.remark),
            resources=content_info.resources,
        )


def _is_same(one: os.stat_result | None, other: os.stat_result | None) -> bool:
    """Whether a name stood for the same file at two looks, and it was not written to in between."""
    if one is None or other is None:
        return one is other
    return (one.st_ino, one.st_size, one.st_ctime_ns) == (other.st_ino, other.st_size, other.st_ctime_ns)
