"""What somebody meant who wrote a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean"]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``did you mean timezone?``; "" where none of the known names is like `name`."""
    near = get_close_matches(name, [*known], n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else ""
