"""Programs that the demo, the benchmark and the chaos trials start, and stop however they end themselves."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import indent
from types import FrameType, TracebackType
from typing import Self

__all__ = ["Processes", "ProgramError", "end_with_parent", "free_port", "stop_at_signals", "tail"]

_PATIENCE = 5.0
"""Seconds that a program has to stop by itself."""
_PR_SET_PDEATHSIG = 1


class ProgramError(Exception):
    """The program cannot go on. The text is for the user who started it."""


def free_port() -> int:
    """A port of this machine that no program listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stop_at_signals() -> None:
    """A closed terminal or a kill ends this program as Ctrl-C does, so that nothing is left running."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    # A shell that starts a program in the background makes it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Processes:
    """A context manager: leaving it stops what was started. Each program writes ``<name>.log`` below `logs`."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str]) -> None:
        """Starts a program. `name` is for messages and its log."""
        with self._log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for this program, which then stops them in turn
                preexec_fn=end_with_parent,  # noqa: PLW1509  # no threads here
            )

    def finish(self, name: str) -> None:
        """Waits for the end of a program that does not stay. Raises ProgramError where it failed."""
        code = self._running[name].wait()
        if code:
            raise self._failed(name, f"ended with {code}")
        del self._running[name]

    def wait_until(self, name: str, ready: Callable[[], bool], seconds: float = 90) -> None:
        """Waits until `ready`. Raises ProgramError if any program ends meanwhile or `name` is not ready in time."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise self._failed(name, f"was not ready after {seconds:.0f} seconds")
            time.sleep(0.1)

    def check(self) -> None:
        """Raises ProgramError where a program has ended that nobody has waited for yet."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise self._failed(name, f"ended with {process.returncode}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._running.values():
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        for process in self._running.values():
            _wait(process, deadline)
            _signal(process, signal.SIGKILL)
        self._running = {}

    def _log(self, name: str) -> Path:
        return self._logs / f"{name.replace(' ', '-')}.log"

    def _failed(self, name: str, what: str) -> ProgramError:
        log = self._log(name)
        return ProgramError(f"{name} {what}. The end of its log, {log}:\n{tail(log)}")


def end_with_parent(number: int = signal.SIGTERM) -> None:
    """The process that calls it gets signal `number` when its parent dies, however that dies (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


def tail(file: Path, lines: int = 15) -> str:
    """The last lines of a log, indented."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "    (no log)"
    return indent("\n".join(text.rstrip().split("\n")[-lines:]), "    ")


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """To the program and all that it started."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _wait(process: subprocess.Popen[bytes], deadline: float) -> None:
    try:
        process.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return
