"""The counts of trials."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields

from .watcher import Sightings

__all__ = ["ChaosTally"]


@dataclass(slots=True)
class ChaosTally:
    """Of one source, or of all. The lists hold what must not happen: a sentence each."""

    trials: int = 0
    processes: int = 0
    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    files: int = 0
    needed: int = 0
    """Bytes."""
    fetched: int = 0
    """Bytes that went to the workers, with all that HTTP adds."""
    looks: int = 0
    longest: float = 0.0
    missed: int = 0
    wrong: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    """Results that reported OK for a wrong file."""
    lost: list[str] = field(default_factory=list)
    """Planned files without a result."""
    left: list[str] = field(default_factory=list)
    """Part files after success."""
    endless: list[str] = field(default_factory=list)
    """Processes that did not end."""
    undone: list[str] = field(default_factory=list)
    """Files that were not complete after the last run, over a network without faults."""
    unexpected: list[str] = field(default_factory=list)
    """Unexpected errors of the program, and processes that ended by themselves without results."""

    def see(self, sightings: Sightings) -> None:
        """Adds what a watcher saw."""
        self.looks += sightings.looks
        self.longest = max(self.longest, sightings.longest)
        self.missed += sightings.missed
        self.wrong += sightings.wrong
        self.gone += sightings.gone

    @property
    def problems(self) -> list[str]:
        """All that must not happen."""
        return [
            f"{one.name}: {what}"
            for one in fields(self)
            for what in (getattr(self, one.name) if isinstance(getattr(self, one.name), list) else ())
        ]

    def add(self, other: ChaosTally) -> None:
        """Adds the counts of another one."""
        longest = max(self.longest, other.longest)
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        self.longest = longest
