"""What is done with one file, as a value: decided here from an inspection, and nowhere else.

| found | bytes that can be resumed | action | starts at |
| --- | --- | --- | --- |
| intact | any | keep | |
| missing, or to be overwritten | none | download | the beginning |
| missing, or to be overwritten | a part file | resume | the part file's end |
| partial | none | heal | the beginning |
| partial | a part file | resume | the part file's end |
| partial | the copy, longer than the part file, and a checksum will prove the whole | resume | the copy's end |
| altered | none | heal | the beginning |
| altered | a part file | heal | the part file's end |

What is healed keeps more than that where the parts of the file are known: see `healing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ..remote_file import RemoteFile
from ..results import Outcome
from .inspection import Inspection, State
from .verification import is_provable

__all__ = ["Action", "Decision", "Start", "decide"]


class Action(StrEnum):
    """What is done with a file."""

    KEEP = "keep"
    RESUME = "resume"
    HEAL = "heal"
    DOWNLOAD = "download"


class Start(StrEnum):
    """Where the bytes of a file that is not kept begin."""

    BEGINNING = "beginning"
    PART_FILE = "part file"
    COPY = "copy"
    """The incomplete file under the final name."""


_OUTCOMES: Final = {
    Action.KEEP: Outcome.SKIPPED,
    Action.RESUME: Outcome.RESUMED,
    Action.HEAL: Outcome.SELF_HEALED,
    Action.DOWNLOAD: Outcome.DOWNLOADED,
}


@dataclass(frozen=True, slots=True)
class Decision:
    """`reason`: why, in a few words. `have`: bytes that need not be downloaded, unless they turn out to be wrong."""

    action: Action
    reason: str
    start: Start = Start.BEGINNING
    have: int = 0

    @property
    def outcome(self) -> Outcome:
        """What becomes of the file where it succeeds."""
        return _OUTCOMES[self.action]


_FRESH: Final = Decision(Action.DOWNLOAD, "missing")


def decide(found: Inspection, file: RemoteFile, part: int = 0, *, resumable: bool = True) -> Decision:
    """What is done with `file`, of which `found` is under the final name and `part` bytes are in its part file.

    `resumable`: whether the policy allows to resume and the source grants ranges.
    """
    if found.state is State.INTACT:
        return Decision(Action.KEEP, "intact", have=found.size)
    if found.state is State.MISSING and not part:
        return _FRESH
    start, have = _start(found, file, part) if resumable else (Start.BEGINNING, 0)
    if found.state is State.ALTERED or (found.state is State.PARTIAL and not have):
        return Decision(Action.HEAL, found.reason, start, have)
    if have:
        return Decision(Action.RESUME, f"{have:,} bytes are there", start, have)
    return Decision(Action.DOWNLOAD, "to be overwritten" if found.state is State.UNREAD else "missing")


def _start(found: Inspection, file: RemoteFile, part: int) -> tuple[Start, int]:
    usable = part if file.size is None or part <= file.size else 0
    if found.state is State.PARTIAL and found.size > usable and is_provable(file):
        return Start.COPY, found.size
    return (Start.PART_FILE, usable) if usable else (Start.BEGINNING, 0)
