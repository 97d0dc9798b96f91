"""How long a source waits for its server."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Timeouts"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for a server, in seconds."""

    connect: float = 10.0
    stall: float = 60.0
    """Without a single byte, from the request on and between two reads."""
