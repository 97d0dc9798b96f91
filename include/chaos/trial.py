"""One trial: files restored over a network with faults, by processes that are killed, until all are complete."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from .damage import DamagedStart, prepare
from .faults import Weather
from .run import ChaosRun, Results
from .sample_files import Case, planned
from .source_servers import SourceServer
from .tally import ChaosTally
from .watcher import Watcher, digest_of

__all__ = ["Proxied", "Trial", "Workspace"]

_START: Final = 30.0
_MOST_KILLS: Final = 6
_STORMS: Final = 3
"""Runs over a network with faults that are not killed, before the last one over a network without."""
_REACHES: Final = (60_000, 200_000, 600_000)
_EARLY: Final = 0.1
"""Share of kills that do not wait for the restore to begin."""
_MOST_EVENTS: Final = 2.3
_LAST_MOMENT: Final = 3.0


class Proxied(Protocol):
    """The proxy, which takes a weather and answers what happened before: see `proxy`."""

    def order(self, order: object) -> dict[str, Any]:
        """Its answer."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """What the trials of one source run on. `is_over`: whether the time is up, so that a trial has to end."""

    server: SourceServer
    proxy: Proxied
    is_over: Callable[[], bool]
    worker: str = "include.chaos.worker"
    patience: float = 90.0
    """Seconds that a process may take. It gives up a stream after one, a call after six tries: ten are rare."""


class Trial:
    """`play` may be called once. All that is left to chance follows from `seed`; how threads take turns does not."""

    def __init__(self, case: Case, seed: int, workspace: Workspace, folder: Path) -> None:
        """`folder`: a new one."""
        self._workspace = workspace
        self._folder = folder
        self._destination = folder / "destination"
        self._case = case
        self._dice = random.Random(f"{case.name} {seed}")
        self._samples = {sample.name: sample for sample in planned(self._dice, case)}
        self._right = {name: digest_of(sample.content) for name, sample in self._samples.items()}
        self._tally = ChaosTally(trials=1, files=len(self._samples))
        self._watcher: Watcher

    def play(self) -> ChaosTally:
        """Runs the trial and returns its counts."""
        start = self._set_out()
        self._tally.needed = start.needed
        with Watcher(self._destination, self._right, start.before) as self._watcher:
            self._restore_all()
            self._look_around()
        self._tally.see(self._watcher.result())
        return self._tally

    def _set_out(self) -> DamagedStart:
        stock = self._folder / "stock"
        self._destination.mkdir(parents=True)
        stock.mkdir()
        samples = list(self._samples.values())
        plan, files = self._workspace.server.offer(samples, stock, self._dice)
        self._plan.write_text(json.dumps({**plan, "destination": str(self._destination)}), encoding="utf-8")
        return prepare(self._destination, samples, files, self._dice)

    @property
    def _plan(self) -> Path:
        return self._folder / "plan.json"

    def _restore_all(self) -> None:
        kills = self._dice.randint(1, _MOST_KILLS)
        for number in range(kills + _STORMS):
            if self._workspace.is_over():
                break
            self._change_weather(self._weather())
            if self._is_complete(self._start(), killed=number < kills):
                return
        self._change_weather(None)
        if not self._is_complete(self._start(), killed=False):
            self._tally.undone.append("the last run, over a network without faults, did not complete all files")

    def _weather(self) -> Weather:
        reach = self._dice.choice(_REACHES)
        return Weather(str(self._dice.random()), self._case.faults, reach, self._case.most_repeated)

    def _change_weather(self, weather: Weather | None) -> None:
        """Also counts what happened since the last change."""
        passed = self._workspace.proxy.order(None if weather is None else asdict(weather))
        self._tally.faults.update(passed["faults"])
        self._tally.fetched += passed["sent"]

    def _start(self) -> ChaosRun:
        self._tally.processes += 1
        return ChaosRun(self._workspace.worker, self._plan, self._folder / "worker.log")

    def _is_complete(self, run: ChaosRun, *, killed: bool) -> bool:
        """Whether all files are complete once the run has ended. `killed`: kill it, unless it ends before."""
        if killed:
            self._await_moment(run)
            if run.is_running and run.kill():
                self._tally.kills += 1
                self._watcher.settle()
                return False
        try:
            results = run.results(self._workspace.patience)
        except TimeoutError:
            self._tally.endless.append(f"not done after {self._workspace.patience:g} s: {run.errors()}")
            results = []
        else:
            self._judge(results, run)
        self._watcher.settle()
        return bool(results) and all(result["outcome"] != "failed" for result in results or ())

    def _await_moment(self, run: ChaosRun) -> None:
        """Waits for a moment to kill: at random, or right after something happens in the destination."""
        dice = self._dice
        if dice.random() > _EARLY:
            run.wait_until_begun(_START)
        if dice.random() < 0.5:
            run.pause(10 ** dice.uniform(-3, 0.4))
            return
        moment = self._watcher.events + int(10 ** dice.uniform(0, _MOST_EVENTS))
        deadline = time.monotonic() + _LAST_MOMENT
        while run.is_running and time.monotonic() < deadline and not self._watcher.wait_for(moment, 0.02):
            pass

    def _judge(self, results: Results | None, run: ChaosRun) -> None:
        """Compares the results of a run with the files on the disk. Nobody writes meanwhile."""
        if results is None:
            self._tally.unexpected.append(f"a process ended without results: {run.errors()}")
            return
        answered = [result["name"] for result in results]
        self._tally.lost += [f"{name} has no result" for name in self._samples if answered.count(name) != 1]
        for result in results:
            if result["message"].startswith("Unexpected error"):
                self._tally.unexpected.append(f"{result['name']}: {result['message']}: {run.errors()}")
            if result["outcome"] != "failed" and not self._is_right(result["name"]):
                self._tally.untrue.append(f"{result['name']}: {result['outcome']}, {result['assurance']}")

    def _is_right(self, name: str) -> bool:
        path = self._destination / name
        return path.is_file() and digest_of(path.read_bytes()) == self._right.get(name)

    def _look_around(self) -> None:
        """At the end each file has to be right, and no part file may be left."""
        self._change_weather(None)
        self._tally.undone += [f"{name} is not complete" for name in self._samples if not self._is_right(name)]
        self._tally.left += [path.name for path in self._destination.rglob("*.part")]
