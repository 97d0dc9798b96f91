"""A real Airflow, in which programs wait for runs, another DAG starts behind them, and a deadline is missed.

It takes a minute on an idle machine. The same results, run by run, are in tests/dags/test_results.py.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.demo.home import PROJECT
from include.stand_ins.secrets import secret
from include.stand_ins.wire import serving
from support.documents import blocks, document, section
from support.listeners import Webhook
from support.postgres import postgres_socket
from support.real_airflow import RealAirflow, running

FOLLOWER = "after_restore"
BUNDLE = "airflow.dag_processing.bundles.local.LocalDagBundle"
WHEN = ["success", "failure", "deadline"]
HOURS = {"DOWNLOADER_DEADLINE_HOURS_MINIO_DOWNLOADER": "0.0001"}

__all__ = ["postgres_socket"]

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    with serving(Webhook()) as webhook:
        yield webhook


@pytest.fixture(scope="module")
def airflow(postgres_socket: str, webhook: Webhook) -> Iterator[RealAirflow]:
    """With the DAG that the documents show in a folder of its own."""
    (program,) = blocks(section(document("results"), "Start another DAG behind a download"), "python")
    notifier = {
        "callable": "airflow.providers.http.notifications.http.HttpNotifier",
        "arguments": {"http_conn_id": "lab_webhook", "json": {"text": "{{ notification.text }}"}},
        "when": WHEN,
    }
    hook = {"conn_type": "http", "host": webhook.url, "extra": {"Authorization": f"Bearer {secret('webhook')}"}}
    with tempfile.TemporaryDirectory(prefix="downloader-real-") as folder:
        examples = Path(folder, "examples")
        examples.mkdir()
        (examples / f"{FOLLOWER}.py").write_text(program)
        bundles = {"dags": str(PROJECT / "dags"), "examples": str(examples)}
        environ = {
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(
                [{"name": name, "classpath": BUNDLE, "kwargs": {"path": path}} for name, path in bundles.items()]
            ),
            "AIRFLOW_CONN_LAB_WEBHOOK": json.dumps(hook),
            **HOURS,
        }
        home = Path(folder, "home")
        home.mkdir()
        with running(home, postgres_socket, {"notifier": notifier}, environ) as airflow:
            airflow.airflow.wait_for(FOLLOWER)
            yield airflow


def texts(webhook: Webhook) -> list[list[str]]:
    """The lines of what the webhook was called with."""
    return [body["text"].splitlines() for _, _, body in webhook.calls]


def test_who_waits_for_a_run_gets_its_result_and_another_dag_starts(airflow: RealAirflow, webhook: Webhook) -> None:
    folder = airflow.location("s3_downloader") / "raw_a"
    airflow.record("raw_a", {"a.raw": b"12345", "b.raw": b"1"})
    run = airflow.trigger("s3_downloader", {"raw_file_id": "raw_a"})
    answer = airflow.awaited(run)
    assert answer["state"] == "success"
    result = answer["results"]["report"]
    (report,) = result["reports"]
    (path,) = airflow.reports(folder)
    assert answer["results"] == {"report": airflow.xcom(run, "report", "result")}
    assert (report["path"], report["files"], report["bytes"], report["assurances"]) == (str(path), 2, 6, {"MD5": 2})
    (text,) = airflow.xcom(run, "report", "report_text")
    assert text == {"about": "raw_a", "path": str(path), "text": path.read_text(), "left_out": 0}
    airflow.wait_until(lambda: airflow.runs(FOLLOWER))
    (follower,) = airflow.runs(FOLLOWER)
    assert airflow.wait(follower) == "success"
    assert airflow.xcom(follower, "convert", "return_value") == [str(folder)]
    printed = [line["event"] for line in airflow.log(follower, "convert")]
    assert f"raw_a: 2 files in {folder}" in printed
    airflow.wait_until(lambda: texts(webhook))
    assert texts(webhook)[-1][0] == "s3_downloader: SUCCESS, raw_a"


def test_who_waits_for_a_red_run_gets_its_result_and_no_dag_starts(airflow: RealAirflow, webhook: Webhook) -> None:
    airflow.record("raw_b", {"a.raw": b"12345", "gone.raw": b"1"})
    del airflow.objects._objects["raw_b/gone.raw"]
    before = len(airflow.runs(FOLLOWER))
    run, absent = (airflow.trigger("s3_downloader", {"raw_file_id": name}) for name in ("raw_b", "absent"))
    answer: dict[str, Any] = airflow.awaited(run)
    (report,) = answer["results"]["report"]["reports"]
    assert (answer["state"], report["status"], report["failed"]) == ("failed", "PARTIAL FAILURE", 1)
    assert [failure["name"] for failure in report["failures"]] == ["gone.raw"]
    assert airflow.awaited(absent) == {
        "state": "failed",
        "results": {
            "report": {
                "status": "REFUSED",
                "reports": [],
                "problems": ["validate failed: no raw file absent in the catalogue; check the id"],
            }
        },
    }
    airflow.wait_until(lambda: ["s3_downloader: REFUSED"] in [lines[:1] for lines in texts(webhook)])
    assert ["s3_downloader: PARTIAL FAILURE, raw_b"] in [lines[:1] for lines in texts(webhook)]
    assert len(airflow.runs(FOLLOWER)) == before


def test_a_run_that_is_late_is_told_of_and_goes_on(airflow: RealAirflow, webhook: Webhook) -> None:
    run = airflow.trigger("minio_downloader", {})
    assert airflow.wait(run) in ("success", "failed")
    late = ["minio_downloader: DEADLINE MISSED"]
    airflow.wait_until(lambda: late in [lines[:1] for lines in texts(webhook)])
    (lines,) = [lines for lines in texts(webhook) if lines[:1] == late]
    assert re.fullmatch(r"the run is (queued|running); it was due at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", lines[1])
    assert lines[2] == f"run {run.run_id}"
