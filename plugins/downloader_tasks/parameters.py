"""What a run was asked for, as far as the DAGs are alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from downloader.errors import DownloadError, cut
from downloader.paths import safe_path
from downloader.spelling import did_you_mean

from .dag_ids import DagId
from .failures import Refusal
from .settings import SPEEDS
from .wording import a_few, one_line

__all__ = ["day", "max_speed", "path_below", "refuse_contradictions", "refuse_unknown_keys", "trimmed"]

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAMED_BY: Final = ("raw_file_id", "raw_file_ids", "project_id")
_DOWNLOAD_ALONE: Final = ("ask_first", "dry_run", "max_speed", "overwrite", "thaw")
"""Parameters that say nothing to an audit."""


def refuse_unknown_keys(conf: Mapping[str, Any] | None, known: Collection[str]) -> None:
    """Raises Refusal where a run was given a parameter that its DAG does not have: Airflow itself accepts any."""
    unknown = sorted(set(conf or {}) - set(known))
    if not unknown:
        return
    hints = [did_you_mean(unknown[0], known), f"the parameters are {', '.join(sorted(known))}"]
    raise Refusal(f"there is no parameter {a_few(unknown)}: {' '.join(filter(None, hints))}")


def refuse_contradictions(dag_id: DagId, params: Mapping[str, Any]) -> None:
    """Raises Refusal where parameters do not fit together, which the schema of the form cannot say.

    Called by `validate`, and when a schedule is read: so what may be wrong with a schedule is seen before it runs.
    """
    if dag_id in _CONTRADICTIONS:
        _CONTRADICTIONS[dag_id](params)


def _audit(params: Mapping[str, Any]) -> None:
    given = [name for name in _DOWNLOAD_ALONE if params.get(name)]
    if params.get("audit") and given:
        raise Refusal(
            f"audit is given with {a_few(given)}: an audit reads what is on the disk, and downloads and changes "
            f"nothing; remove {'these' if len(given) > 1 else 'that'}, or audit"
        )


def _raw_files(params: Mapping[str, Any]) -> None:
    _audit(params)
    given = [name for name in _NAMED_BY if params.get(name)]
    if len(given) > 1:
        both = "both" if len(given) == 2 else "all"
        raise Refusal(f"{' and '.join(given)} are {both} given; give only one of them")
    values = [params.get(name) or "" for name in _NAMED_BY]
    if not any(trimmed([value] if isinstance(value, str) else value) for value in values):
        raise Refusal('no raw file is named; give raw_file_id, such as {"raw_file_id": "20250115_sample"}')


def _pictures(params: Mapping[str, Any]) -> None:
    select, mission = params.get("select", "new"), params.get("mission_id")
    if select != "mission" and mission is not None:
        raise Refusal(f"mission_id is {mission}, and select is {select}; set select to mission, or remove mission_id")
    if select == "mission" and mission is None:
        raise Refusal("select is mission, and no mission_id is given; give the mission's number, such as 12345")
    since, until = day(params, "since"), day(params, "until")
    if since and until and since > until:
        raise Refusal(f"since is {since}, which is after until, {until}; give the earlier day as since")


_CONTRADICTIONS: Final[Mapping[str, Callable[[Mapping[str, Any]], None]]] = {
    "s3_downloader": _raw_files,
    "minio_downloader": _audit,
    "slooh_images": _pictures,
}


def day(params: Mapping[str, Any], name: str) -> date | None:
    """The day that a parameter names; None where it is not given. Raises Refusal."""
    text = (params.get(name) or "").strip()
    if not text:
        return None
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Refusal(f"{name} is {one_line(text)}, which is not a date; write it as 2026-02-07")


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
