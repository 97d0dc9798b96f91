"""What the tasks of a run tell each other through XComs, as typed values."""

from __future__ import annotations

from .packed_results import Expected, expected, pack, unpack
from .values import (
    RESULT,
    RESULTS,
    Received,
    Refusals,
    Shard,
    ShardPlan,
    ShardResults,
    Validated,
    push_plan,
    push_problem,
    push_result,
    push_results,
    push_validated,
    read,
)

__all__ = [
    "RESULT",
    "RESULTS",
    "Expected",
    "Received",
    "Refusals",
    "Shard",
    "ShardPlan",
    "ShardResults",
    "Validated",
    "expected",
    "pack",
    "push_plan",
    "push_problem",
    "push_result",
    "push_results",
    "push_validated",
    "read",
    "unpack",
]
