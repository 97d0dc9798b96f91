"""Seconds from the trigger of the DAG to its report, for one small file, on the demo's own Airflow."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .measure import Broken

__all__ = ["seconds_to_report"]

_DEMO = Path(__file__).resolve().parents[1] / "demo.sh"
_PATIENCE = 60.0


def seconds_to_report(timeout: float) -> float:
    """The median of the demo's runs: it starts a scheduler, measures, and stops it. Raises Broken where it does not."""
    process = subprocess.Popen(
        ["bash", str(_DEMO), "--seconds-to-report"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Broken(f"the demo was not done after {timeout:.0f} s") from None
    finally:
        _stop(process)
    if process.returncode:
        raise Broken(f"the demo ended with {process.returncode}: {errors[-600:].strip()}")
    return float(output.split()[-1])


def _stop(process: subprocess.Popen[str]) -> None:
    """Lets the demo stop what it started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
