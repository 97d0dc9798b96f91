"""`slooh_images`: an astronomer's pictures and FITS frames, from Slooh."""

from __future__ import annotations

from .account import account_of
from .download_run import SloohRun

__all__ = ["SloohRun", "account_of"]
