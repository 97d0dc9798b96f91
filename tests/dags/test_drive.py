"""Runs of `drive_datasets`."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dags.drive_lab import DriveLab
from dags.lab import Parts, contents
from downloader.datasets.manifest import Manifest, read_manifest
from downloader.report import Status
from downloader_tasks.drive import download_run
from downloader_tasks.execution import attempt as attempts
from include.stand_ins.drive_pages import (
    access_denied,
    api_error,
    downloads_forbidden,
    login,
    missing,
    quota_exceeded,
    unknown_error,
)
from include.stand_ins.drive_server import DriveServer, ScanWarning
from include.stand_ins.secrets import secret
from support.secret_search import bears_secret

FAN, DRONE, CAR = b"fan" * 40_000, b"drone" * 30_000, b"car" * 20_000


@pytest.fixture
def lab(parts: Parts, drive: DriveServer) -> DriveLab:
    return DriveLab(*parts, drive)


def three(lab: DriveLab) -> dict[str, bytes]:
    """Three data sets; the first comes behind a warning."""
    lab.add("fan/fan.dat", FAN, warning=ScanWarning())
    lab.add("drone/drone.dat", DRONE)
    lab.add("car.dat", CAR, announces_length=False)
    return {"fan/fan.dat": FAN, "drone/drone.dat": DRONE, "car.dat": CAR}


def test_a_manifest_comes_home_and_a_second_run_fetches_nothing(lab: DriveLab) -> None:
    wanted = three(lab)
    run = lab.run()
    assert run.state == "success", run.log
    assert contents(lab.output) == wanted
    report = run.report("")
    assert report.title == "Drive Datasets Status Report"
    assert dict(report.head) == {
        "Manifest": str(lab.manifest),
        "Source": "https://drive.google.com/drive/folders/1abc",
        "Generated": "2026-02-07",
    }
    assert [path.name[:25] for path in lab.output.glob("_download*")] == ["_download_status_cameras_"]
    assert {result.assurance for result in report.results} == {
        f"sha256:{hashlib.sha256(data).hexdigest()}" for data in wanted.values()
    }
    assert "Downloading fan/fan.dat... ✓ (" in run.log
    asked = len(lab.drive.requests)
    again = lab.run()
    assert again.state == "success"
    assert set(again.lines("").values()) == {"skipped"}
    assert len(lab.drive.requests) == asked


def test_with_an_api_key_the_api_is_asked_and_the_key_is_never_told(lab: DriveLab) -> None:
    wanted = three(lab)
    lab.use_key()
    run = lab.run()
    assert run.state == "success", run.log
    assert contents(lab.output) == wanted
    assert {request.path.rpartition("/")[0] for request in lab.drive.requests} == {"/drive/v3/files"}
    assert lab.drive.api_key not in run.log
    assert all(lab.drive.api_key not in str(value) for value in run.xcoms())


@pytest.mark.parametrize("around", ["{}\n", " {}\r\n"])
def test_a_key_may_be_pasted_with_what_stood_around_it(lab: DriveLab, around: str) -> None:
    lab.add("fan.dat", b"fan")
    lab.write_manifest()
    lab.use_key(around.format(lab.drive.api_key))
    assert lab.run().state == "success"


@pytest.mark.parametrize("held", ["two {}", "{}\nX: y", "{}\u00e9", "\ufeff{}"])
def test_what_is_no_key_is_refused(lab: DriveLab, held: str) -> None:
    lab.add("fan.dat", b"fan")
    lab.write_manifest()
    lab.use_key(held.format(lab.drive.api_key))
    run = lab.run()
    assert run.state == "failed"
    assert "the password of the connection google_drive_default is not an API key" in run.problem()
    assert lab.drive.api_key not in run.problem()


def test_a_wrong_key_fails_every_file_with_what_to_do(lab: DriveLab) -> None:
    three(lab)
    lab.use_key(secret("wrong"))
    run = lab.run()
    assert run.state == "failed"
    assert all("refused the API key" in line for line in run.lines("").values())
    assert not bears_secret(run.log)


def test_what_is_half_there_is_resumed_what_is_wrong_replaced_and_the_rest_kept(lab: DriveLab) -> None:
    wanted = three(lab)
    for name, data in {"fan/fan.dat": FAN[:90_000], "drone/drone.dat": DRONE[::-1], "car.dat": CAR}.items():
        (lab.output / name).parent.mkdir(exist_ok=True)
        (lab.output / name).write_bytes(data)
    run = lab.run()
    assert run.state == "success", run.log
    assert contents(lab.output) == wanted
    assert run.lines("") == {
        "car.dat": "skipped",
        "drone/drone.dat": "self-healed hash mismatch detected",
        "fan/fan.dat": "resumed",
    }


def test_without_resume_what_is_half_there_is_fetched_from_its_start(lab: DriveLab) -> None:
    lab.add("fan.dat", FAN)
    (lab.output / "fan.dat").write_bytes(FAN[:90_000])
    run = lab.run({"resume": False})
    assert run.state == "success"
    assert [result.fetched for result in run.report("").results] == [len(FAN)]
    asked = [request.headers["range"] for request in lab.drive.requests if "range" in request.headers]
    assert asked == ["bytes=0-0"], "by validate"


def test_without_verify_sizes_alone_are_compared_and_that_is_said(lab: DriveLab) -> None:
    lab.add("fan.dat", FAN, {"sha256": "0" * 64})
    assert "Checksum mismatch" in lab.run().lines("")["fan.dat"]
    run = lab.run({"verify": False})
    assert run.state == "success"
    assert [result.assurance for result in run.report("").results] == ["size"]


def test_one_files_trouble_is_its_own_and_names_its_page(lab: DriveLab) -> None:
    three(lab)
    lab.add("busy.dat", b"busy", problem=quota_exceeded())
    lab.add("mine.dat", b"mine", problem=login())
    lab.add("yours.dat", b"yours", problem=access_denied())
    gone = lab.add("gone.dat", b"gone", problem=missing)
    run = lab.run()
    assert run.state == "failed"
    assert run.report("").summary.status is Status.PARTIAL_FAILURE
    assert len(contents(lab.output)) == 3
    lines = run.lines("")
    assert "will be retried on the next run" in lines["busy.dat"]
    assert "is not shared with everyone" in lines["mine.dat"]
    assert "is not shared with everyone" in lines["yours.dat"]
    assert "Google Drive has no gone.dat" in lines["gone.dat"]
    assert f"/file/d/{gone.id}/view" in lines["gone.dat"]


def test_each_refusal_of_the_api_is_told_as_what_it_is(lab: DriveLab) -> None:
    """One run: what an owner forbids, what Google's robots do, and what no one knows yet."""
    restricted = api_error(403, "forbidden", "Requests are blocked.", "API_KEY_SERVICE_BLOCKED")
    lab.add("locked.dat", FAN, api_problem=api_error(403, "cannotDownloadFile"))
    lab.add("restricted.dat", FAN, api_problem=restricted)
    lab.add("unknown.dat", FAN, api_problem=api_error(403, "brandNewReason"))
    of_original = {"sha256Checksum": "0" * 64, "md5Checksum": "0" * 32}
    lab.add("clip.mp4", FAN, {"sha256": ""}, mime="video/mp4", api_fields=of_original)
    lab.use_key()
    run = lab.run()
    lines = run.lines("")
    assert "the owner of locked.dat does not allow viewers to download it" in lines["locked.dat"]
    assert "the API key is restricted to other APIs than Drive's" in lines["restricted.dat"]
    assert 'for the reason "brandNewReason" (403)' in lines["unknown.dat"]
    (report,) = lab.output.glob("_download_status_*.txt")
    (clip,) = [line for line in report.read_text().splitlines() if line.startswith("clip.mp4: ")]
    assert clip.startswith("clip.mp4: OK - Downloaded (")
    assert "size verified, no checksum available" in clip
    assert "Google Drive's checksum differs, which proves nothing for pictures, videos and sounds" in clip
    assert not any("shared with everyone" in line for line in lines.values())
    assert ("Inventory", "1 file, 117.2 KB") in run.report("").extra
    assert run.state == "failed"


