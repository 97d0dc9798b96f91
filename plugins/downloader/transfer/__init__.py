"""The transfer of planned files: one batch, one file, many small files. And the audit of what is there."""

from __future__ import annotations

from .auditing import audit, proves_all
from .batch import restore
from .decision import Action, Decision, Start, decide
from .inspection import inspect_by_size
from .options import TransferLimits, TransferOptions, TransferPolicy
from .preview import Prospect, Questions, foresee
from .progress import FileProgress, Progress

__all__ = [
    "Action",
    "Decision",
    "FileProgress",
    "Progress",
    "Prospect",
    "Questions",
    "Start",
    "TransferLimits",
    "TransferOptions",
    "TransferPolicy",
    "audit",
    "decide",
    "foresee",
    "inspect_by_size",
    "proves_all",
    "restore",
]
