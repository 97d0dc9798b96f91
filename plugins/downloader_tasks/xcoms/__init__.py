"""What the tasks of a run tell each other through XComs, as typed values."""

from __future__ import annotations

from .approval import push_approval
from .packed_results import Expected, expected, pack, unpack
from .previews import Previews, pull_previews, push_previews
from .thaws import ShardThaw, pull_thaw, push_thaw
from .values import (
    RESULT,
    RESULTS,
    Received,
    Refusals,
    Shard,
    ShardPlan,
    ShardResults,
    Validated,
    push_dag_result,
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
    "Previews",
    "Received",
    "Refusals",
    "Shard",
    "ShardPlan",
    "ShardResults",
    "ShardThaw",
    "Validated",
    "expected",
    "pack",
    "pull_previews",
    "pull_thaw",
    "push_approval",
    "push_dag_result",
    "push_plan",
    "push_previews",
    "push_problem",
    "push_result",
    "push_results",
    "push_thaw",
    "push_validated",
    "read",
    "unpack",
]
