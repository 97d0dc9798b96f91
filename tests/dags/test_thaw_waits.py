"""A wait for archived objects in a real Airflow: it outlives the scheduler and a *Clear*, and holds no slot.

What a task `thaw` does is in tests/dags/test_thaw.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from include.demo.airflow_api import TriggeredRun
from include.stand_ins.glacier import GlacierServer, RestoreRequest
from support.real_airflow import RealAirflow

FILES = {"a.raw": b"bytes of A" * 50, "b.raw": b"bytes of B" * 70}

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def glacier(airflow: RealAirflow) -> Iterator[GlacierServer]:
    """Behind the connection ``aws_default``."""
    client = airflow.minio.client()
    client.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": airflow.minio.location})
    glacier = GlacierServer(behind=airflow.minio.url)
    for name, data in FILES.items():
        client.put_object(Bucket="bucket", Key=f"raw_ice/{name}", Body=data, StorageClass="DEEP_ARCHIVE")
        glacier.archive(f"raw_ice/{name}", tier="DEEP_ARCHIVE")
    airflow.objects.intercept = lambda asked: lambda _: glacier.take(asked)
    yield glacier
    airflow.objects.intercept = lambda asked: None


def figures(airflow: RealAirflow, run: TriggeredRun, index: int) -> dict[str, object]:
    where = f"{airflow._path(run)}/taskInstances/thaw/state-store/thaw?map_index={index}"
    value = airflow._ask("GET", where)["value"]
    return dict(json.loads(value) if isinstance(value, str) else value)


def test_it_waits_through_a_restart_and_a_clear_and_downloads_what_is_ready(
    airflow: RealAirflow, glacier: GlacierServer
) -> None:
    airflow.record("raw_ice", FILES)
    folder = airflow.location("s3_downloader") / "raw_ice"
    run = airflow.trigger("s3_downloader", {"raw_file_id": "raw_ice", "thaw": "Bulk"})
    airflow.wait_until(lambda: airflow.waiting(run) == ["thaw_0", "thaw_1"])
    states = airflow.states(run)
    assert (states["approve"], states["download_0"], states["download_1"]) == ("skipped", None, None)
    assert sorted(glacier.restores, key=str) == [
        RestoreRequest(f"raw_ice/{name}", "Bulk", 7) for name in ("a.raw", "b.raw")
    ]
    pool = airflow._ask("GET", "pools/s3_download_pool")
    assert pool["occupied_slots"] == 0
    assert figures(airflow, run, 1)["ready"] == 0

    airflow.restart_scheduler()
    glacier.make_ready("raw_ice/a.raw")
    airflow.make_due(run)
    airflow.wait_until(lambda: airflow.states(run)["download_0"] == "success")
    assert (folder / "a.raw").read_bytes() == FILES["a.raw"]
    assert airflow.states(run)["download_1"] is None

    airflow.wait_until(lambda: airflow.waiting(run) == ["thaw_1"])
    airflow.clear(run, [["thaw", 1]])
    airflow.wait_until(lambda: airflow.waiting(run) == ["thaw_1"])
    assert len(glacier.restores) == 2, "what is under way is joined"
    glacier.make_ready()
    airflow.make_due(run)
    assert airflow.wait(run) == "success"
    assert sorted(airflow.lines(folder)) == ["a.raw", "b.raw"]
    assert (folder / "b.raw").read_bytes() == FILES["b.raw"]
    assert figures(airflow, run, 1)["ready"] == 1
