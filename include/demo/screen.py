"""What the demo prints. Standard output is for people, unless `quiet` keeps it free for a program."""

from __future__ import annotations

import sys
from textwrap import indent

__all__ = ["heading", "indented", "quiet", "say", "shorten"]

_SHOWN_FIRST = 4
_SHOWN_LAST = 2
_to = [sys.stdout]


def quiet() -> None:
    """From now on everything goes to standard error."""
    _to[0] = sys.stderr


def say(text: str = "") -> None:
    """Prints at once, also into a pipe."""
    print(text, file=_to[0], flush=True)


def heading(text: str) -> None:
    """A line that stands out."""
    say(f"\n=== {text}")


def indented(text: str) -> str:
    """`text` as a block of its own."""
    return indent(text, "    ")


def shorten(report: str) -> str:
    """A report as it is shown: of many files that went the same way, only the first and the last few."""
    before, files, after = _split(report)
    failures = [line for line in files if ": FAILURE - " in line]
    if len(files) <= _SHOWN_FIRST + _SHOWN_LAST + 1 or failures:
        return report.rstrip("\n")
    hidden = len(files) - _SHOWN_FIRST - _SHOWN_LAST
    shown = [*files[:_SHOWN_FIRST], f"... ({hidden} more lines like these, left out here)", *files[-_SHOWN_LAST:]]
    return "\n".join([*before, *shown, *after])


def _split(report: str) -> tuple[list[str], list[str], list[str]]:
    """The lines before those of the files, those of the files, and the rest."""
    lines = report.rstrip("\n").split("\n")
    if "Files:" not in lines or "Summary:" not in lines:
        return lines, [], []
    start, stop = lines.index("Files:") + 2, lines.index("Summary:") - 1
    return lines[:start], lines[start:stop], lines[stop:]
