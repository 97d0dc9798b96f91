"""The table: what was measured, what was promised, and by how much a promise was missed. In Markdown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from .rounds import Outcome

__all__ = ["Figure", "Ratio", "Section", "Target", "table"]

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
    "target",
    "",
)
_LACKING = "not measured"


@dataclass(frozen=True, slots=True)
class Figure:
    """Seconds that are stated, without a promise."""

    name: str
    seconds: float

    @property
    def cells(self) -> list[str]:
        """The row."""
        return ["", self.name, f"{self.seconds:.2f}", *[""] * 8]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio that is stated, without a promise. `value` is None where it could not be measured."""

    name: str
    value: float | None

    @property
    def cells(self) -> list[str]:
        """The row."""
        return ["", f"**{self.name}**", *[""] * 6, _shown(self.value), "", "" if self.value else _LACKING]


@dataclass(frozen=True, slots=True)
class Target:
    """A promise. `value` is None where it could not be measured."""

    name: str
    value: float | None
    goal: float
    at_least: bool

    @property
    def cells(self) -> list[str]:
        """The row."""
        sign = "≥" if self.at_least else "≤"
        return ["", f"**{self.name}**", *[""] * 6, _shown(self.value), f"{sign} {self.goal:g}", self.verdict]

    @property
    def met(self) -> bool:
        """Whether it holds."""
        if self.value is None:
            return False
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    @property
    def verdict(self) -> str:
        """In words."""
        if self.value is None:
            return _LACKING
        return "met" if self.met else f"**missed by {abs(self.value - self.goal) / self.goal:.1%}**"


@dataclass(frozen=True, slots=True)
class Section:
    """One case: what was measured, how much work that was, and what was promised.

    `work` and `unit`: what one run does, for the rate (10,000 objects; 2,147 MB).
    """

    title: str
    outcomes: Collection[Outcome]
    work: dict[str, float]
    unit: str
    promises: Sequence[Target | Ratio | Figure]

    @property
    def rounds(self) -> int:
        """How many were played to their end, by whoever played the most."""
        return max((len(outcome.runs) for outcome in self.outcomes), default=0)

    @property
    def rows(self) -> list[list[str]]:
        """The rows of the table."""
        first, *rest = [
            *(row for outcome in self.outcomes for row in self._rows_of(outcome)),
            *(promise.cells for promise in self.promises),
        ]
        return [[self.title, *first[1:]], *rest]

    def _rows_of(self, outcome: Outcome) -> list[list[str]]:
        if outcome.failure:
            return [["", outcome.name, f"out: {' '.join(outcome.failure.split())[:200]}", *[""] * 8]]
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

    def _row(self, outcome: Outcome) -> list[str]:
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
    """All of it."""
    rows = [list(_HEAD), ["---"] * len(_HEAD), *(row for section in sections for row in section.rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
