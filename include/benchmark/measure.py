"""One process, measured from outside: wall clock, processor, peak memory. Its start counts."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Broken", "MeasuredRun", "Quiet", "measure", "settle"]

_REST = 0.5
"""Seconds of peace after all is on the disk: drives keep working for a moment after they report that they are done."""
_QUIET = 0.1
"""The share of all processors that others may take and still be called quiet."""
_TAIL = 4_000
_LAST_WORDS = 3.0


class Broken(Exception):
    """A contestant failed, took too long, or produced a wrong result."""


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """What one process cost. `cpu` is user and system time of it and all its children; `peak` is in MB (10^6 bytes).

    `peak` is never less than this program's own peak (some 25 MB): the kernel counts what a process was before `exec`.
    """

    seconds: float
    cpu: float
    peak: float
    output: str


def measure(command: Sequence[str], env: Mapping[str, str], timeout: float) -> MeasuredRun:
    """Runs `command` to its end. Raises Broken where it fails, or is not done after `timeout` seconds."""
    with tempfile.TemporaryFile() as printed:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with _deadline(process.pid, timeout) as late:
            _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        output = printed.read().decode(errors="replace")
    if late.is_set():
        raise Broken(f"not done after {timeout:.0f} s: {output[-_TAIL:].strip()}")
    if process.returncode:
        raise Broken(f"ended with {process.returncode}: {output[-_TAIL:].strip()}")
    return MeasuredRun(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6, output)


@contextmanager
def _deadline(group: int, timeout: float) -> Iterator[threading.Event]:
    """Ends the process group after `timeout` seconds, or when the block is left before its process has ended.

    Asks it first to say where it stands: Python (with faulthandler) and Go print all their threads at SIGABRT.
    """
    late, ended = threading.Event(), threading.Event()

    def stop() -> None:
        late.set()
        os.killpg(group, signal.SIGABRT)
        if not ended.wait(_LAST_WORDS):
            os.killpg(group, signal.SIGKILL)

    timer = threading.Timer(timeout, stop)
    timer.daemon = True
    timer.start()
    try:
        yield late
    except BaseException:
        os.killpg(group, signal.SIGKILL)
        raise
    finally:
        ended.set()
        timer.cancel()


@dataclass(frozen=True, slots=True)
class Quiet:
    """How the machine was before a run: `flush` seconds until all was on the disk, `busy` the share of all processors
    that other programs took in the moment of rest behind it."""

    flush: float
    busy: float


def settle(patience: float = 0.0) -> Quiet:
    """Waits until everything written so far is on the disk, so that no contestant waits for the writes of another.

    Waits up to `patience` seconds more for other programs to leave the processors alone.
    """
    began = time.perf_counter()
    os.sync()
    flushed = time.perf_counter()
    while (busy := _others()) > _QUIET and time.perf_counter() - flushed < patience:
        pass
    return Quiet(flushed - began, busy)


def _others() -> float:
    """The share of all processors that is taken while this program rests."""
    busy, whole = _processor_time()
    time.sleep(_REST)
    busy_then, whole_then = _processor_time()
    return (busy_then - busy) / max(whole_then - whole, 1)


def _processor_time() -> tuple[int, int]:
    """Ticks of all processors since the start of the machine: the busy ones, and all."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(number) for number in file.readline().split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)
