"""Runs of `s3_downloader` with `thaw`: archived objects are asked for, waited for without a worker, and downloaded."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from airflow.models.task_state_store import TaskStateStoreModel
from airflow.utils.session import create_session
from sqlalchemy import select

from dags.lab import Lab, Run, contents, md5, when
from include.stand_ins.glacier import GlacierServer, RestoreRequest, glacier_in_front
from include.stand_ins.object_server import refuse

SAMPLE = "20250115_sample"
QUICK = "s3: {thaw_look_minutes: 0.02}"
"""A look every second or so."""


@pytest.fixture
def glacier(lab: Lab) -> Iterator[GlacierServer]:
    """What stands between the lab and its bucket."""
    with glacier_in_front(lab.server.url) as front:
        lab.connect(endpoint_url=front.url)
        lab.configure(QUICK)
        yield front


def archive(lab: Lab, glacier: GlacierServer, raw_file_id: str, files: dict[str, bytes], kind: str = "GLACIER") -> None:
    """Moves files of a raw file to a storage class."""
    client = lab.server.client()
    for name, data in files.items():
        client.put_object(Bucket=lab.bucket, Key=f"{raw_file_id}/{name}", Body=data, StorageClass=kind)
    glacier.archive(*(f"{raw_file_id}/{name}" for name in files), tier=kind)


def figures(run: Run) -> list[dict[str, object]]:
    """What the tasks `thaw` have in the state store, in their order."""
    with create_session() as session:
        query = select(TaskStateStoreModel).where(
            TaskStateStoreModel.run_id == run.run_id, TaskStateStoreModel.task_id == "thaw"
        )
        rows = sorted(session.scalars(query), key=lambda row: row.map_index)
        return [json.loads(row.value) for row in rows if row.key == "thaw"]


def test_each_shard_is_downloaded_as_soon_as_its_own_objects_are_ready(
    lab: Lab, glacier: GlacierServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = {"one.raw": b"1" * 1000, "one.txt": b"plain"}, {"two.raw": b"2" * 3000}
    folder = lab.upload("raw_one", one)
    lab.upload("raw_two", two)
    archive(lab, glacier, "raw_one", {"one.raw": one["one.raw"]})
    archive(lab, glacier, "raw_two", two, "DEEP_ARCHIVE")
    looks: list[list[str]] = []

    def look() -> None:
        looks.append(sorted(contents(folder)) if folder.is_dir() else [])
        if len(looks) == 3:
            glacier.make_ready("raw_one/one.raw")
        if {"one.raw", "one.txt"} <= set(looks[-1]):
            glacier.make_ready()

    when("thaw", monkeypatch, look)
    run = lab.run({"raw_file_ids": ["raw_one", "raw_two"], "thaw": "Bulk"})
    assert run.state == "success"
    assert contents(folder) == {**one, **two}
    assert sorted(glacier.restores, key=str) == [
        RestoreRequest("raw_one/one.raw", "Bulk", 7),
        RestoreRequest("raw_two/two.raw", "Bulk", 7),
    ]
    assert sorted(one) in looks, "the first raw file was here while the second was waited for"
    assert run.states()["thaw"] == ["success", "success"]
    assert "Thaw (Bulk): 0 of 1 objects, 0 B of 1000 B, are ready; asked for at 20" in run.log
    assert "Thaw (Bulk): 1 of 1 objects, 2.9 KB of 2.9 KB, are ready, the latest since 20" in run.log
    shown = figures(run)
    assert [(each["ready"], each["objects"], each["ready_bytes"], each["next"]) for each in shown] == [
        (1, 1, 1000, ""), (1, 1, 3000, "")
    ]  # fmt: skip
    assert run.map_indexes() == ["raw_one", "raw_two"]


def test_where_nothing_is_archived_the_task_is_skipped(lab: Lab, glacier: GlacierServer) -> None:
    lab.upload(SAMPLE, {"a.raw": b"1"})
    run = lab.run({"raw_file_id": SAMPLE, "thaw": "Standard"})
    assert (run.state, run.states()["thaw"], run.states()["download"]) == ("success", ["skipped"], ["success"])
    assert (glacier.restores, glacier.counted("HEAD")) == ([], 0)


def test_without_the_parameter_nothing_is_asked_for_and_the_line_names_it(lab: Lab, glacier: GlacierServer) -> None:
    lab.upload(SAMPLE, {"a.raw": b"1", "b.raw": b"2"})
    archive(lab, glacier, SAMPLE, {"b.raw": b"2"})
    run = lab.run({"raw_file_id": SAMPLE})
    assert (run.state, run.states()["thaw"], glacier.restores) == ("failed", ["skipped"], [])
    lines = run.lines()
    assert lines["a.raw"] == "downloaded"
    assert lines["b.raw"].startswith(
        f"failed Archived: s3://{lab.bucket}/{SAMPLE}/b.raw lies in an archive tier; run it again with the parameter "
        "thaw (Bulk, Standard or Expedited), or restore it with: aws s3api restore-object "
    )


def test_a_dry_run_says_what_would_be_thawed_and_asks_for_nothing(lab: Lab, glacier: GlacierServer) -> None:
    files = {"a.raw": b"1" * 10, "b.raw": b"2" * 20, "c.raw": b"3" * 30, "here.raw": b"4" * 40}
    folder = lab.upload(SAMPLE, files)
    archive(lab, glacier, SAMPLE, {name: data for name, data in files.items() if name != "a.raw"})
    folder.mkdir()
    (folder / "here.raw").write_bytes(files["here.raw"])
    key = f"{SAMPLE}/c.raw"
    begun = type(lab.server)(glacier.url).client()
    begun.restore_object(
        Bucket=lab.bucket, Key=key, RestoreRequest={"Days": 1, "GlacierJobParameters": {"Tier": "Bulk"}}
    )
    asked = len(glacier.restores)
    run = lab.run({"raw_file_id": SAMPLE, "thaw": "Standard", "dry_run": True})
    assert (run.state, run.states()["thaw"], len(glacier.restores)) == ("success", ["skipped"], asked)
    (report,) = run.xcom("result")["reports"]
    assert report["actions"]["thaw"] == {"files": 2, "bytes": 50}
    assert (report["actions"]["keep"]["files"], report["to_fetch"], report["failed"]) == (1, 60, 0)
    assert report["thaw"] == {"tier": "Standard", "days": 7}
    (text,) = run.xcom("report_text")
    assert "b.raw: THAW - 20 B\nc.raw: THAW - 30 B (its restore is under way)\n" in text["text"]
    assert (
        "Thaw: 2 files, 50 B (Standard, to be read for 7 days, which costs money); "
        "1 of them are being restored already\n"
    ) in text["text"]


def test_what_is_not_thawed_has_its_line_and_the_others_are_downloaded(lab: Lab, glacier: GlacierServer) -> None:
    lab.configure("s3: {thaw_wait_hours: 0}")
    files = {"a.raw": b"1" * 10, "b.raw": b"2" * 20, "c.raw": b"3" * 30, "deep.raw": b"4" * 40}
    lab.upload(SAMPLE, files)
    archive(lab, glacier, SAMPLE, {name: files[name] for name in ("b.raw", "c.raw")})
    archive(lab, glacier, SAMPLE, {"deep.raw": files["deep.raw"]}, "DEEP_ARCHIVE")
    full = refuse(503, "GlacierExpeditedRetrievalNotAvailable")
    glacier.refuses = lambda asked: full if asked.key.endswith("c.raw") else None
    run = lab.run({"raw_file_id": SAMPLE, "thaw": "Expedited"})
    assert (run.state, run.states()["thaw"]) == ("failed", ["success"])
    about = f"failed Archived: s3://{lab.bucket}/{SAMPLE}/{{}} lies in an archive tier, and "
    assert run.lines() == {
        "a.raw": "downloaded",
        "b.raw": about.format("b.raw") + "its restore (Expedited) was not done after 0 s; run it again: it is joined",
        "c.raw": about.format("c.raw")
        + f"{glacier.url} has no capacity for Expedited retrievals now; run it again later, or with thaw Standard or "
        "Bulk",
        "deep.raw": about.format("deep.raw")
        + "Deep Archive has no Expedited retrievals; run it again with thaw Standard or Bulk",
    }
    assert "1 object (30 B) lies in an archive tier, and http" in run.log


def test_what_freezes_again_or_was_kept_and_is_damaged_says_so(
    lab: Lab, glacier: GlacierServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"again.raw": b"1" * 10, "damaged.raw": b"2" * 20, "fine.raw": b"3" * 30}
    folder = lab.upload(SAMPLE, files)
    archive(lab, glacier, SAMPLE, files)
    folder.mkdir()
    (folder / "damaged.raw").write_bytes(b"x" * 20)
    assert md5(b"x" * 20) != md5(files["damaged.raw"])
    when("download", monkeypatch, lambda: glacier.freeze(f"{SAMPLE}/again.raw"))
    when("thaw", monkeypatch, glacier.make_ready)
    run = lab.run({"raw_file_id": SAMPLE, "thaw": "Bulk"})
    assert sorted(asked.key for asked in glacier.restores) == [f"{SAMPLE}/again.raw", f"{SAMPLE}/fine.raw"]
    about = f"failed Archived: s3://{lab.bucket}/{SAMPLE}/{{}} lies in an archive tier"
    assert run.lines() == {
        "again.raw": about.format("again.raw")
        + " again: it could be read when this run asked, and its restored copy has expired since; run it again, or "
        "raise s3.thaw_days of the configuration",
        "damaged.raw": about.format("damaged.raw")
        + ", and was not thawed, because a file of its size is at the destination, which is damaged; move that file "
        "away, then run it again",
        "fine.raw": "downloaded",
    }
    assert (folder / "damaged.raw").read_bytes() == b"x" * 20


def test_a_missing_right_is_one_sentence(lab: Lab, glacier: GlacierServer) -> None:
    files = {f"{number}.raw": bytes([number]) for number in range(5)}
    lab.upload(SAMPLE, {**files, "plain.raw": b"plain"})
    archive(lab, glacier, SAMPLE, files)
    glacier.refuses = lambda _: refuse(403, "AccessDenied")
    run = lab.run({"raw_file_id": SAMPLE, "thaw": "Bulk"})
    lines = run.lines()
    assert lines.pop("plain.raw") == "downloaded"
    (sentence,) = {line.partition("archive tier")[2] for line in lines.values()}
    assert sentence == (
        ", and the connection's credentials may not have it restored; give the connection's credentials "
        "s3:RestoreObject on the bucket"
    )
    assert glacier.counted("POST") == 1