def test_a_page_of_an_owner_who_forbids_downloads_is_no_quota(lab: DriveLab) -> None:
    lab.add("locked.dat", FAN, problem=downloads_forbidden())
    lab.add("unknown.dat", FAN, problem=unknown_error("Google Drive - Hitilafu"))
    lines = lab.run().lines("")
    assert "does not allow viewers to download it" in lines["locked.dat"]
    assert 'an error page in place of unknown.dat, titled "Google Drive - Hitilafu"' in lines["unknown.dat"]
    assert not any("quota" in line.lower() for line in lines.values())


def test_data_sets_are_chosen_by_name_path_and_glob(lab: DriveLab) -> None:
    three(lab)
    run = lab.run({"datasets": ["drone.dat", "fan/*"]})
    assert run.state == "success"
    assert set(contents(lab.output)) == {"drone/drone.dat", "fan/fan.dat"}
    assert dict(run.report("").head)["Datasets"] == "drone.dat, fan/*"
    assert ("- Missing", "car.dat (58.6 KB)") in run.report("").extra
    refused = lab.run({"datasets": ["dron"]})
    assert '"dron" matches no data set; there are fan.dat, drone.dat, car.dat' in refused.problem()


def test_the_report_ends_with_the_inventory(lab: DriveLab) -> None:
    three(lab)
    (lab.output / "notes").mkdir()
    (lab.output / "notes" / "mine.txt").write_bytes(b"mine")
    lab.add("gone.dat", b"gone", problem=missing)
    run = lab.run()
    extra = run.report("").extra
    assert extra == (
        ("Inventory", "4 files, 322.3 KB"),
        ("In the manifest", "3 of 4 are there"),
        ("Missing", "1"),
        ("- Missing", "gone.dat (4 B)"),
        ("Of another size", "0"),
        ("Not in the manifest", "1"),
        ("- Not in the manifest", "notes/mine.txt (4 B)"),
    )


