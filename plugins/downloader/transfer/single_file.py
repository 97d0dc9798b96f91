"""One file, from inspection to its final name: inspect, fetch into the part file, verify, commit.

The way is straight. What is intact is kept. Else the part file is locked, resumed where it ends after a second look at
what is there, filled while the bytes are hashed, held against the checksum, and only then given the final name. A wrong
copy stays where it is until then: a damaged old copy is better than none while the network is down.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from ..checksums import Checksum
from ..content import ContentInfo, Tee
from ..disk import PartFile, Place, WriteBehind, commit, hash_bytes, open_for_reading
from ..errors import (
    BrokenContent,
    ChecksumMismatch,
    DownloadError,
    Incomplete,
    NetworkError,
    ObjectChanged,
    RangeRefused,
    SizeMismatch,
    as_download_error,
)
from ..remote_file import RemoteFile
from ..results import UNPROVEN, FileResult, Outcome, failed
from ..retry import Clock
from .inspection import Inspection, State, assured, checksum_of, inspect, look
from .job import Job, UnderWay
from .streaming import Buffer, ReadAhead, steady
from .verification import Verdict, first_to_try, judge

__all__ = ["SingleFile", "kept"]

_SAMPLE = 64 * 1024
"""Bytes compared before a short copy is taken for a true beginning. The checksum at the end has the last word."""
_CHANGES = 3
"""Times that an object may be replaced under our hands before we give up."""


def kept(file: RemoteFile, inspection: Inspection, seconds: float = 0.0) -> FileResult:
    """The result of a file that was there and right."""
    return FileResult(
        str(file.path),
        Outcome.SKIPPED,
        inspection.size,
        seconds=seconds,
        assurance=inspection.assurance,
        resources=inspection.content_info.resources,
    )


class SingleFile:
    """One file of a job. `run` may be called once."""

    def __init__(self, file: RemoteFile, job: Job, tries: int = 2) -> None:
        """`tries`: how often the file may be fetched from the start; 1 for one that has come wrong once before."""
        self._planned = self._file = file
        self._job = job
        self._tries = tries
        self._described = not job.source.capabilities.describes
        self._ranges = job.source.capabilities.ranges
        self._breaks = 0
        self._fetched = 0
        self._seen: os.stat_result | None = None
        """What lay under the final name at the last look."""
        self._began = job.clock.now()

    def run(self) -> FileResult:
        """What became of the file. Never raises an Exception: a failure is a result."""
        try:
            return self._run()
        except Exception as error:  # noqa: BLE001 one bad file never stops the others
            problem = as_download_error(error, str(self._file.path))
        if problem.stops_batch:
            self._job.halt.set(problem.what)
        return failed(str(self._file.path), problem, fetched=self._fetched, seconds=self._seconds)

    @property
    def _seconds(self) -> float:
        return self._job.clock.now() - self._began

    def _run(self) -> FileResult:
        place = self._job.destination.place(self._file.path)
        for change in range(_CHANGES):
            found = self._inspect(place)
            if found.state is State.INTACT:
                return kept(self._file, found, self._seconds)
            try:
                return self._bring(place, found)
            except ObjectChanged:
                if change + 1 == _CHANGES:
                    raise
                self._forget()
        raise AssertionError("unreachable")

    def _forget(self) -> None:
        """Drops what is known of an object that was replaced. Who can describe it will tell of it as it is now."""
        describes = self._job.source.capabilities.describes
        self._described = not describes
        self._file = self._planned if describes else replace(self._planned, etag=None)

    def _inspect(self, place: Place) -> Inspection:
        seen = self._seen = look(place)
        if seen is None:
            return Inspection(State.MISSING)
        content = self._job.policy.content
        # What a content holds is not remembered, so a file is read again where that is asked for.
        if content.begin(self._file) is None and self._job.verified.holds(self._file, seen):
            return Inspection(State.INTACT, seen.st_size, str(self._file.checksums[0]))
        if self._job.policy.overwrite:
            return Inspection(State.MISSING)
        if not self._file.checksums or self._file.size is None:
            self._describe()
        found = inspect(place, self._file, seen, self._job.halt.check, content.begin(self._file))
        if not found.is_proven and self._knows_better(seen.st_size):
            found = inspect(place, self._file, seen, self._job.halt.check, content.begin(self._file))
        if found.state is State.INTACT:
            self._job.note(self._file, found.assurance, seen)
        return found

    def _knows_better(self, size: int) -> bool:
        """Asks the source, and answers whether it has another first checksum than the plan.

        It may know the parts' sizes that a recorded ETag leaves open, or that the ETag is no checksum at all.
        """
        before = first_to_try(self._file, size)
        self._describe()
        return first_to_try(self._file, size) != before

    def _describe(self) -> None:
        if not self._described:
            self._file = self._job.retry.call(lambda: self._job.source.describe(self._file))
            self._described = True

    def _bring(self, place: Place, found: Inspection) -> FileResult:
        self._describe()
        part = PartFile.acquire(
            self._job.destination, place, self._file.identity, self._lock_clock, self._job.limits.lock_wait
        )
        with part:
            if part.waited or not _is_same(look(place), self._seen):
                found = self._inspect(place)
                if found.state is State.INTACT:
                    return kept(self._file, found, self._seconds)
            try:
                with self._job.tally.following(str(self._file.path), lambda: self._under_way(part)):
                    return self._fill(part, place, found)
            except ObjectChanged:
                part.truncate()
                raise

    def _under_way(self, part: PartFile) -> UnderWay:
        return UnderWay(str(self._file.path), part.size, self._file.size)

    @property
    def _lock_clock(self) -> Clock:
        """A clock whose sleep ends with the batch."""
        return Clock(self._job.clock.now, self._job.retry.pause)

    def _fill(self, part: PartFile, place: Place, found: Inspection) -> FileResult:
        self._prepare(part, place, found)
        verdict = Verdict(False)
        tries = self._tries
        while tries:
            resumed = part.size > 0
            try:
                verdict, content_info = self._fetch(part)
            except (RangeRefused, SizeMismatch, Incomplete, BrokenContent) as error:
                part.truncate()
                self._start_over(error, resumed=resumed)
                continue
            if verdict.good and not (resumed and self._is_open(verdict)):
                return self._commit(part, found, (verdict, content_info), resumed=resumed)
            tries -= 0 if resumed else 1
            part.truncate()
        raise ChecksumMismatch(f"{self._file.path} came wrong twice: {verdict.found}")

    def _start_over(self, error: DownloadError, *, resumed: bool) -> None:
        """Returns if the file may be read from its start, for what `error` says. Raises what is to be told if not."""
        if isinstance(error, RangeRefused) and not self._ranges:
            self._breaks += 1
            broken = NetworkError(f"the stream of {self._file.path} broke, and its source cannot go on where it ended")
            self._job.retry.wait(self._breaks, broken)
        elif isinstance(error, Incomplete) or (isinstance(error, SizeMismatch) and self._file.size is None):
            # Where no size was expected none is wrong: the stream broke behind its last byte, or the file has changed.
            self._breaks += 1
            self._job.retry.wait(self._breaks, error)
        elif isinstance(error, RangeRefused):
            self._ranges = False
        elif not resumed:
            raise error

    def _is_open(self, verdict: Verdict) -> bool:
        """Whether the checksum that was to prove what an earlier run left has not decided after all."""
        return verdict.assurance in UNPROVEN and self._is_provable()

    def _prepare(self, part: PartFile, place: Place, found: Inspection) -> None:
        """What can be resumed stays in the part file; what cannot is cut off."""
        if self._file.size is not None and part.size > self._file.size:
            part.truncate()
        if not (self._ranges and self._job.policy.resume):
            part.truncate()
        elif found.state is State.PARTIAL and found.size > part.size and self._is_provable():
            self._adopt(part, place, found.size)
        elif part.size and not self._is_provable() and not self._is_beginning(part.descriptor, part.size):
            part.truncate()

    def _is_provable(self) -> bool:
        return self._file.size is not None and first_to_try(self._file, self._file.size) is not None

    def _adopt(self, part: PartFile, place: Place, size: int) -> None:
        """Copies a short copy into the part file, if it looks like a true beginning. The copy itself stays."""
        descriptor = open_for_reading(place.final)
        try:
            if not self._is_beginning(descriptor, size):
                return
            part.truncate()
            while part.size < size:
                self._job.halt.check()
                data = os.pread(descriptor, min(self._job.limits.range_size, size - part.size), part.size)
                if not data:
                    break
                part.write(data)
        finally:
            os.close(descriptor)

    def _is_beginning(self, descriptor: int, size: int) -> bool:
        """Whether the last bytes of a short copy stand at the same place in the remote file."""
        start = max(0, size - _SAMPLE)
        try:
            with closing(steady(self._job.source, self._file, self._job.retry, start, size)) as stream:
                remote = b"".join(stream)
        except (RangeRefused, SizeMismatch) as error:
            self._ranges = self._ranges and not isinstance(error, RangeRefused)
            return False
        self._count(len(remote))
        return os.pread(descriptor, size - start, start) == remote

    def _fetch(self, part: PartFile) -> tuple[Verdict, ContentInfo]:
        """Fills the part file to its end, holds it against the checksums, and says what is in it.

        Raises what the look at the content raises, for bytes that are the source's as far as that is known.
        """
        expected = self._file.size
        form = first_to_try(self._file, expected) if expected is not None else None
        tee = Tee(form.hasher() if form else None, self._job.policy.content.begin(self._file))
        if part.size and not tee.is_idle:
            hash_bytes(part.descriptor, part.size, tee, self._job.halt.check)
        self._receive(part, tee)

        def value_of(wanted: Checksum) -> str:
            if wanted == form:
                return tee.value()
            return checksum_of(part.descriptor, part.size, wanted, self._job.halt.check)

        verdict = judge(self._file, part.size, value_of)
        return verdict, tee.conclude() if verdict.good else ContentInfo()

    def _receive(self, part: PartFile, tee: Tee) -> None:
        start = part.size
        with (
            self._window(start) as depth,
            WriteBehind(part) as writer,
            closing(self._stream(start, depth)) as stream,
        ):
            for buffer in stream:
                writer.write(buffer)
                tee.update(buffer)
                self._count(len(buffer))

    @contextmanager
    def _window(self, start: int) -> Iterator[int]:
        """The ranges that may be under way at once, with the memory for them held."""
        limits = self._job.limits
        rest = limits.range_size if self._file.size is None else max(self._file.size - start, 1)
        bearable = min(limits.read_ahead, self._job.source.capabilities.parallel_ranges)
        depth = min(bearable, max(limits.memory // limits.range_size, 1), -(-rest // limits.range_size))
        taken = self._job.budget.take(min(rest, depth * limits.range_size))
        try:
            yield depth
        finally:
            self._job.budget.give_back(taken)

    def _stream(self, start: int, depth: int) -> Generator[Buffer]:
        job, file = self._job, self._file
        if start and start == file.size:
            return _nothing()
        unmixed = file.etag is not None or self._is_provable()
        if self._ranges and unmixed and file.size is not None and depth > 1:
            ahead = ReadAhead(job.source, file, job.retry, job.ranges, depth)
            return ahead.run(start, file.size, job.limits.range_size)
        return steady(job.source, file, job.retry, start)

    def _count(self, count: int) -> None:
        self._fetched += count
        self._job.tally.add(count)

    def _commit(
        self, part: PartFile, found: Inspection, proof: tuple[Verdict, ContentInfo], *, resumed: bool
    ) -> FileResult:
        (verdict, content_info), size = proof, part.size
        part.set_time(self._file.modified)
        refused = commit([part])
        for error in refused.values():
            raise error
        self._job.note(self._file, verdict.assurance, part.seen)
        outcome = Outcome.RESUMED if resumed else Outcome.DOWNLOADED
        healed = found.state is State.ALTERED or (found.state is State.PARTIAL and not resumed)
        return FileResult(
            str(self._file.path),
            Outcome.SELF_HEALED if healed else outcome,
            size,
            self._fetched,
            self._seconds,
            assured(verdict.assurance, content_info),
            found.reason if healed else "",
            resources=content_info.resources,
        )


def _is_same(one: os.stat_result | None, other: os.stat_result | None) -> bool:
    """Whether a name stood for the same file at two looks, and it was not written to in between."""
    if one is None or other is None:
        return one is other
    return (one.st_ino, one.st_size, one.st_ctime_ns) == (other.st_ino, other.st_size, other.st_ctime_ns)


def _nothing() -> Generator[Buffer]:
    yield from ()
