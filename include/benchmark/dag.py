"""Seconds from the trigger of the DAG to its report, on the demo's own Airflow: of one small file, and of many."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from .catalogue import RAW_FILE
from .contestants import Arena, python_env
from .measure import Broken

__all__ = ["seconds_of_many", "seconds_to_report"]

_DEMO = Path(__file__).resolve().parents[1] / "demo.sh"
_PATIENCE = 60.0


def seconds_to_report(timeout: float) -> float:
    """The median of the demo's runs: it starts a scheduler, measures, and stops it. Raises Broken where it does not."""
    return float(_answer(["bash", str(_DEMO), "--seconds-to-report"], timeout).split()[-1])


def seconds_of_many(arena: Arena, catalogue: Path, folder: Path, rounds: int, timeout: float) -> float:
    """The median of whole runs that restore the raw file of a catalogue, with the settings that the DAG comes with.

    `folder`: a new one for all that they write. Raises Broken where a run fails.
    """
    what = [arena.endpoint, str(catalogue), RAW_FILE, str(folder), str(rounds)]
    output = _answer([arena.tools.python, "-m", "include.demo.timed_runs", *what], timeout, python_env(arena))
    return median(map(float, output.splitlines()[-1].split()))


def _answer(command: Sequence[str], timeout: float, env: Mapping[str, str] | None = None) -> str:
    """What a program prints that starts an Airflow of its own."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=None if env is None else dict(env),
    )
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Broken(f"Airflow was not done after {timeout:.0f} s") from None
    finally:
        _stop(process)
    if process.returncode:
        raise Broken(f"the program that starts Airflow ended with {process.returncode}: {errors[-600:].strip()}")
    return output


def _stop(process: subprocess.Popen[str]) -> None:
    """Lets the demo stop what it started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
