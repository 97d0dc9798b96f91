"""The table in Markdown: what was measured, the goals, and by how much a goal was missed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from .rounds import CaseOutcome

__all__ = ["Figure", "Goal", "Ratio", "Section", "table"]

_HEAD = (
    "case",
    "who",
    "seconds (least to most)",
    "inside",
    "CPU s",
    "peak MB",
    "left to flush, s",
    "rate",
    "ratio",
    "goal",
    "",
)
_LACKING = "not measured"


@dataclass(frozen=True, slots=True)
class Figure:
    """Seconds without a goal."""

    name: str
    seconds: float

    @property
    def cells(self) -> list[str]:
        """The row."""
        return ["", self.name, f"{self.seconds:.2f}", *[""] * 8]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio without a goal. `value` is None where it could not be measured."""

    name: str
    value: float | None

    @property
    def cells(self) -> list[str]:
        """The row."""
        return ["", f"**{self.name}**", *[""] * 6, _shown(self.value), "", "" if self.value else _LACKING]


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio or figure with a goal. `value` is None where it could not be measured."""

    name: str
    value: float | None
    bound: float
    at_least: bool

    @property
    def cells(self) -> list[str]:
        """The row."""
        sign = "≥" if self.at_least else "≤"
        return ["", f"**{self.name}**", *[""] * 6, _shown(self.value), f"{sign} {self.bound:g}", self.verdict]

    @property
    def met(self) -> bool:
        """Whether the goal is met."""
        if self.value is None:
            return False
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        if self.value is None:
            return _LACKING
        return "met" if self.met else f"**missed by {abs(self.value - self.bound) / self.bound:.1%}**"


@dataclass(frozen=True, slots=True)
class Section:
    """One case: what was measured, how much work that was, and its goals.

    `work` and `unit`: what one run does, for the rate (10,000 objects; 2,147 MB).
    """

    title: str
    outcomes: Collection[CaseOutcome]
    work: dict[str, float]
    unit: str
    goals: Sequence[Goal | Ratio | Figure]

    @property
    def rounds(self) -> int:
        """The largest number of rounds that a contestant completed."""
        return max((len(outcome.runs) for outcome in self.outcomes), default=0)

    @property
    def rows(self) -> list[list[str]]:
        """The rows of the table."""
        first, *rest = [
            *(row for outcome in self.outcomes for row in self._rows_of(outcome)),
            *(goal.cells for goal in self.goals),
        ]
        return [[self.title, *first[1:]], *rest]

    def _rows_of(self, outcome: CaseOutcome) -> list[list[str]]:
        if outcome.failure:
            return [["", outcome.name, f"dropped out: {' '.join(outcome.failure.split())[:200]}", *[""] * 8]]
        rows = [self._row(outcome)]
        if outcome.then:
            seconds = f"{outcome.seconds_with_then:.2f}"
            rows.append(
                [
                    "",
                    f"{outcome.name}, then md5sum",
                    seconds,
                    *[""] * 4,
                    self._rate(outcome.name, outcome.seconds_with_then),
                    *[""] * 3,
                ]
            )
        return rows

    def _row(self, outcome: CaseOutcome) -> list[str]:
        every = [run.seconds for run in outcome.runs]
        return [
            "",
            outcome.name,
            f"{outcome.seconds:.2f} ({min(every):.2f} to {max(every):.2f})",
            "" if outcome.inside is None else f"{outcome.inside:.2f}",
            f"{median(run.cpu for run in outcome.runs):.2f}",
            f"{outcome.peak:.0f}",
            f"{median(outcome.flushes):.2f}",
            self._rate(outcome.name, outcome.seconds),
            *[""] * 3,
        ]

    def _rate(self, name: str, seconds: float) -> str:
        work = self.work.get(name)
        return "" if work is None else f"{work / seconds:,.0f} {self.unit}/s"


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def table(sections: Iterable[Section]) -> str:
    """The whole table."""
    rows = [list(_HEAD), ["---"] * len(_HEAD), *(row for section in sections for row in section.rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
