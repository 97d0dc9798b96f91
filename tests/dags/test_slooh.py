"""Runs of `slooh_images`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from dags.lab import Parts, contents
from dags.slooh_lab import HOME, SloohLab
from downloader.report import Status, reports_in
from downloader.retry import RetryPolicy
from downloader_tasks.execution import attempt as attempts
from downloader_tasks.settings import options
from downloader_tasks.slooh import download_run
from include.stand_ins.pictures import png
from include.stand_ins.secrets import secret
from include.stand_ins.slooh_server import (
    FITS,
    LOGIN,
    MISSING,
    PICTURES,
    SESSION,
    STATUS,
    Frame,
    Member,
    Picture,
    SloohServer,
    api_error,
    serving,
)
from include.stand_ins.wire import Fault, refuse, reset_at, shorter
from support.restoring import FakeClock
from support.secret_search import bears_secret

TAKEN = datetime(2026, 2, 7, 20, 15, 30, tzinfo=UTC).timestamp()
OLD = {"displayDate": "Sept. 3, 2020"}
SIGNED = f"Expires=1&Signature={secret('image')}"


@pytest.fixture
def lab(parts: Parts) -> Iterator[SloohLab]:
    with serving(SloohServer()) as slooh:
        yield SloohLab(*parts, slooh)


# --- a whole run ------------------------------------------------------------------------------------------------------


def test_new_pictures_come_home_once(lab: SloohLab) -> None:
    lab.add(1, 2, query=SIGNED)
    lab.add(3, row={"imageTitle": "Jupiter, first light", "telescopeName": "Chile Two"}, kind="JPG", file="3.jpg")
    run = lab.run()
    assert run.state == "success", run.log
    assert set(contents(lab.output)) == {
        f"{HOME}1.png",
        f"{HOME}2.png",
        "Jupiter/Chile Two/JPEG/Chile Two_3.jpg",
    }
    assert {path.stat().st_mtime for path in lab.output.rglob("*_?.*g")} == {TAKEN}
    assert "Logged in as Cosmic Explorer" in run.log
    assert "Tier: Astronomer" in run.log
    assert "Gravity points: 4,711" in run.log
    assert f"Downloading {HOME}1.png... ✓ (" in run.log
    assert run.map_indexes() == ["slooh: new"]
    report = run.report("")
    assert [path.name[:22] for path in lab.output.glob("_download*")] == ["_download_status_slooh"]
    assert report.title == "Slooh Images Status Report"
    assert dict(report.head) == {"Source": lab.slooh.url, "Select": "new", "Duplicates": "skip"}
    assert {result.assurance for result in report.results} == {"complete PNG", "complete JPEG"}
    size = sum(map(len, contents(lab.output).values()))
    assert report.extra == (
        ("Total available", "3"),
        ("Looked at", "3"),
        ("Already downloaded", "0"),
        ("Skipped existing", "0"),
        ("Queued", "3"),
        ("Queued and downloaded", "3"),
        ("Queued and failed", "0"),
        ("Total bytes", f"{size:,}"),
        ("Pictures of IC434", "2"),
        ("Pictures of Jupiter", "1"),
        ("Pictures by Canary One", "2"),
        ("Pictures by Chile Two", "1"),
    )
    told = [run.log, report_text(lab), str(run.xcoms()), str(run.state_store())]
    assert [text for text in told if bears_secret(text) or "_sloohsstkn" in text] == []

    asked = len(lab.slooh.asked(PICTURES))
    (lab.output / f"{HOME}1.png").unlink()
    again = lab.run()
    assert again.state == "success"
    assert again.report("").results == ()
    assert again.report("").summary.status is Status.SUCCESS
    assert dict(again.report("").extra)["Already downloaded"] == "3"
    assert dict(again.report("").extra)["Nothing to do"] == "everything was downloaded before"
    assert len(lab.slooh.asked("1.png")) == 1, "the reports are the tracker"
    assert len(lab.slooh.asked(PICTURES)) == asked + 2, "validate reads the first row, download the list"


def report_text(lab: SloohLab) -> str:
    return reports_in(lab.output)[0].read_text()


def test_what_lies_there_and_no_report_knows_is_kept_if_it_is_whole(lab: SloohLab) -> None:
    lab.add(1, 2, 3)
    (lab.output / HOME).parent.mkdir(parents=True)
    (lab.output / f"{HOME}1.png").write_bytes(png(seed=1))
    (lab.output / f"{HOME}2.png").write_bytes(png(seed=2)[:-20])
    run = lab.run()
    assert run.state == "success"
    assert lab.brought(run) == {
        "1.png": "skipped",
        "2.png": "self-healed incomplete copy detected",
        "3.png": "downloaded",
    }
    extra = dict(run.report("").extra)
    assert (extra["Skipped existing"], extra["Queued"], extra["Queued and downloaded"]) == ("1", "2", "2")
    assert lab.slooh.asked("1.png") == []


def test_all_looks_at_every_picture_and_fetches_what_is_gone(lab: SloohLab) -> None:
    lab.add(1, 2, 3)
    lab.run({"max_scan": 2})
    (lab.output / f"{HOME}2.png").unlink()
    run = lab.run({"select": "all"})
    assert lab.brought(run) == {"1.png": "downloaded", "2.png": "downloaded", "3.png": "skipped"}
    assert set(contents(lab.output)) == {f"{HOME}{number}.png" for number in (1, 2, 3)}


def test_failed_takes_the_failures_of_the_latest_report(lab: SloohLab) -> None:
    nothing = lab.run({"select": "failed"})
    assert nothing.state == "success"
    assert dict(nothing.report("").extra)["Nothing to do"] == "the latest report names no failure"
    assert "Total available" not in dict(nothing.report("").extra)
    assert lab.slooh.asked(PICTURES) == []
    lab.add(1, 2, 3)
    lab.add(4, row={"imageDownloadURL": None})
    lab.slooh.script("1.png", refuse(404))
    lab.slooh.script("2.png", refuse(503), refuse(503))
    first = lab.run()
    assert first.state == "failed"
    assert first.lines("")["picture 4"].startswith("failed Corrupt record: Slooh's list gives no address")
    lab.slooh.script(PICTURES, refuse(503), refuse(503))
    assert set(lab.run({"select": "failed"}).lines("")) == {"Slooh's list"}
    broken = lab.output / "_download_status_slooh_29991231_235959.txt"
    broken.write_text("broken")
    again = lab.run({"select": "failed"})
    broken.unlink()
    assert "cannot be read and is ignored" in again.log
    assert {name: line.partition(" ")[0] for name, line in lab.brought(again).items()} == {
        "1.png": "downloaded",
        "2.png": "failed",
        "picture 4": "failed",
    }
    assert len(lab.slooh.asked("3.png")) == 1


def test_a_mission_with_its_frames(lab: SloohLab) -> None:
    lab.add(1, mission=7)
    lab.add(2, mission=8)
    lab.slooh.add_frames(Frame(5, 8, file="ngc_l.fits"))
    run = lab.run({"select": "mission", "mission_id": 8, "include_fits": True})
    assert run.state == "success", run.log
    assert set(contents(lab.output)) == {f"{HOME}2.png", "IC434/Canary One/FITS/Canary One_ngc_l.fits"}
    assert run.map_indexes() == ["slooh: mission 8"]
    assert dict(run.report("").head)["Select"] == "mission 8"
    assert dict(run.report("").head)["FITS frames"] == "included"
    assert dict(run.report("").extra)["FITS frames to bring"] == "1"
    assert "complete FITS, no checksum available" in report_text(lab)

    lab.slooh.member = Member(may_fits=False)
    without = lab.run({"include_fits": True, "file_types": ["FITS"]})
    assert without.state == "success"
    assert dict(without.report("").extra)["FITS frames to bring"] == "0"
    assert "the membership does not include them" in without.log
    assert len(lab.slooh.asked(FITS)) == 3


def test_the_frames_of_pngs_whose_rows_name_their_mission_by_its_other_name(lab: SloohLab) -> None:
    lab.add(1, mission=700_001)
    lab.slooh.add_frames(Frame(11, 700_001, file="a_b_cal.fit"))
    run = lab.run({"select": "all", "include_fits": True})
    assert set(contents(lab.output)) == {f"{HOME}1.png", "IC434/Canary One/FITS/Canary One_a_b_cal.fit"}
    assert "Pictures without a mission" not in dict(run.report("").extra)
    assert "names no mission" not in run.log


@pytest.mark.parametrize("select", ["all", "mission"])
def test_rows_that_name_no_mission_are_a_warning_where_frames_are_wanted(lab: SloohLab, select: str) -> None:
    nameless = {"missionId": "", "scheduledMissionId": MISSING}
    lab.add(1, mission=7, row=nameless)
    lab.add(2, mission=7, row=nameless)
    lab.slooh.add_frames(Frame(11, 7, file="a_b_cal.fit"))
    if select == "mission":  # then it is known
        lab.run({"select": "mission", "mission_id": 7, "include_fits": True})
        assert "IC434/Canary One/FITS/Canary One_a_b_cal.fit" in contents(lab.output)
        return
    run = lab.run({"select": "all", "include_fits": True})
    assert run.state == "success"
    assert dict(run.report("").extra)["Pictures without a mission"] == "2, whose FITS frames cannot be requested"
    assert "Slooh's list names no mission for 2 of the selected pictures" in run.log
    assert "names no mission" not in lab.run({"select": "all"}).log


@pytest.mark.parametrize("fault", [refuse(404), api_error(), reset_at(-1)], ids=["gone", "refused", "reset"])
def test_a_status_that_cannot_be_read_is_a_warning(lab: SloohLab, fault: Fault) -> None:
    lab.add(1)
    lab.slooh.script(STATUS, *[fault] * 9)
    run = lab.run()
    assert run.state == "success"
    assert lab.brought(run) == {"1.png": "downloaded"}
    assert "The member's status cannot be read, which no download needs" in run.log
    assert "Logged in as Cosmic Explorer" in run.log


def test_filters_and_a_quiet_log(lab: SloohLab) -> None:
    lab.patch.setattr("downloader_tasks.slooh.watch._SECONDS", 0.0)
    lab.add(1, row=OLD)
    lab.add(2, row={"telescopeName": "Chile One"})
    lab.add(3, row={"imageTitle": "M31"})
    lab.add(4, file="4.jpg", kind="JPG")
    lab.add(5)
    run = lab.run(
        {
            "since": "2026-02-07",
            "until": "2026-02-07",
            "telescopes": ["canary"],
            "objects": ["ic 434"],
            "file_types": ["PNG"],
            "quiet": True,
        }
    )
    assert set(lab.brought(run)) == {"5.png"}
    assert dict(run.report("").head) == {
        "Source": lab.slooh.url,
        "Select": "new",
        "Since": "2026-02-07",
        "Until": "2026-02-07",
        "Telescopes": "canary",
        "Objects": "ic 434",
        "File types": "PNG",
        "Duplicates": "skip",
    }
    assert "... ✓" not in run.log
    assert "pictures in Slooh's list" not in run.log
    assert "raw frames are only downloaded with include_fits" in lab.run({"file_types": ["fits"]}).log


# --- what Slooh does --------------------------------------------------------------------------------------------------


def test_a_silent_logout_and_a_list_that_shifts(lab: SloohLab) -> None:
    lab.configure("batch_size: 2")
    lab.add(*range(1, 8))
    lab.slooh.arrives(Picture(8, file="8.png"), Picture(9, file="9.png"), Picture(10, file="10.png"))
    lab.slooh.logs_out_after = 3
    run = lab.run()
    assert run.state == "success", run.log
    assert set(contents(lab.output)) == {f"{HOME}{number}.png" for number in range(1, 9)}
    assert len(lab.slooh.asked(LOGIN)) > 2
    lab.slooh.logs_out_after = None
    assert set(lab.brought(lab.run())) == {"9.png", "10.png"}


def test_an_account_without_pictures(lab: SloohLab) -> None:
    run = lab.run()
    assert run.state == "success"
    assert dict(run.report("").extra)["Nothing to do"] == "the account has no pictures"
    assert dict(run.report("").extra)["Total available"] == "0"


def test_one_pictures_trouble_is_its_own(lab: SloohLab) -> None:
    lab.add(1)
    lab.add(2, row={"imageDownloadURL": f"https://evil.example/2.png?{SIGNED}"})
    lab.add(3)
    lab.slooh.script("3.png", None, shorter(20))
    run = lab.run()
    assert run.state == "failed"
    assert run.report("").summary.status is Status.PARTIAL_FAILURE
    lines = lab.brought(run)
    assert lines["1.png"] == "downloaded"
    assert "the picture lies at evil.example, which is not a host of Slooh" in lines["picture 2"]
    assert "add the host to slooh.image_hosts" in lines["picture 2"]
    assert lines["3.png"].startswith("failed Broken content: ")
    assert lines["3.png"].endswith("if it is right there, run it again"), "it came once, so that nothing is proven"
    assert not (lab.output / f"{HOME}3.png").exists()
    assert not bears_secret(run.log + report_text(lab))
    again = lab.run()
    assert (lab.output / f"{HOME}3.png").is_file()
    assert set(lab.brought(again)) == {"3.png", "picture 2"}


def same(lab: SloohLab) -> None:
    """Two pictures with one path; the younger one has a higher number."""
    lab.slooh.add(Picture(1, content=OLDER, file="a.png", row=OLD), Picture(2, content=YOUNGER, file="A.png"))


OLDER, YOUNGER = png(seed=1), png(seed=2)
UPPER = f"{HOME}A.png"
LOWER = f"{HOME}a.png"


@pytest.mark.parametrize(
    ("duplicates", "expected", "left_out"),
    [
        ("skip", {LOWER: OLDER}, "picture 2: an older picture has the path {UPPER}"),
        ("overwrite", {UPPER: YOUNGER}, "picture 1: a newer picture has the path {LOWER}"),
        ("rename", {LOWER: OLDER, f"{HOME}A (1).png": YOUNGER}, ""),
    ],
)
def test_two_pictures_with_one_path(lab: SloohLab, duplicates: str, expected: dict[str, bytes], left_out: str) -> None:
    same(lab)
    run = lab.run({"duplicates": duplicates})
    assert run.state == "success"
    assert contents(lab.output) == expected
    label = "Left out (another picture has the path)"
    wanted = [(label, "1"), (f"- {label}", left_out.format(UPPER=UPPER, LOWER=LOWER))] if left_out else []
    assert [pair for pair in run.report("").extra if label in pair[0]] == wanted
    assert dict(lab.run({"duplicates": duplicates}).report("").extra)["Queued"] == "0"


def test_a_file_that_is_there_is_kept_or_fetched_anew_and_a_younger_picture_of_its_name_replaces_it(
    lab: SloohLab,
) -> None:
    lab.add(1)
    lab.run()
    for duplicates in ("skip", "rename"):
        assert lab.brought(lab.run({"select": "all", "duplicates": duplicates})) == {"1.png": "skipped"}
    assert len(lab.slooh.asked("1.png")) == 2, "validate reads a byte of what is to come"
    assert lab.brought(lab.run({"select": "all", "duplicates": "overwrite"})) == {"1.png": "downloaded"}
    assert len(lab.slooh.asked("1.png")) == 4
    lab.slooh.add(Picture(2, file="1.png", row={"displayDate": "Jan. 1, 2199"}))
    run = lab.run({"duplicates": "overwrite"})
    assert lab.brought(run) == {"1.png": "downloaded"}
    assert (lab.output / f"{HOME}1.png").stat().st_mtime == datetime(2199, 1, 1, 20, 15, 30, tzinfo=UTC).timestamp()


def test_names_are_made_by_the_templates(lab: SloohLab) -> None:
    lab.configure(
        'folder_template: "{year}/{date} {type}", filename_template: "{title}-{instrument}", unknown_object: "Nobody"'
    )
    lab.add(1, file="ngc_lrgb.png", row={"imageTitle": "A/B: the <Crab>"})
    lab.add(2, row={"instrumentName": None, "displayDate": None, "imageTitle": None})
    lab.run()
    assert set(contents(lab.output)) == {
        "2026/2026-02-07 RGB/A_B_ the _Crab_-Wide Field.png",
        "Nobody/Nobody Nobody/Nobody-Nobody.png",
    }


# --- limits -----------------------------------------------------------------------------------------------------------


def test_everything_that_is_asked_counts_against_the_limit(lab: SloohLab) -> None:
    clock = FakeClock()
    lab.patch.setattr(options, "RetryPolicy", partial(RetryPolicy, clock=clock.clock))
    lab.configure("batch_size: 3", "rate_limit: 30, threads: 3, max_retries: 2, retry_delay: 1")
    lab.add(*range(1, 8))
    lab.slooh.script("4.png", refuse(503))
    began = clock.time
    run = lab.run()
    assert run.state == "success", run.log
    requests = len(lab.slooh.requests)
    assert requests == 5 + 2 + 3 + 8, "validate; login; pages; pictures, one of them twice"
    # The first of each task goes at once.
    assert clock.time - began >= 2.0 * (requests - 2) - 0.1


def test_how_far_the_list_has_been_read_is_told(lab: SloohLab) -> None:
    lab.patch.setattr("downloader_tasks.slooh.watch._SECONDS", 0.0)
    lab.add(1, 2)
    run = lab.run({"include_fits": True})
    assert "Looked at 1 of 2 pictures in Slooh's list" in run.log
    assert "Asked for the FITS frames of 2 of 2 missions" in run.log
    assert run.state_store()["listing"] == {"pictures": 2, "available": 2, "mission": 2, "missions": 2}


# --- what cannot be ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("says_so", [True, False])
def test_a_wrong_password_fails_at_once(lab: SloohLab, says_so: bool) -> None:
    """Slooh refuses with HTTP 200; it says `loginError`, or gives no user id."""
    lab.slooh.refusal_has_error = says_so
    lab.connect(password=secret("wrong"))
    run = lab.run()
    assert run.state == "failed"
    assert run.problem() == (
        "Access denied: Slooh refused the login of the connection slooh_default; "
        "correct login and password of the connection slooh_default"
    )
    assert not bears_secret(run.log)
    assert len(lab.slooh.asked(LOGIN)) == 1
    assert "AirflowFailException: Access denied: Slooh refused the login" in run.log
    assert not list(lab.output.iterdir())


def test_a_server_that_does_not_answer_is_asked_again_by_airflow(lab: SloohLab) -> None:
    lab.slooh.script(SESSION, refuse(503))
    run = lab.run()
    assert run.problem().startswith("Server busy: 127.0.0.1 answered 503 for a session")
    assert "AirflowException: Server busy" in run.log
    assert "AirflowFailException: Server busy" not in run.log
    lab.slooh.script(SESSION, None, refuse(503))
    later = lab.run()
    told = "Server busy: 127.0.0.1 answered 503 for a session; run it again; what is already there is kept"
    assert later.lines("") == {"Slooh's list": f"failed {told}"}
    assert later.report("").summary.status is Status.COMPLETE_FAILURE


@pytest.mark.parametrize("told", [True, False])
def test_a_task_that_died(lab: SloohLab, told: bool) -> None:
    """`told`: whether it got as far as telling the report what it had planned."""

    def die(*args: object, **more: object) -> None:
        raise MemoryError

    lab.add(1, 2)
    lab.patch.setattr(*((attempts, "restore") if told else (download_run, "survey_pictures")), die)
    run = lab.run()
    assert run.state == "failed"
    assert set(lab.brought(run)) == ({"1.png", "2.png"} if told else {"Slooh's list"})
    assert all("Not tried: the download task died" in line for line in lab.brought(run).values())
    assert len(lab.slooh.asked(PICTURES)) == 1 + told, "the report asks Slooh for nothing"


@pytest.mark.parametrize(
    ("conf", "sentence"),
    [
        ({"selekt": "all"}, "there is no parameter selekt: did you mean select?"),
        ({"mission_id": 7}, "mission_id is 7, and select is new; set select to mission, or remove mission_id"),
    ],
)
def test_what_is_asked_for_wrongly_is_refused_in_a_sentence(lab: SloohLab, conf: dict[str, Any], sentence: str) -> None:
    run = lab.run(conf)
    assert run.state == "failed"
    assert run.problem().startswith(sentence)
    assert lab.slooh.requests == []
    assert not list(lab.output.iterdir())


def test_a_wrong_template_names_its_key(lab: SloohLab) -> None:
    lab.configure('folder_template: "{telescop}"')
    assert "slooh.folder_template: holds {telescop}, which is not a placeholder; write one" in lab.run().problem()


def test_no_connection_and_no_folder(lab: SloohLab) -> None:
    lab.patch.delenv("AIRFLOW_CONN_SLOOH_DEFAULT")
    problem = lab.run().problem()
    assert problem.startswith("there is no Airflow connection slooh_default, which holds the login at Slooh; make it")
    lab.output.rmdir()
    assert "does not exist: create it" in lab.run().problem()
