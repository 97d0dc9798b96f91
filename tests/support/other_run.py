"""A run in a process of its own, to be raced against, stopped, or killed.

``python -m support.other_run hold DESTINATION NAME IDENTITY BEHAVIOUR``: locks a part file, says ``locked``, waits for
a line. ``python -m support.other_run restore DESTINATION PAUSE_AT BEHAVIOUR``: restores `objects`; stops once after
PAUSE_AT bytes (0: never), prints ``paused`` and waits for a line; then prints the results as one line of JSON.
`Behaviour` tells what else it does.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from downloader.disk import nameless_file, writing
from downloader.disk.destination import Destination
from downloader.disk.part_file import PartFile
from downloader.paths import safe_path
from downloader.report import Report, write
from downloader.results import FileResult
from downloader.retry import Clock, RetryPolicy
from downloader.sources.memory import MemorySource
from downloader.transfer.batch import restore
from downloader.transfer.options import TransferOptions
from downloader.transfer.progress import Progress
from downloader.transfer.streaming import Buffer
from downloader_tasks.folders import make_below
from support.last_steps import hold_group_flushes, leave_out, log_commits
from support.restoring import KIB, LIMITS, content, files_for, transfer_options
from support.scripted import ScriptedSource
from support.stored_parts import in_parts

__all__ = ["PART_SIZE", "REPORT_ID", "Behaviour", "OtherRun", "objects", "other_run"]

REPORT_ID = "race"
PART_SIZE = 100 * KIB
"""Of the parts that its objects were uploaded in."""

_ROOT = Path(__file__).parents[2]
_NOW = datetime(2025, 2, 4, 14, 30, 22, tzinfo=UTC)
"""When all reports are made."""


def objects(version: int = 1, small: int = 60) -> dict[str, bytes]:
    """What is restored: three large files of several ranges, and `small` small ones.

    The second version has the same names. Half of them are as long as before; two files have only grown.
    """
    large = {f"large/{n}.raw": _content(600 * KIB + n, n, version) for n in range(3)}
    return large | {f"small/{n % 7}/{n}.bin": _content(300 + n, 100 + n, version) for n in range(small)}


def _content(size: int, seed: int, version: int) -> bytes:
    first = content(size, seed)
    if version == 1:
        return first
    return first + b"grown" if seed in (0, 100) else content(size + seed % 2, seed + 10_000)


@dataclass(frozen=True)
class Behaviour:
    """What else a run of `restore` does."""

    version: int = 1
    small: int = 60
    waits_for_start: bool = False
    """Says ``ready`` and waits for a line before it begins."""
    lock_wait: float = 0.0
    """Real seconds that it waits for another run. 0: a moment, on a clock that nobody sits out."""
    tells_waits: bool = False
    """Says ``waiting`` once it waits for another run."""
    holds_flush: int = 0
    """Stops before this flush of a group, says ``flushing`` and waits for a line: see `hold_group_flushes`."""
    leaves_out: str = ""
    """Which flushes do nothing: see `leave_out`."""
    commits: str = ""
    """A file that takes a line for each final name that it is about to give: see `log_commits`."""
    announced: str = ""
    """A file that takes a line for each result once it is reported as OK, and one for the report."""
    location: str = ""
    """What the destination is made below, as a task does it."""
    no_flock: bool = False
    """Its disk is not this machine's: it has no `flock`, and no file is without a name."""
    reports: bool = False
    """Writes a report into the destination, all of them in the same second."""


class OtherRun:
    """The process, seen from outside."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def wait_for(self, word: str) -> None:
        """Returns once it has printed `word`."""
        printed = _pipe(self._process.stdout).readline().strip()
        assert printed == word, f"{printed!r} instead of {word!r}"

    def go_on(self) -> None:
        """Gives it the line that it waits for."""
        _pipe(self._process.stdin).write("\n")
        _pipe(self._process.stdin).flush()

    def stop(self) -> None:
        """Returns once it stands still (`SIGSTOP`)."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def cont(self) -> None:
        """Lets it run again after `stop` (`SIGCONT`)."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Ends it as a power cut would (`SIGKILL`)."""
        self._process.kill()
        self._process.wait()

    def results(self) -> list[dict[str, Any]]:
        """The results, once it has ended."""
        found: list[dict[str, Any]] = json.loads(_pipe(self._process.stdout).readline())
        assert self._process.wait() == 0
        return found


