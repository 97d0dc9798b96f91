"""The table in Markdown: what was done, and the rows that must be zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from .faults import Fault
from .tally import ChaosTally

__all__ = ["table"]

_NAMES: Final = {"s3": "S3", "minio": "MinIO", "drive": "Drive", "slooh": "Slooh"}

_Row = tuple[str, Callable[[ChaosTally], str]]


def _count(number: int) -> str:
    return f"{number:,}"


def _fault(fault: Fault) -> _Row:
    return f"... {fault}", lambda tally: _count(tally.faults[fault])


def _twice(tally: ChaosTally) -> str:
    more = max(tally.fetched - tally.needed, 0)
    return f"{more / 1e6:,.1f} MB ({more / max(tally.needed, 1):.0%})"


_DONE: Final[tuple[_Row, ...]] = (
    ("restores, each until all files were complete", lambda tally: _count(tally.trials)),
    ("worker processes", lambda tally: _count(tally.processes)),
    ("... killed (SIGKILL) at work", lambda tally: _count(tally.kills)),
    ("faults of the network", lambda tally: _count(tally.faults.total())),
    *map(_fault, Fault),
    ("files", lambda tally: _count(tally.files)),
    ("bytes needed", lambda tally: f"{tally.needed / 1e6:,.1f} MB"),
    ("bytes sent beyond that, HTTP headers included", _twice),
    ("files that appeared under a final name, each read at once", lambda tally: _count(tally.looks)),
    ("... longest delay before the read", lambda tally: f"{tally.longest * 1000:.0f} ms"),
)
_ZERO: Final[tuple[tuple[str, str], ...]] = (
    ("wrong", "**wrong files under a final name**"),
    ("missed", "files that were gone before they could be read"),
    ("gone", "final names taken away"),
    ("untrue", "results that reported OK for a wrong file"),
    ("lost", "planned files without a result"),
    ("endless", "processes that did not end"),
    ("undone", "files not complete at the end"),
    ("left", "part files left behind"),
    ("unexpected", "unexpected errors of the program"),
)


def table(tallies: Mapping[str, ChaosTally]) -> str:
    """By source, and all together."""
    whole = ChaosTally()
    for tally in tallies.values():
        whole.add(tally)
    columns = [*tallies.values(), whole]
    head = ["", *(_NAMES[source] for source in tallies), "all"]
    lines = [_line(head), _line(["---", *["---:"] * len(columns)])]
    lines += [_line([name, *map(show, columns)]) for name, show in _DONE]
    lines += [_line([name, *(_zero(tally, what) for tally in columns)]) for what, name in _ZERO]
    return "\n".join(lines)


def _zero(tally: ChaosTally, what: str) -> str:
    found = getattr(tally, what)
    return _count(found if isinstance(found, int) else len(found))


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
