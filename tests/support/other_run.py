"""A run in a process of its own, to be raced against, or killed.

``python -m support.other_run hold DESTINATION NAME IDENTITY``: locks a part file, says ``locked``, waits for a line.
``python -m support.other_run restore DESTINATION PAUSE_AT``: restores `objects`; stops once after PAUSE_AT bytes, says
``paused`` and waits for a line; then writes the results as one line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO

from downloader.batch import restore
from downloader.destination import Destination
from downloader.part_file import PartFile
from downloader.paths import safe_path
from downloader.sources.memory import MemorySource
from downloader.streaming import Buffer
from support.restoring import KIB, content, files_for, means
from support.scripted import ScriptedSource

__all__ = ["OtherRun", "objects", "other_run"]

_ROOT = Path(__file__).parents[2]


def objects() -> dict[str, bytes]:
    """What is restored: large files of several ranges, and small ones."""
    large = {f"large/{n}.raw": content(600 * KIB + n, n) for n in range(3)}
    return large | {f"small/{n}.bin": content(300 + n, 100 + n) for n in range(60)}


class OtherRun:
    """The process, seen from outside."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def wait_for(self, word: str) -> None:
        """Returns once it has said `word`."""
        said = _pipe(self._process.stdout).readline().strip()
        assert said == word, f"{said!r} instead of {word!r}"

    def go_on(self) -> None:
        """Gives it the line that it waits for."""
        _pipe(self._process.stdin).write("\n")
        _pipe(self._process.stdin).flush()

    def kill(self) -> None:
        """Ends it as a power cut would (`SIGKILL`)."""
        self._process.kill()
        self._process.wait()

    def results(self) -> list[dict[str, object]]:
        """The results, once it has ended."""
        found: list[dict[str, object]] = json.loads(_pipe(self._process.stdout).readline())
        assert self._process.wait() == 0
        return found


@contextmanager
def other_run(*arguments: object) -> Iterator[OtherRun]:
    """Starts one; it is gone when the block is left."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT / "plugins"), str(_ROOT / "tests")])}
    with subprocess.Popen(
        [sys.executable, "-m", "support.other_run", *map(str, arguments)],
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


class _Pausing(ScriptedSource):
    """Stops all streams once, after so many bytes of all files."""

    def __init__(self, inner: MemorySource, pause_at: int) -> None:
        super().__init__(inner)
        self._pause_at = pause_at
        self._pause = threading.Lock()

    def _counted(self, key: str, buffers: Iterator[Buffer]) -> Iterator[Buffer]:
        for buffer in super()._counted(key, buffers):
            with self._pause:
                if sum(self.served.values()) >= self._pause_at:
                    self._pause_at = sys.maxsize
                    _say("paused")
                    sys.stdin.readline()
            yield buffer


def _hold(destination: Path, name: str, identity: str) -> None:
    folder = Destination(destination)
    with PartFile.acquire(folder, folder.place(safe_path(name)), identity) as part:
        part.write(b"of the other run")
        _say("locked")
        sys.stdin.readline()


def _restore(destination: Path, pause_at: int) -> None:
    source = _Pausing(MemorySource(objects(), step=16 * KIB), pause_at)
    results = restore(files_for(objects()), source, destination, means())
    _say(json.dumps([asdict(result) for result in results]))


if __name__ == "__main__":
    if sys.argv[1] == "hold":
        _hold(Path(sys.argv[2]), sys.argv[3], sys.argv[4])
    else:
        _restore(Path(sys.argv[2]), int(sys.argv[3]))
