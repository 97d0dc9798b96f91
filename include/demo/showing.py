"""What all demos have in common: they get ready, run a DAG, print its reports, stay for the browser, or measure."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from ..processes import ProgramError
from . import local_airflow
from .airflow_api import TriggeredRun
from .home import Home
from .local_airflow import LocalAirflow
from .schedule import Schedule
from .screen import heading, indented, say, shorten

__all__ = ["Act", "Demo", "DemoOpening", "measure", "nothing", "show", "stay"]

_MEASURED = 5


def nothing() -> None:
    """For a demo or an act that has nothing to do first."""


@dataclass(frozen=True, slots=True)
class Act:
    """One run of the DAG, with the parameters `conf`."""

    story: str
    conf: Mapping[str, Any]
    reports: Path
    """The folder that its report comes to."""
    report_id: str
    shows_by_failing: str = ""
    """What it shows by failing; empty if it has to succeed."""
    before: Callable[[], None] = nothing
    """What happens before it is triggered."""
    brings: Sequence[Path] = ()
    """Files that a measured run downloads: they are removed before it."""
    patience: float = 300
    """Seconds after which the run is given up."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A DAG, what it needs, and runs of it."""

    dag_id: str
    variables: Mapping[str, str]
    """Its connections, as environment variables of Airflow."""
    settings: Mapping[str, Mapping[str, Any]]
    """What of the configuration is its own, by section: its location, and more."""
    set_out: Callable[[], None]
    """Prepares servers and folders while Airflow is starting. May raise ProgramError."""
    acts: Sequence[Act]
    form: str
    """What to do with the form behind Trigger, as a sentence, and what to choose from, if anything."""
    places: Mapping[str, Path]
    """The folders and files to name at the end."""
    again: str
    """What happens if it is run again, and how it is seen in the browser."""
    servers: str = "Airflow and the S3 server"
    """What is stopped in the end."""
    schedule: Schedule | None = None
    """What is shown behind the acts, and in the browser."""


class DemoOpening(Protocol):
    """Opens a demo, which keeps its server running until it is left."""

    def __call__(self, home: Home, *, small: bool = False) -> AbstractContextManager[Demo]:
        """`small`: with a single act, of one small file, to be measured. Raises ProgramError."""


@contextmanager
def _ready(home: Home, *openings: DemoOpening, small: bool = False) -> Iterator[tuple[Demo, LocalAirflow]]:
    """The first of the demos, all of whose DAGs can be triggered. Raises ProgramError."""
    with ExitStack() as stack:
        demos = [stack.enter_context(opening(home, small=small)) for opening in openings]
        schedule = demos[0].schedule
        scheduled = schedule.variables(home) if schedule else {}
        airflow = stack.enter_context(local_airflow.starting(home, {**_variables(home, demos), **scheduled}))
        for demo in demos:
            demo.set_out()
        for demo in demos:
            airflow.wait_for(demo.dag_id)
        if schedule:
            airflow.wait_for(schedule.dag_id)
            airflow.api.pause(schedule.dag_id, paused=True)  # an earlier demo may have been killed
        yield demos[0], airflow


def _variables(home: Home, demos: Sequence[Demo]) -> dict[str, str]:
    """The connections of all demos, and one configuration."""
    settings: dict[str, dict[str, Any]] = {}
    variables: dict[str, str] = {}
    for demo in demos:
        variables.update(demo.variables)
        for section, values in demo.settings.items():
            settings.setdefault(section, {}).update(values)
    return variables | {"DOWNLOADER_CONFIG": str(home.write_settings("config", settings))}


def show(home: Home, opening: DemoOpening) -> None:
    """Runs each act and prints its report. Raises ProgramError if one does not end as expected."""
    heading("Getting ready")
    began = time.monotonic()
    with _ready(home, opening) as (demo, airflow):
        say(f"Ready after {time.monotonic() - began:.0f} s")
        runs = len(demo.acts) + (demo.schedule is not None)
        for number, act in enumerate(demo.acts, start=1):
            heading(f"{number} of {runs}: {act.story}")
            _play(airflow, demo.dag_id, act)
        if demo.schedule:
            heading(f"{runs} of {runs}: A schedule that starts a run each minute")
            _play_schedule(airflow, demo.schedule, demo.acts[-1])
        heading(f"Stopping {demo.servers}")
    say(_ended(runs))
    say(_where_things_are(home, demo))


def _play(airflow: LocalAirflow, dag_id: str, act: Act) -> None:
    if act.shows_by_failing:
        say(f"This run is EXPECTED TO FAIL: it shows that {act.shows_by_failing}.")
    act.before()
    say(f"Triggering {dag_id} with {json.dumps(act.conf)} ...")
    known = set(_reports(act))
    began = time.monotonic()
    run = airflow.api.trigger(dag_id, dict(act.conf))
    state = airflow.api.wait(run, airflow.check, act.patience)
    seconds = time.monotonic() - began
    _print_reports(set(_reports(act)) - known)
    say(f"Airflow: the run {_verdict(state, act)}, {seconds:.1f} s after the trigger")
    _refuse_unexpected(airflow, run, failed=(state == "failed") is not bool(act.shows_by_failing))


