"""Seconds from the trigger of the DAG to its report, on the demo's own Airflow: of one small file, and of many."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from ..demo.home import Home
from ..demo.local_airflow import starting
from ..processes import ProgramError
from .catalogue import RAW_FILE
from .measure import Broken

__all__ = ["seconds_of_many", "seconds_to_report"]

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


def seconds_of_many(work: Path, endpoint: str, catalogue: Path, rounds: int, timeout: float) -> float:
    """The median of whole runs of `s3_downloader`, with the settings that it comes with.

    `endpoint`: of the server that has the raw file of the `catalogue`. Each run restores to a folder of its own. Raises
    Broken where a run fails.
    """
    output = work / "dag"
    output.mkdir()
    connections = {
        "AWS_DEFAULT": {
            "conn_type": "aws",
            "login": os.environ.get("AWS_ACCESS_KEY_ID", "benchmark"),
            "password": os.environ.get("AWS_SECRET_ACCESS_KEY", "benchmark"),
            "extra": {"endpoint_url": endpoint},
        },
        "RAW_FILES": {"conn_type": "sqlite", "host": str(catalogue)},
    }
    variables = {f"AIRFLOW_CONN_{name}": json.dumps(value) for name, value in connections.items()}
    with tempfile.TemporaryDirectory(prefix="airflow-", dir=work) as folder:
        home = Home(Path(folder))
        try:
            home.make()
            config = home.write_settings("config", {"locations": {"output": str(output)}})
            with starting(home, variables | {"DOWNLOADER_CONFIG": str(config)}) as airflow:
                airflow.wait_for("s3_downloader")
                took = []
                for number in range(rounds):
                    began = time.monotonic()
                    run = airflow.api.trigger("s3_downloader", {"raw_file_id": RAW_FILE})
                    state = airflow.api.wait(run, airflow.check, timeout)
                    took.append(time.monotonic() - began)
                    if state != "success":
                        raise Broken(f"the run ended as {state}: {airflow.api.failed_log(run)[-600:]}")
                    (output / _only(output)).rename(work / f"restored-{number}")  # a fresh folder for the next one
        except ProgramError as problem:
            raise Broken(str(problem)) from None
    return median(took)


def _only(folder: Path) -> str:
    (name,) = (path.name for path in folder.iterdir() if path.is_dir())
    return name


def _stop(process: subprocess.Popen[str]) -> None:
    """Lets the demo stop what it started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
