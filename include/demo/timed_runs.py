"""Whole runs of `s3_downloader` on Airflow of its own, timed from trigger to end, with the settings that it comes with.

    python -m include.demo.timed_runs ENDPOINT CATALOGUE RAW_FILE FOLDER ROUNDS

Prints the seconds of each run. Every run restores to a folder that is empty; what it restored is kept beside it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from ..processes import ProgramError
from .home import Home
from .local_airflow import starting
from .screen import quiet

_DAG = "s3_downloader"


def timed_runs(endpoint: str, catalogue: Path, raw_file_id: str, folder: Path, rounds: int) -> list[float]:
    """The seconds of each run. `endpoint`: of the server that has the raw file. Raises ProgramError where one fails."""
    output = folder / "output"
    output.mkdir(parents=True)
    connections = {
        "AWS_DEFAULT": {
            "conn_type": "aws",
            "login": os.environ["AWS_ACCESS_KEY_ID"],
            "password": os.environ["AWS_SECRET_ACCESS_KEY"],
            "extra": {"endpoint_url": endpoint},
        },
        "RAW_FILES": {"conn_type": "sqlite", "host": str(catalogue)},
    }
    variables = {f"AIRFLOW_CONN_{name}": json.dumps(value) for name, value in connections.items()}
    home = Home(folder / "home")
    home.make()
    config = home.write_settings("config", {"locations": {"output": str(output)}})
    took = []
    with starting(home, variables | {"DOWNLOADER_CONFIG": str(config)}) as airflow:
        airflow.wait_for(_DAG)
        for number in range(rounds):
            began = time.monotonic()
            run = airflow.api.trigger(_DAG, {"raw_file_id": raw_file_id})
            state = airflow.api.wait(run, airflow.check)
            took.append(time.monotonic() - began)
            if state != "success":
                raise ProgramError(f"the run ended as {state}: {airflow.api.failed_log(run)[-600:]}")
            (project,) = (path for path in output.iterdir() if path.is_dir())
            project.rename(folder / f"restored-{number}")
    return took


def main(endpoint: str, catalogue: str, raw_file_id: str, folder: str, rounds: str) -> int:
    """Times the runs and prints the seconds; 1 where one fails."""
    quiet()
    try:
        print(*timed_runs(endpoint, Path(catalogue), raw_file_id, Path(folder), int(rounds)))
    except ProgramError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
