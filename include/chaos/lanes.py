"""The sources side by side, each with one trial after another until the time is up."""

from __future__ import annotations

import random
import shutil
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .sample_files import CASES
from .tally import ChaosTally
from .trial import Trial, Workspace

__all__ = ["Book", "run_lanes"]

_SHOWN = 300


@dataclass(slots=True)
class Book:
    """The results of all lanes. `say` takes a line for the screen."""

    say: Callable[[str], None]
    keep: bool
    """Whether the folders of trials that failed stay."""
    tallies: dict[str, ChaosTally] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, source: str, seed: int, tally: ChaosTally, folder: Path) -> None:
        """Adds a trial. Its folder is deleted, unless the trial failed and `keep` is set."""
        problems = tally.problems
        with self._lock:
            self.tallies.setdefault(source, ChaosTally()).add(tally)
            self.failed += [f"{source}, seed {seed}: {problem}" for problem in problems]
        if problems:
            kept = f" ({folder})" if self.keep else ""
            self.say(f"FAILED: --sources {source} --seed {seed}{kept}: {problems[0][:_SHOWN]}")
        if not (problems and self.keep):
            shutil.rmtree(folder, ignore_errors=True)

    def give_up(self, source: str) -> None:
        """Records that a lane stopped because of an error of this program or of a server."""
        with self._lock:
            self.failed.append(f"{source}: the trials stopped with an error: {traceback.format_exc()}")
        self.say(self.failed[-1])


def run_lanes(workspaces: Mapping[str, Workspace], seed: int, work: Path, book: Book) -> None:
    """Returns once every lane has ended."""
    lanes = [
        threading.Thread(target=_run, args=(source, workspace, seed, work, book), name=source, daemon=True)
        for source, workspace in workspaces.items()
    ]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()


def _run(source: str, workspace: Workspace, seed: int, work: Path, book: Book) -> None:
    """Trial number n has the seed `seed` + n: any one of them can be the first of another run."""
    try:
        while not workspace.is_over():
            folder = work / f"{source}-{seed}"
            case = random.Random(f"{source} {seed}").choice(CASES[source])
            book.enter(source, seed, Trial(case, seed, workspace, folder).play(), folder)
            seed += 1
    except Exception:  # noqa: BLE001 the others go on
        book.give_up(source)
