"""Where the schedules are written down, and whether there are any. Light: Airflow asks at each parse."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

__all__ = ["VARIABLE", "has_none", "schedules_file"]

VARIABLE: Final = "DOWNLOADER_SCHEDULES"
_SHIPPED: Final = Path(__file__).resolve().parents[3] / "include" / "schedules.yaml"
_NONE: Final = [b"schedules: []"]


def schedules_file(environ: Mapping[str, str]) -> Path:
    """The file that DOWNLOADER_SCHEDULES names, else the project's own."""
    named = environ.get(VARIABLE)
    return Path(named) if named else _SHIPPED


def has_none(file: Path) -> bool:
    """Whether it is certain, without reading YAML, that no schedule is in `file`: all is a comment, as it is shipped.

    Some deployments of Airflow have no folder `include`: there is none then.
    """
    try:
        lines = [line.rstrip() for line in file.read_bytes().splitlines()]
    except FileNotFoundError:
        return file == _SHIPPED
    except OSError:
        return False
    return [line for line in lines if line and not line.lstrip().startswith(b"#")] == _NONE
