"""One try of one task: its results on their way, its state, its progress, its interruptions."""

from __future__ import annotations

from .attempt import Attempt, conclude
from .interruptions import Interruptions
from .packed_results import Expected, expected, pack_expected, results_of, unpack_expected
from .progress import FEW, Rhythm
from .task_state import PLAN, RESULTS, TaskState

__all__ = [
    "FEW",
    "PLAN",
    "RESULTS",
    "Attempt",
    "Expected",
    "Interruptions",
    "Rhythm",
    "TaskState",
    "conclude",
    "expected",
    "pack_expected",
    "results_of",
    "unpack_expected",
]
