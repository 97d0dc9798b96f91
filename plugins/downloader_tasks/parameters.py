"""What a run was asked for, as far as all DAGs are alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from .failures import Refusal
from .wording import a_few

__all__ = ["refuse_unknown_keys", "trimmed"]


def refuse_unknown_keys(conf: Mapping[str, Any] | None, known: Collection[str]) -> None:
    """Raises Refusal where a run was given a parameter that there is not: Airflow itself takes any."""
    unknown = sorted(set(conf or {}) - set(known))
    if not unknown:
        return
    near = get_close_matches(unknown[0], known, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}? " if near else ""
    raise Refusal(f"there is no parameter {a_few(unknown)}: {hint}the parameters are {', '.join(sorted(known))}")


def trimmed(values: Iterable[str]) -> tuple[str, ...]:
    """`values` without the space around them, each once, in their order."""
    return tuple(dict.fromkeys(value.strip() for value in values if value.strip()))