def _play_schedule(airflow: LocalAirflow, schedule: Schedule, act: Act) -> None:
    """`act`: the one whose reports its runs write too."""
    airflow.complete()
    known = set(_reports(act))
    say(f"Waiting for the next minute: the DAG {schedule.dag_id} then starts {schedule.dag} ...")
    run = schedule.next_run(airflow)
    state = airflow.api.wait(run, airflow.check)
    airflow.api.pause(schedule.dag_id, paused=True)  # not before: the tasks of a DAG that is paused do not start
    _print_reports(set(_reports(act)) - known)
    say(f"Airflow: the run {run.run_id} of {schedule.dag_id} {_verdict(state, act)}")
    _refuse_unexpected(airflow, run, failed=state == "failed")


def _print_reports(reports: Iterable[Path]) -> None:
    for report in sorted(reports):
        say(f"\n{indented(shorten(report.read_text(encoding='utf-8')))}\n")
        say(f"Report: {report}")


def _refuse_unexpected(airflow: LocalAirflow, run: TriggeredRun, *, failed: bool) -> None:
    if failed:
        log = airflow.api.failed_log(run) or "No task failed."
        raise ProgramError(f"This run did not end as expected. The log of its task:\n{indented(log)}")


def _reports(act: Act) -> Iterator[Path]:
    return act.reports.glob(f"_download_status_{act.report_id}_*.txt")


def _verdict(state: str, act: Act) -> str:
    return f"{'FAILED' if state == 'failed' else 'succeeded'}{', as expected' * bool(act.shows_by_failing)}"


def _ended(runs: int) -> str:
    if runs == 1:
        return "The demo is over. Its run ended as expected."
    return f"The demo is over. All of its {runs} runs ended as expected."


def _where_things_are(home: Home, demo: Demo) -> str:
    places = {**demo.places, "Logs of the demo": home.logs, "Logs of the tasks": home.airflow / "logs"}
    return "\n".join([*(f"  {what:<18}  {where}" for what, where in places.items()), demo.again])


def stay(home: Home, *openings: DemoOpening) -> None:
    """Keeps Airflow running until Ctrl-C, with all that the DAGs of these demos need; tells what to do with the first.

    Raises ProgramError where a part of it ends by itself.
    """
    with _ready(home, *openings) as (demo, airflow):
        airflow.complete()
        if demo.schedule:
            airflow.api.pause(demo.schedule.dag_id, paused=False)
        say(_what_to_click(airflow, demo))
        with suppress(KeyboardInterrupt):
            while True:
                airflow.check()
                time.sleep(1)
        if demo.schedule:
            airflow.api.pause(demo.schedule.dag_id, paused=True)
        say("\nStopping Airflow and the servers ...")
    say("Stopped.")


def _what_to_click(airflow: LocalAirflow, demo: Demo) -> str:
    return f"""
Airflow is running.

  Address    {airflow.address}
  User       {local_airflow.USER}
  Password   {airflow.password}

  1. Open the address and log in.
  2. Open the DAG: {airflow.address}/dags/{demo.dag_id}
  3. Click Trigger. {demo.form}
  4. Click Trigger below the form. The run has three tasks; the log of the last one, report, shows the report.

The other three DAGs have their servers and connections, too: {airflow.address}/dags

{_what_is_scheduled(airflow, demo)}
Ctrl-C stops everything."""


def _what_is_scheduled(airflow: LocalAirflow, demo: Demo) -> str:
    if demo.schedule is None:
        return ""
    return f"""
The schedule {demo.schedule.name} starts a run each minute: {airflow.address}/dags/{demo.schedule.dag_id}
"""


def measure(home: Home, opening: DemoOpening, print_figure: Callable[[str], None]) -> None:
    """Prints the median of the seconds from the trigger to the report, for one small file. Raises ProgramError."""
    with _ready(home, opening, small=True) as (demo, airflow):
        figures = [_seconds_to_report(airflow, demo.dag_id, demo.acts[0]) for _ in range(_MEASURED)]
    say(f"Seconds from the trigger to the report, {_MEASURED} runs: {', '.join(f'{figure:.1f}' for figure in figures)}")
    print_figure(f"{median(figures):.1f}")


def _seconds_to_report(airflow: LocalAirflow, dag_id: str, act: Act) -> float:
    for file in act.brings:
        file.unlink(missing_ok=True)
    known = set(_reports(act))
    began = time.monotonic()
    run = airflow.api.trigger(dag_id, dict(act.conf))
    # The folder is looked at often, Airflow is asked seldom: questions would slow down what is measured.
    looks = count(1)
    while set(_reports(act)) == known and (next(looks) % 50 or airflow.api.state(run) != "failed"):
        time.sleep(0.02)
    seconds = time.monotonic() - began
    if airflow.api.wait(run, airflow.check) != "success":
        raise ProgramError(f"A run failed. The log of its task:\n{indented(airflow.api.failed_log(run))}")
    return seconds
