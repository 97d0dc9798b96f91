"""The file of schedules, read and checked as the configuration is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from airflow.sdk import Param
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..dag_ids import DAG_IDS
from ..settings import ConfigurationError, Document, KeyPath, Problem, explain, read
from .conf import check_conf
from .location import VARIABLE, schedules_file
from .schedule import Schedule

__all__ = ["ParamsOf", "load_schedules"]

ParamsOf = Callable[[str], Mapping[str, Param]]
"""Answers the parameters of a DAG."""


class _Whole(BaseModel):
    """The file. Its entries are read one by one."""

    model_config = ConfigDict(extra="forbid")

    schedules: tuple[Any, ...] = Field(default=(), description="a list of schedules, each behind a dash")


def load_schedules(params_of: ParamsOf, environ: Mapping[str, str], only: str | None = None) -> list[Schedule]:
    """All schedules, also those that are not enabled.

    Args:
        params_of: Answers the parameters of a DAG, which `conf` is checked against.
        environ: The environment.
        only: The DAG of the one schedule that is asked for. The others may be wrong then.

    Raises:
        ConfigurationError: everything that is wrong, each with its line and key.
    """
    file = schedules_file(environ)
    if not file.is_file():
        problem = "is a folder" if file.is_dir() else "does not exist"
        raise ConfigurationError(file, [Problem(0, (), f"{problem}; correct the environment variable {VARIABLE}")])
    document = read(file, environ)
    found: list[Schedule] = []
    lines: dict[object, int] = {}
    looked_at: set[KeyPath] = set()
    for number, entry in enumerate(_entries(document)):
        path: KeyPath = ("schedules", number)
        name = entry.get("name") if isinstance(entry, dict) else None
        if only not in (None, f"schedule_{name}"):
            continue
        looked_at.add(path)
        if isinstance(name, str) and lines.setdefault(name, document.line_of(path)) != document.line_of(path):
            document.complain((*path, "name"), f"is that of the schedule in line {lines[name]}; choose another")
        found += _schedules(document, path, entry, params_of)
    problems = [each for each in document.problems if only is None or each.path[:2] in looked_at]
    if problems:
        raise ConfigurationError(file, problems)
    return found


def _entries(document: Document) -> Sequence[object]:
    values = {key: value for key, value in document.values.items() if value is not None}
    try:
        _Whole.model_validate(values)
    except ValidationError as error:
        explain(error, document, _Whole)
    entries = values.get("schedules")
    return entries if isinstance(entries, list) else ()


def _schedules(document: Document, path: KeyPath, entry: object, params_of: ParamsOf) -> list[Schedule]:
    """The schedule of an entry; none where something is wrong, which is noted in `document`."""
    if isinstance(entry, dict):
        entry = {key: value for key, value in entry.items() if value is not None}  # a key alone has its default
        dag_id, conf = entry.get("dag"), entry.get("conf", {})
        if dag_id in DAG_IDS and isinstance(conf, dict):
            check_conf(document, (*path, "conf"), dag_id, conf, params_of(dag_id))
    try:
        return [Schedule.model_validate(entry)]
    except ValidationError as error:
        explain(error, document, Schedule, path)
        return []
