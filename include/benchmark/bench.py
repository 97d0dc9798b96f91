"""What a case is given, and what all cases reckon with."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .contestants import Arena, Contestant, Ours, python_command, python_env
from .measure import Broken
from .objects import Stock
from .rounds import CaseOutcome, Stage

__all__ = ["OURS", "Bench", "ratio", "same_work"]

OURS = "ours"
"""What all names of our contestants begin with."""


@dataclass(frozen=True, slots=True)
class Bench:
    """All that a case needs."""

    stock: Stock
    arena: Arena
    stage: Stage

    @property
    def far_away(self) -> Bench:
        """The same with the server far away."""
        return replace(self, arena=self.arena.far_away)

    @property
    def ours(self) -> Ours:
        """Makes our contestants."""
        return Ours(self.arena)

    def catalogue(self, record: Path, prefix: str) -> Path:
        """A catalogue of one raw file, in SQLite: that of a record, whose keys begin with `prefix`. Raises Broken."""
        database = record.with_suffix(".db")
        command = [*python_command(self.arena, "catalogue"), str(record), prefix, str(database)]
        done = subprocess.run(command, env=python_env(self.arena), capture_output=True, text=True, check=False)
        if done.returncode:
            raise Broken(f"no catalogue could be made: {done.stderr[-600:]}")
        return database

    def play(self, contestants: list[Contestant]) -> dict[str, CaseOutcome]:
        """The usual number of rounds."""
        return self.stage.play(contestants, self.stock.sizes.rounds)

    def play_long(self, contestants: list[Contestant], rounds: int, timeout: float) -> dict[str, CaseOutcome]:
        """Rounds that may take `timeout` seconds each, if nothing longer was asked for."""
        stage = replace(self.stage, timeout=max(self.stage.timeout, timeout))
        return stage.play(contestants, rounds)


def ratio(theirs: CaseOutcome, ours: CaseOutcome, times: float = 1) -> float | None:
    """How many times as fast as theirs ours is, `times` as much being done."""
    return times * theirs.seconds / ours.seconds if theirs.runs and ours.runs else None


def same_work(played: Mapping[str, CaseOutcome], each: float) -> dict[str, float]:
    """The same work for everyone."""
    return dict.fromkeys(played, each)
