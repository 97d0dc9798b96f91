"""The route of results: those of many runs in one answer. Airflow's REST API lists XComs without their values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import and_, select

from .access import readable

__all__ = ["router"]

_MOST_RUNS: Final = 500
_MOST_NAMES: Final = 3
"""Reports of a run that are named."""
_LONGEST: Final = 300
"""Characters of a name or a sentence."""
_MOST_COUNT: Final = 2**53
"""Numbers from here on are not exact in a browser, and no count is as high."""

router = APIRouter()


class Wanted(BaseModel):
    """Which runs: those that were due `since`, and made `before` the run of that number; `limit` of them at most."""

    since: AwareDatetime | None = None
    before: int | None = Field(default=None, ge=1, lt=2**63)
    limit: int = Field(default=_MOST_RUNS, ge=1, le=_MOST_RUNS)


@router.get("/results", response_model=None)
def results(
    request: Request,
    response: Response,
    user: GetUserDep,
    session: SessionDep,
    wanted: Annotated[Wanted, Query()],
) -> dict[str, Any]:
    """What became of the wanted runs, the newest first. `next`: the `before` of the next page, or null."""
    dag_ids = readable(DagAccessEntity.XCOM, request, user)
    response.headers["Cache-Control"] = "no-store"
    result = and_(
        XComModel.dag_run_id == DagRun.id,
        XComModel.task_id == "report",
        XComModel.map_index == -1,
        XComModel.key == "result",
    )
    query = (
        select(DagRun.id, DagRun.dag_id, DagRun.run_id, DagRun.state, DagRun.run_after, XComModel.value)
        .outerjoin(XComModel, result)
        .where(DagRun.dag_id.in_(dag_ids))
        .order_by(DagRun.id.desc())
        .limit(wanted.limit + 1)
    )
    if wanted.since is not None:
        query = query.where(DagRun.run_after >= wanted.since)
    if wanted.before is not None:
        query = query.where(DagRun.id < wanted.before)
    rows = session.execute(query).all()
    shown = rows[: wanted.limit]
    return {
        "runs": [
            {"dag_id": dag_id, "run_id": run_id, "state": state, "run_after": _moment(run_after), **figures(value)}
            for _, dag_id, run_id, state, run_after, value in shown
        ],
        "next": shown[-1].id if len(rows) > wanted.limit else None,
    }


def figures(value: object) -> dict[str, Any]:
    """The XCom `result` in a few numbers. Empty where there is none, or something else.

    It may be of any version of the project, or written by anybody who may write XComs.
    """
    result = _object(_parsed(value))
    if not isinstance(result.get("status"), str):
        return {}
    reports = [_object(report) for report in _list(result.get("reports"))]
    return {
        "status": result["status"][:_LONGEST],
        "audit": result.get("audit") is True,
        "about": [_text(report.get("about")) for report in reports[:_MOST_NAMES]],
        "reports": len(reports),
        **{
            name: sum(_count(report.get(name)) for report in reports)
            for name in ("files", "successful", "failed", "bytes")
        },
        "fetched": sum(_count(report.get("fetched", report.get("bytes"))) for report in reports),
        "problem": next(_problems(result, reports), ""),
    }


def _problems(result: Mapping[str, Any], reports: list[Mapping[str, Any]]) -> Iterator[str]:
    """What went wrong, in sentences."""
    yield from (_text(problem) for problem in _list(result.get("problems")))
    for report in reports:
        for failure in map(_object, _list(report.get("failures"))):
            yield f"{_text(failure.get('name'))}: {_text(failure.get('message'))}"[:_LONGEST]


def _parsed(value: object) -> object:
    """An XCom is kept as JSON, in a column that may hold JSON or a text of it."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def _count(value: object) -> int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value < _MOST_COUNT else 0  # type: ignore[operator, call-overload]
