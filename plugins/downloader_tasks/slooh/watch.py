"""Progress of reading Slooh's list, which takes long, as there is a limit of requests a minute."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from downloader.sources.slooh import Scan

from ..execution import Rhythm

__all__ = ["ListingWatch"]

_SECONDS: Final = 10.0

log = logging.getLogger(__name__)


class ListingWatch:
    """Informs the log and the state store, every ten seconds."""

    def __init__(
        self, show: Callable[[Mapping[str, Any]], None], *, quiet: bool = False, rhythm: Rhythm | None = None
    ) -> None:
        """`show` puts figures into the state store. `quiet`: nothing for the log."""
        self._show = show
        self._quiet = quiet
        self._rhythm = rhythm or Rhythm(_SECONDS)

    def __call__(self, scan: Scan) -> None:
        """Takes how far it is."""
        if not self._rhythm.due():
            return
        self._show(asdict(scan))
        if self._quiet:
            return
        if scan.missions:
            log.info("Asked for the FITS frames of %s of %s missions", f"{scan.mission:,}", f"{scan.missions:,}")
        else:
            log.info("Looked at %s of %s pictures in Slooh's list", f"{scan.pictures:,}", f"{scan.available:,}")
