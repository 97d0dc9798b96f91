"""What a visitor may see of the four DAGs. Airflow decides, by the permissions of its own pages."""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import HTTPException, Request, status

__all__ = ["readable"]


def readable(entity: DagAccessEntity, request: Request, user: GetUserDep) -> list[str]:
    """The DAGs of which `user` may read that much. Raises HTTPException (403) where there is none."""
    from downloader_tasks.dag_ids import DAG_IDS  # the API server starts without the project's packages

    dag_ids = [dag_id for dag_id in DAG_IDS if _may_read(dag_id, entity, request, user)]
    if not dag_ids:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "Forbidden")
    return dag_ids


def _may_read(dag_id: str, entity: DagAccessEntity, request: Request, user: GetUserDep) -> bool:
    try:
        requires_access_dag("GET", entity, dag_id)(request, user)
    except HTTPException:
        return False
    return True
