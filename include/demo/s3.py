"""The demo of `s3_downloader`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from statistics import median

from . import local_airflow, s3_server
from .home import Home
from .local_airflow import LocalAirflow
from .raw_files import RAW_FILES, SMALL, RawFile, set_out
from .screen import Trouble, heading, indented, say, shorten

__all__ = ["measure", "show", "stay"]

_DAG = "s3_downloader"
_MEASURED = 5


@contextmanager
def _ready(home: Home, raw_files: Sequence[RawFile]) -> Iterator[LocalAirflow]:
    """Airflow and an S3 server with these raw files, until the context is left. Raises Trouble."""
    with s3_server.running(home) as server, local_airflow.starting(home, _connections(home, server)) as airflow:
        say("Uploading backups, writing the catalogue ...")
        set_out(home, server, raw_files)
        airflow.wait_for(_DAG)
        yield airflow


def _connections(home: Home, server: s3_server.S3Server) -> dict[str, str]:
    return {
        "AIRFLOW_CONN_AWS_DEFAULT": server.connection(),
        "AIRFLOW_CONN_RAW_FILES": json.dumps({"conn_type": "sqlite", "host": str(home.catalogue)}),
    }


def show(home: Home) -> None:
    """Restores each raw file by a run of its own, and prints the reports. Raises Trouble where one surprises."""
    heading("Getting ready")
    began = time.monotonic()
    with _ready(home, RAW_FILES) as airflow:
        say(f"Ready after {time.monotonic() - began:.0f} s")
        for number, raw_file in enumerate(RAW_FILES, start=1):
            heading(f"{number} of {len(RAW_FILES)}: {raw_file.story}")
            _restore(home, airflow, raw_file)
        heading("Stopping Airflow and the S3 server")
    say(f"The demo is over. All of its {len(RAW_FILES)} runs ended as they were meant to.")
    say(_where_things_are(home))


def _restore(home: Home, airflow: LocalAirflow, raw_file: RawFile) -> None:
    if raw_file.is_meant_to_fail:
        say("This run is MEANT TO FAIL: it shows that bytes which do not match the catalogue are never kept.")
    conf = {"raw_file_id": raw_file.id}
    say(f"Triggering {_DAG} with {json.dumps(conf)} ...")
    known = set(_reports(home, raw_file))
    began = time.monotonic()
    run = airflow.api.trigger(_DAG, conf)
    state = airflow.api.wait(run, airflow.check)
    seconds = time.monotonic() - began
    for report in sorted(set(_reports(home, raw_file)) - known):
        say(f"\n{indented(shorten(report.read_text(encoding='utf-8')))}\n")
        say(f"Report: {report}")
    say(f"Airflow: the run {_verdict(state, raw_file)}, {seconds:.1f} s after the trigger")
    if (state == "failed") is not raw_file.is_meant_to_fail:
        said = airflow.api.failed_log(run) or "No task failed."
        raise Trouble(f"This run was not meant to end that way. The log of its task:\n{indented(said)}")


def _reports(home: Home, raw_file: RawFile) -> Iterator[Path]:
    return (home.output / raw_file.project).glob(f"_download_status_{raw_file.id}_*.txt")


def _verdict(state: str, raw_file: RawFile) -> str:
    return f"{'FAILED' if state == 'failed' else 'succeeded'}{', as it was meant to' * raw_file.is_meant_to_fail}"


def _where_things_are(home: Home) -> str:
    return "\n".join(
        (
            f"  Files and reports   {home.output}",
            f"  Catalogue           {home.catalogue}",
            f"  Logs of the demo    {home.logs}",
            f"  Logs of the tasks   {home.airflow / 'logs'}",
            "Run it again: what is right is skipped, and the damaged and the half file are made anew.",
            "See it in the browser: bash include/demo.sh --ui",
        )
    )


def stay(home: Home) -> None:
    """Keeps Airflow running until Ctrl-C. Raises Trouble where a part of it ends by itself."""
    with _ready(home, RAW_FILES) as airflow:
        airflow.complete()
        say(_what_to_click(airflow))
        with suppress(KeyboardInterrupt):
            while True:
                airflow.check()
                time.sleep(1)
        say("\nStopping Airflow and the S3 server ...")
    say("Stopped.")


def _what_to_click(airflow: LocalAirflow) -> str:
    width = max(len(raw_file.id) for raw_file in RAW_FILES)
    choices = "\n".join(f"       {raw_file.id:{width}}  {raw_file.story}" for raw_file in RAW_FILES)
    return f"""
Airflow is running.

  Address    {airflow.address}
  User       {local_airflow.USER}
  Password   {airflow.password}

  1. Open the address and log in.
  2. Open the DAG: {airflow.address}/dags/{_DAG}
  3. Click Trigger, and fill in one of these as the raw file's id:

{choices}

  4. Click Trigger below the form. The run has three tasks; the log of the last one, report, shows the report.

Ctrl-C stops everything."""


def measure(home: Home, print_figure: Callable[[str], None]) -> None:
    """Prints the median of the seconds from the trigger to the report, for one small file. Raises Trouble."""
    with _ready(home, (SMALL,)) as airflow:
        figures = [_seconds_to_report(home, airflow) for _ in range(_MEASURED)]
    say(f"Seconds from the trigger to the report, {_MEASURED} runs: {', '.join(f'{figure:.1f}' for figure in figures)}")
    print_figure(f"{median(figures):.1f}")


def _seconds_to_report(home: Home, airflow: LocalAirflow) -> float:
    for path in SMALL.sizes:
        (home.output / SMALL.project / path).unlink(missing_ok=True)
    known = set(_reports(home, SMALL))
    began = time.monotonic()
    run = airflow.api.trigger(_DAG, {"raw_file_id": SMALL.id})
    # The folder is looked at often, Airflow is asked seldom: questions would slow down what is measured.
    looks = count(1)
    while set(_reports(home, SMALL)) == known and (next(looks) % 50 or airflow.api.state(run) != "failed"):
        time.sleep(0.02)
    seconds = time.monotonic() - began
    if airflow.api.wait(run, airflow.check) != "success":
        raise Trouble(f"A run failed. The log of its task:\n{indented(airflow.api.failed_log(run))}")
    return seconds
