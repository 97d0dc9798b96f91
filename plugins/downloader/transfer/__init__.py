"""The transfer of planned files: one batch, one file, many small files."""

from __future__ import annotations

from .batch import Means, Progress, restore
from .job import Handling, Limits, UnderWay

__all__ = ["Handling", "Limits", "Means", "Progress", "UnderWay", "restore"]
