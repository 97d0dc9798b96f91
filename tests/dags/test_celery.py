"""docker-compose.yaml at work: real PostgreSQL, Redis and S3 server, and Airflow with a Celery worker.

It takes about a minute. Alone: `bash include/test.sh tests/dags/test_celery.py`.
"""

from __future__ import annotations

import hashlib
import json
import stat
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from downloader.report import read, reports_in
from support.cluster import Cluster
from support.machine import require
from support.secret_search import bears_secret

RAW = {"run.d/frames.bin": b"frames" * 5000, "run.d/method.xml": b"<method/>"}
PATIENT = b'{"resourceType": "Patient", "id": "1"}\n'


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    require("redis-server", "redis-cli", "curl")
    with tempfile.TemporaryDirectory(prefix="downloader-compose-") as folder, Cluster(Path(folder)) as cluster:
        yield cluster


@pytest.mark.timeout(300)
def test_the_services_of_compose_bring_files_home(cluster: Cluster) -> None:
    cluster.start_neighbours()
    fill(cluster)
    cluster.initialise()
    start_airflow(cluster)
    assert runs_of_both_dags(cluster) == ["success", "success"]

    assert_files_and_reports_are_there(cluster)
    assert_the_worker_did_it(cluster)
    assert_secrets_are_kept(cluster)


def fill(cluster: Cluster) -> None:
    """A raw file that is backed up and recorded, and a FHIR export."""
    for name, data in RAW.items():
        write(cluster.objects / "backup" / "PRID001" / name, data)
    write(cluster.objects / cluster.env["MINIO_BUCKET_NAME"] / "Patient.ndjson", PATIENT)
    file_info = json.dumps({name: [len(data), hashlib.md5(data).hexdigest()] for name, data in RAW.items()})
    row = ("20250115_sample", "PRID001", "backup/PRID001/", "upload_done", file_info)
    cluster.query("catalogue", b"INSERT INTO raw_file VALUES (%s, %s, %s, %s, %s)", *row)


def write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def start_airflow(cluster: Cluster) -> None:
    since = datetime.now(UTC)
    cluster.start_airflow()
    for name in ("redis", "api-server", "scheduler"):
        cluster.wait_until_healthy(name)
    cluster.api.log_in()
    while not all(cluster.api.knows(dag_id, since) for dag_id in ("s3_downloader", "minio_downloader")):
        cluster.check()
        time.sleep(0.2)


def runs_of_both_dags(cluster: Cluster) -> list[str]:
    runs = [cluster.api.trigger("s3_downloader", {"raw_file_id": "20250115_sample"})]
    runs += [cluster.api.trigger("minio_downloader", {})]
    cluster.wait_until_healthy("worker")
    states = [cluster.api.wait(run, cluster.check, 120) for run in runs]
    return [
        state if state == "success" else cluster.api.failed_log(run) for run, state in zip(runs, states, strict=True)
    ]


def assert_files_and_reports_are_there(cluster: Cluster) -> None:
    restored = cluster.output / "PRID001"
    assert {name: (restored / name).read_bytes() for name in RAW} == RAW
    assert [(result.name, result.ok) for result in read(reports_in(restored)[0]).results] == [
        (name, True) for name in RAW
    ]
    assert (cluster.exports / "Patient.ndjson").read_bytes() == PATIENT
    assert [result.ok for result in read(reports_in(cluster.exports)[0]).results] == [True]


def assert_the_worker_did_it(cluster: Cluster) -> None:
    """Celery notes that a task has ended a moment after Airflow does."""
    taken = cluster.query("airflow", b"SELECT status FROM celery_taskmeta")
    assert len(taken) == 6
    queues = cluster.query("airflow", b"SELECT DISTINCT dag_id, queue FROM task_instance ORDER BY dag_id")
    assert queues == [("minio_downloader", "default"), ("s3_downloader", "raw_files")]
    assert set(taken) <= {("STARTED",), ("SUCCESS",)}


def assert_secrets_are_kept(cluster: Cluster) -> None:
    """Encrypted in the database, in no log and no XCom, and the file of passwords is its owner's alone."""
    connections = cluster.query("airflow", b"SELECT conn_id, password, is_encrypted FROM connection ORDER BY conn_id")
    assert [conn_id for conn_id, _, _ in connections] == ["aws_default", "minio_default", "raw_files"]
    assert all(is_encrypted and password not in cluster.secrets for _, password, is_encrypted in connections)
    assert [text for text in cluster.told_in_database() if bears_secret(text)] == []
    logs = [file for file in cluster.folder.rglob("*.log") if file.is_file()]
    assert len(logs) > len(cluster.secrets)
    assert [file for file in logs if bears_secret(file.read_text(errors="replace"))] == []
    assert stat.S_IMODE((cluster.folder / "passwords" / "passwords.json").stat().st_mode) == 0o600