def test_many_streams_are_warned_of_and_too_many_refused(lab: DriveLab) -> None:
    three(lab)
    assert "above 5 Google Drive soon answers" in lab.run({"concurrency": 6}).log
    with pytest.raises(Exception, match="concurrency"):
        lab.run({"concurrency": 17})


def test_a_quiet_log(lab: DriveLab) -> None:
    three(lab)
    run = lab.run({"quiet": True})
    assert "... ✓" not in run.log
    assert "Successful: 3" in run.log


def test_a_manifest_with_faults_is_refused_as_a_whole(lab: DriveLab) -> None:
    lab.add("fan.dat", FAN)
    lab.add("drone.dat", DRONE, {"size": -5, "path": "../drone.dat"})
    run = lab.run()
    assert run.state == "failed"
    assert 'datasets[1] "drone.dat", size: is -5' in run.problem()
    assert "would leave the destination" in run.problem()
    assert contents(lab.output) == {}
    assert lab.drive.requests == []


def test_an_empty_manifest_says_how_to_make_one(lab: DriveLab) -> None:
    lab.write_manifest()
    assert "include/generate_manifest.py" in lab.run().problem()


@pytest.mark.parametrize("named", ["../secret.json", "/etc/passwd", "link.json"])
def test_a_manifest_elsewhere_is_refused(lab: DriveLab, named: str) -> None:
    lab.add("fan.dat", FAN)
    (lab.folder / "secret.json").write_text(lab.manifest.read_text())
    (lab.manifest.parent / "link.json").symlink_to(lab.folder / "secret.json")
    assert f"manifest is {named}, which is not a file below" in lab.run({"manifest": named}).problem()


def test_another_manifest_beside_the_configured_one(lab: DriveLab) -> None:
    lab.add("fan.dat", FAN)
    shutil.copy(lab.manifest, lab.manifest.with_name("other.json"))
    run = lab.run({"manifest": "other.json"})
    assert run.state == "success"
    assert list(lab.output.glob("_download_status_other_*"))
    assert "there is no manifest" in lab.run({"manifest": "none.json"}).problem()


def test_a_manifest_that_changes_while_the_run_goes_on(lab: DriveLab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.add("fan.dat", FAN)
    before, calls = read_manifest, iter(range(9))

    def change_second(file: Path) -> Manifest:
        if next(calls) == 1:
            lab.entries[0] = {**lab.entries[0], "size": 7}
            lab.write_manifest()
        return before(file)

    monkeypatch.setattr(download_run, "read_manifest", change_second)
    run = lab.run()
    assert run.state == "failed"
    assert "Plan changed: the manifest" in run.log
    assert contents(lab.output) == {}


def test_a_task_that_died_leaves_its_lines(lab: DriveLab, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = three(lab)

    def die(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(attempts, "restore", die)
    run = lab.run()
    assert run.state == "failed"
    assert set(run.lines("")) == set(wanted)


def test_room_on_the_disk_is_asked_for_first(lab: DriveLab, monkeypatch: pytest.MonkeyPatch) -> None:
    three(lab)
    usage = shutil.disk_usage(lab.output)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10))
    assert "are free there; free " in lab.run().problem()


def test_large_manifests_are_cut_into_shards(lab: DriveLab) -> None:
    wanted = three(lab)
    lab.configure("shards: {files: 1}")
    run = lab.run()
    assert run.state == "success"
    assert len(run.map_indexes()) == 3
    assert contents(lab.output) == wanted
    assert [result.name for result in run.report("").results] == sorted(wanted)


def test_a_document_is_exported(lab: DriveLab) -> None:
    held = lab.add("text.docx", b"PK" + b"text" * 100, {"export": "docx", "sha256": ""})
    lab.drive.add(replace(held, mime="application/vnd.google-apps.document"))
    del lab.entries[0]["size"]
    lab.write_manifest()
    run = lab.run()
    assert run.state == "success", run.log
    assert contents(lab.output) == {"text.docx": b"PK" + b"text" * 100}
