"""The routes behind the page Restores, in Airflow's own app: who may read what, and what is answered."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from fastapi import FastAPI
from starlette.testclient import TestClient

from dags.lab import ROOT, Lab, Run
from downloader_tasks.dag_ids import DAG_IDS
from downloader_tasks.readiness import CHECKS
from downloader_ui import results
from include.stand_ins.secrets import secret

REPORT = {"about": "a01", "files": 3, "successful": 2, "failed": 1, "bytes": 300, "fetched": 120}
FAILURE = {"name": "b.raw", "kind": "Not found", "message": "Not found: there is no object"}
HOSTILE: list[Any] = [
    None,
    7,
    "{",
    "[" * 100_000,
    [],
    {},
    {"status": 5},
    {"status": "SUCCESS", "reports": "many", "problems": {"a": 1}},
    {"status": "SUCCESS", "reports": [7, None, {"files": "3", "bytes": -1, "fetched": 10**400, "about": 5}]},
    {"status": "SUCCESS", "reports": [{"files": True, "bytes": float("nan"), "failures": [1, {"name": 7}]}]},
]


@pytest.fixture(scope="module")
def pages(airflow_database: None) -> FastAPI:
    """Airflow's pages and API, with the plugin."""
    from airflow.api_fastapi.app import create_app

    return create_app(apps="core")


@pytest.fixture
def visitor(pages: FastAPI) -> Iterator[TestClient]:
    """Somebody who is not logged in."""
    with TestClient(pages, base_url="http://testserver") as visitor:
        yield visitor


def log_in(visitor: TestClient, role: str | None) -> None:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="ada", role=role))
    visitor.headers["Authorization"] = f"Bearer {token}"


def leave(run: Run, value: Any) -> None:
    """As the task `report` of a run does."""
    with create_session() as session:
        XComModel.set(
            key="result", value=value, dag_id="s3_downloader", task_id="report", run_id=run.run_id, session=session
        )


@pytest.mark.parametrize("route", ["results", "ready"])
def test_nobody_reads_without_a_login(visitor: TestClient, route: str) -> None:
    assert visitor.get(f"/downloader/{route}").status_code == 401
    visitor.cookies.set("_token", secret("forged"))
    assert visitor.get(f"/downloader/{route}").status_code in (401, 403)
    visitor.cookies.clear()
    log_in(visitor, None)  # a user without a role
    assert visitor.get(f"/downloader/{route}").status_code == 403
    log_in(visitor, "viewer")
    assert visitor.get(f"/downloader/{route}").status_code == 200


def test_who_may_read_no_dag_reads_nothing_and_who_may_read_one_reads_that(
    visitor: TestClient, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    lab.run({"raw_file_id": "nobody"})
    log_in(visitor, "viewer")
    manager = type(get_auth_manager())
    allowed: set[tuple[str, str]] = set()

    def may(self: object, *, method: str, access_entity: Any = None, details: Any = None, user: object) -> bool:
        return (details.id, access_entity.value) in allowed

    monkeypatch.setattr(manager, "is_authorized_dag", may)
    for route in ("results", "ready"):
        assert visitor.get(f"/downloader/{route}").status_code == 403
    allowed |= {("slooh_images", "TASK_LOGS")}
    assert list(visitor.get("/downloader/ready").json()) == ["slooh_images"]
    assert visitor.get("/downloader/results").status_code == 403
    allowed |= {("slooh_images", "XCOM")}
    assert {run["dag_id"] for run in visitor.get("/downloader/results").json()["runs"]} <= {"slooh_images"}
    allowed |= {("s3_downloader", "XCOM")}
    assert visitor.get("/downloader/results").json()["runs"][0]["dag_id"] == "s3_downloader"


def test_every_dag_is_looked_at(visitor: TestClient) -> None:
    assert set(DAG_IDS) == set(CHECKS)
    log_in(visitor, "viewer")
    answer = visitor.get("/downloader/ready")
    assert list(answer.json()) == list(DAG_IDS)
    assert answer.headers["Cache-Control"] == "no-store"
    assert {result["state"] for things in answer.json().values() for result in things.values()} <= {
        "ready",
        "unseen",
        "late",
        "absent",
        "problem",
    }


def test_runs_come_with_their_results_page_by_page(visitor: TestClient, lab: Lab) -> None:
    lab.upload("a01", {"a.raw": b"bytes of a"})
    first, second = lab.run({"raw_file_id": "a01"}), lab.run({"raw_file_id": "nobody"})
    leave(first, {"status": "PARTIAL FAILURE", "reports": [{**REPORT, "failures": [FAILURE]}, REPORT], "problems": []})
    problem = "no raw file nobody in the catalogue; check the id"
    leave(second, {"status": "REFUSED", "reports": [], "problems": [problem], "audit": True})
    log_in(visitor, "viewer")
    newest = visitor.get("/downloader/results", params={"limit": 1}).json()
    (run,) = newest["runs"]
    assert (run["dag_id"], run["run_id"], run["state"]) == ("s3_downloader", second.run_id, "failed")
    assert (run["status"], run["files"], run["audit"], run["problem"]) == ("REFUSED", 0, True, problem)

    before = newest["next"]
    (run,) = visitor.get("/downloader/results", params={"limit": 1, "before": before}).json()["runs"]
    assert {key: run[key] for key in ("files", "successful", "failed", "bytes", "fetched", "reports", "about")} == {
        "files": 6,
        "successful": 4,
        "failed": 2,
        "bytes": 600,
        "fetched": 240,
        "reports": 2,
        "about": ["a01", "a01"],
    }
    assert (run["audit"], run["problem"]) == (False, "b.raw: Not found: there is no object")
    assert visitor.get("/downloader/results", params={"since": "2999-01-01T00:00:00Z"}).json()["runs"] == []


@pytest.mark.parametrize(
    "wrong", [{"limit": 0}, {"limit": 501}, {"before": 0}, {"since": "x"}, {"since": "2026-01-01"}]
)
def test_what_cannot_be_asked_is_refused(visitor: TestClient, wrong: dict[str, Any]) -> None:
    log_in(visitor, "viewer")
    assert visitor.get("/downloader/results", params=wrong).status_code == 422


@pytest.mark.parametrize("value", HOSTILE, ids=str)
def test_a_result_of_any_shape_is_read_without_harm(value: Any) -> None:
    found = results.figures(value)
    assert found.get("files", 0) == 0
    assert found.get("fetched", 0) == 0


def test_texts_are_cut() -> None:
    found = results.figures(
        {"status": "S" * 10_000, "reports": [{"about": "a" * 10_000}] * 1000, "problems": ["p" * 10_000]}
    )
    assert len(str(found)) < 3000
    assert found["reports"] == 1000


def test_the_api_server_starts_without_what_a_look_needs() -> None:
    heavy = "{'boto3', 'downloader', 'downloader_tasks', 'obstore'}"
    code = f"import sys, downloader_ui; downloader_ui.make_app(); print({heavy} & set(sys.modules))"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "set()"
