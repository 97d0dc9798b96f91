"""The transfer of planned files: one batch, one file, many small files."""

from __future__ import annotations

from .batch import restore
from .decision import Action, Decision, Start, decide
from .inspection import inspect_by_size
from .options import TransferLimits, TransferOptions, TransferPolicy
from .progress import FileProgress, Progress

__all__ = [
    "Action",
    "Decision",
    "FileProgress",
    "Progress",
    "Start",
    "TransferLimits",
    "TransferOptions",
    "TransferPolicy",
    "decide",
    "inspect_by_size",
    "restore",
]
