"""The route behind *Ready?*: what each DAG needs, as the API server sees it."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Request, Response

from .access import readable

if TYPE_CHECKING:
    from downloader_tasks.readiness import CheckResult, Lookout

__all__ = ["router"]

_PATIENCE: Final = 3.0
"""Seconds. What has not answered by then is late; it is not asked again meanwhile."""
_FRESH: Final = 5.0
"""Seconds. However many pages are open, nothing is asked more often."""

router = APIRouter()


@router.get("/ready", response_model=None)
def ready(request: Request, response: Response, user: GetUserDep) -> dict[str, dict[str, Any]]:
    """What is known, by the DAG and the name of what it needs.

    These are sentences that stand in the logs of `validate`. So whoever may read logs may read them.
    """
    from downloader_tasks.readiness import check_needs

    dag_ids = readable(DagAccessEntity.TASK_LOGS, request, user)
    response.headers["Cache-Control"] = "no-store"
    found = check_needs(dag_ids, _lookout())
    return {dag_id: {name: asdict(each) for name, each in things.items()} for dag_id, things in found.items()}


@cache
def _lookout() -> Lookout[CheckResult]:
    from downloader_tasks.readiness import Lookout

    return Lookout(_PATIENCE, _FRESH)
