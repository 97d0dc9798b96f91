"""The transfer of planned files: one batch, one file, many small files."""

from __future__ import annotations

from .batch import Progress, TransferOptions, restore
from .job import TransferLimits, TransferPolicy, UnderWay

__all__ = ["Progress", "TransferLimits", "TransferOptions", "TransferPolicy", "UnderWay", "restore"]
