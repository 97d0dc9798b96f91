"""One try of one task: its results, its state, its progress, its interruptions."""

from __future__ import annotations

from .attempt import Attempt, conclude
from .progress import FEW, Rhythm
from .thaw_wait import ThawLook, ThawTerms, ThawWait
from .unreported import Unreported, begun_in

__all__ = ["FEW", "Attempt", "Rhythm", "ThawLook", "ThawTerms", "ThawWait", "Unreported", "begun_in", "conclude"]
