"""Contestants in turns: A B C, A B C, ..., each on a quiet disk, so that no contestant waits for the writes of another.

What a run downloaded is emptied, not removed, until the whole benchmark is over: ext4 does not reuse an inode for
a minute, and until then steps over it whenever a file is made. Whoever makes ten thousand files just after ten thousand
were removed spends two to three times as long in the kernel.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from .contestants import Contestant
from .measure import Broken, MeasuredRun, measure, settle

__all__ = ["CaseOutcome", "Stage"]


@dataclass(slots=True)
class CaseOutcome:
    """What was measured of one contestant, round by round. `failure` says why it dropped out, if it did."""

    name: str
    runs: list[MeasuredRun] = field(default_factory=list)
    then: list[MeasuredRun] = field(default_factory=list)
    """What had to be run afterwards."""
    flushes: list[float] = field(default_factory=list)
    """Seconds until the disk had what the run left in memory."""
    busy: list[float] = field(default_factory=list)
    """The share of all processors that other programs took just before each run."""
    failure: str = ""

    @property
    def seconds(self) -> float:
        """The median, seen from outside."""
        return median(run.seconds for run in self.runs)

    @property
    def inside(self) -> float | None:
        """The median of the seconds that the program itself measured; None if it prints none."""
        figures = [inside for run in self.runs if (inside := _inside(run)) is not None]
        return median(figures) if figures else None

    @property
    def seconds_with_then(self) -> float:
        """The median with what had to be run afterwards."""
        return median(run.seconds + then.seconds for run, then in zip(self.runs, self.then, strict=True))

    @property
    def peak(self) -> float:
        """The worst, in MB."""
        return max(run.peak for run in self.runs)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where rounds are played: in `work`, none longer than `timeout` seconds. `say` takes a line for the screen.

    `patience`: seconds to wait before each run for other programs to be quiet.
    """

    work: Path
    timeout: float
    patience: float
    say: Callable[[str], None]

    def play(self, contestants: Sequence[Contestant], rounds: int) -> dict[str, CaseOutcome]:
        """The outcomes, by name. Who fails once is out: its failure stands in the table."""
        outcomes = {contestant.name: CaseOutcome(contestant.name) for contestant in contestants}
        for number in range(1, rounds + 1):
            for contestant in contestants:
                outcome = outcomes[contestant.name]
                if not outcome.failure:
                    self._turn(contestant, outcome)
                    self.say(f"  {number}/{rounds} {contestant.name}: {_short(outcome)}")
        return outcomes

    def _turn(self, contestant: Contestant, outcome: CaseOutcome) -> None:
        folder = contestant.folder or Path(tempfile.mkdtemp(prefix="out-", dir=self.work))
        before = settle(self.patience)
        try:
            outcome.runs.append(self._run(contestant, folder))
            outcome.busy.append(before.busy)
            if contestant.then:
                outcome.then.append(self._run(contestant.then, folder))
            outcome.flushes.append(settle().flush)
        except Broken as problem:
            outcome.failure = str(problem)
        finally:
            if contestant.folder is None:
                _empty(folder)

    def _run(self, contestant: Contestant, folder: Path) -> MeasuredRun:
        run = measure(contestant.command(folder), contestant.env, self.timeout)
        contestant.check(folder, run.output)
        return run


def _empty(folder: Path) -> None:
    """Gives the files' space back, and keeps their inodes."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.truncate(path, 0)


def _inside(run: MeasuredRun) -> float | None:
    if not run.output.startswith('{"started"'):
        return None
    return float(json.loads(run.output)["inside"])


def _short(outcome: CaseOutcome) -> str:
    if outcome.failure:
        return f"dropped out: {outcome.failure}"
    run = outcome.runs[-1]
    return f"{run.seconds:.2f} s, {run.cpu:.2f} s of processor, {run.peak:.0f} MB"
