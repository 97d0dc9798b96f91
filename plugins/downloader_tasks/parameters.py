"""What a run was asked for, as far as the DAGs are alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from downloader.errors import DownloadError, cut
from downloader.paths import safe_path
from downloader.spelling import did_you_mean

from .failures import Refusal
from .settings import SPEEDS
from .wording import a_few, one_line

__all__ = ["max_speed", "path_below", "refuse_unknown_keys", "trimmed"]


def refuse_unknown_keys(conf: Mapping[str, Any] | None, known: Collection[str]) -> None:
    """Raises Refusal where a run was given a parameter that its DAG does not have: Airflow itself accepts any."""
    unknown = sorted(set(conf or {}) - set(known))
    if not unknown:
        return
    hints = [did_you_mean(unknown[0], known), f"the parameters are {', '.join(sorted(known))}"]
    raise Refusal(f"there is no parameter {a_few(unknown)}: {' '.join(filter(None, hints))}")


def max_speed(params: Mapping[str, Any]) -> float | None:
    """The parameter `max_speed`, in MB a second; None where it is not given. Raises Refusal."""
    value = params.get("max_speed")
    if value is None:
        return None
    # The schema refuses the others when the run is triggered; NaN is neither below its minimum nor above its maximum.
    if isinstance(value, bool) or not isinstance(value, int | float) or not SPEEDS[0] <= value <= SPEEDS[1]:
        least, most = SPEEDS
        raise Refusal(
            f"max_speed is {one_line(cut(str(value), 40))}; give a number of MB a second from {least:g} to {most:d}, "
            "or leave it out for no limit"
        )
    return float(value)


def trimmed(values: Iterable[str]) -> tuple[str, ...]:
    """`values` without the space around them, each once, in their order."""
    return tuple(dict.fromkeys(value.strip() for value in values if value.strip()))


def path_below(folder: Path, named: str) -> Path | None:
    """The path `named` in `folder`; None where that is not below it, whatever symbolic links are on the way."""
    try:
        path = folder / safe_path(named).text
        return path if path.resolve().is_relative_to(folder.resolve()) else None
    except (DownloadError, RuntimeError):  # a link that leads to itself is a RuntimeError
        return None