@contextmanager
def other_run(*arguments: object, behaviour: Behaviour | None = None, under: Sequence[str] = ()) -> Iterator[OtherRun]:
    """Starts one; it is gone when the block is left. `under`: a command that starts it and looks on."""
    path = os.pathsep.join(str(_ROOT / folder) for folder in (".", "plugins", "tests"))
    environment = {**os.environ, "PYTHONPATH": path}
    given = [] if behaviour is None else [json.dumps(asdict(behaviour))]
    with subprocess.Popen(
        [*under, sys.executable, "-m", "support.other_run", *map(str, arguments), *given],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            yield OtherRun(process)
        finally:
            process.kill()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _stop(word: str) -> None:
    _say(word)
    sys.stdin.readline()


class _Pausing(ScriptedSource):
    """Stops all streams once, after so many bytes of all files."""

    def __init__(self, inner: MemorySource, pause_at: int) -> None:
        super().__init__(inner)
        self._pause_at = pause_at or sys.maxsize
        self._pause = threading.Lock()

    def _counted(self, key: str, buffers: Iterator[Buffer]) -> Iterator[Buffer]:
        for buffer in super()._counted(key, buffers):
            with self._pause:
                if sum(self.served.values()) >= self._pause_at:
                    self._pause_at = sys.maxsize
                    _stop("paused")
            yield buffer


class _Speaker:
    """Writes down which results are reported as OK, at once (a `Listener`)."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

    def on_result(self, result: FileResult, progress: Progress) -> None:
        if result.ok:
            self.say(result.name)

    def on_progress(self, progress: Progress) -> None: ...

    def say(self, name: str) -> None:
        os.write(self._descriptor, f"{name}\n".encode())


class _Patience:
    """A clock that reports when it is waited by, and does not really wait."""

    def __init__(self, *, tells: bool) -> None:
        self._tells = tells
        self._turn = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self._turn:
            if self._tells:
                _say("waiting")
            self._tells = False
        time.sleep(seconds / 10)

    @property
    def clock(self) -> Clock:
        return Clock(sleep=self.sleep)


def _options(behaviour: Behaviour) -> TransferOptions:
    if not behaviour.lock_wait:
        return transfer_options()
    limits = replace(LIMITS, lock_wait=behaviour.lock_wait)
    return TransferOptions(limits, RetryPolicy(clock=_Patience(tells=behaviour.tells_waits).clock))


def _refuse_flock(descriptor: object, how: int) -> None:
    raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


def _hold(destination: Path, name: str, identity: str, behaviour: Behaviour) -> None:
    if behaviour.no_flock:
        fcntl.flock = _refuse_flock
        nameless_file.is_local = lambda path: False  # type: ignore[attr-defined]
    folder = Destination(destination)
    with PartFile.acquire(folder, folder.place(safe_path(name)), identity) as part:
        part.write(b"of the other run")
        _stop("locked")


def _restore(destination: Path, pause_at: int, behaviour: Behaviour) -> None:
    plan = objects(behaviour.version, behaviour.small)
    speaker = _Speaker(behaviour.announced or os.devnull)
    _prepare(destination, behaviour)
    stored = {name: in_parts(data, PART_SIZE) for name, data in plan.items()}
    source = _Pausing(MemorySource(stored, step=16 * KIB), pause_at)
    results = restore(files_for(plan), source, destination, replace(_options(behaviour), listener=speaker))
    if behaviour.reports:
        report = Report("Race", _NOW, str(destination), results=tuple(results))
        speaker.say(write(report, destination, REPORT_ID).name)
    _say(json.dumps([asdict(result) for result in results]))


def _prepare(destination: Path, behaviour: Behaviour) -> None:
    writing._BLOCK = 16 * KIB  # so that one that is killed leaves more than nothing of a file of some ranges
    if behaviour.no_flock:
        fcntl.flock = _refuse_flock
        nameless_file.is_local = lambda path: False  # type: ignore[attr-defined]
    if behaviour.commits:
        log_commits(destination, Path(behaviour.commits))
    if behaviour.holds_flush:
        hold_group_flushes(behaviour.holds_flush, lambda: _stop("flushing"))
    if behaviour.leaves_out:
        leave_out(behaviour.leaves_out)
    if behaviour.location:
        make_below(Path(behaviour.location), destination)
    if behaviour.waits_for_start:
        _stop("ready")


if __name__ == "__main__":
    if sys.argv[1] == "hold":
        _hold(Path(sys.argv[2]), sys.argv[3], sys.argv[4], Behaviour(**json.loads((sys.argv[5:] or ["{}"])[0])))
    else:
        _restore(Path(sys.argv[2]), int(sys.argv[3]), Behaviour(**json.loads((sys.argv[4:] or ["{}"])[0])))
