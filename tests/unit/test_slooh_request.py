"""What a run of `slooh_images` is asked for, the connection, and what is read from earlier reports."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from downloader.report import Report, write
from downloader.results import FileResult, Outcome
from downloader.sources.slooh.hosts import ImageHosts
from downloader.sources.slooh.picture_names import Duplicates, PictureNames
from downloader.sources.slooh.rows import SloohPicture
from downloader.sources.slooh.selection import Select
from downloader.sources.slooh.survey import PictureLayout, Scan, Wish, plan
from downloader.transfer.options import TransferPolicy
from downloader_tasks.execution.progress import Rhythm
from downloader_tasks.failures import Refusal
from downloader_tasks.settings.configuration import Configuration, ConfigurationError, load
from downloader_tasks.settings.options import service_options
from downloader_tasks.slooh.account import account_of
from downloader_tasks.slooh.request import PictureRequest
from downloader_tasks.slooh.tally import Tally, lines, tally
from downloader_tasks.slooh.tracker import LIST, known
from downloader_tasks.slooh.watch import ListingWatch
from downloader_tasks.xcoms import read
from include.stand_ins.secrets import secret

PASSWORD = secret("slooh", " ")
ROOT = Path(__file__).parents[2]
DAY = datetime(2026, 2, 7, 12, tzinfo=UTC)


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return configured(tmp_path)


def configured(folder: Path, slooh: str = "") -> Configuration:
    (folder / "output").mkdir(exist_ok=True)
    file = folder / "config.yaml"
    file.write_text(f"locations: {{slooh: {folder / 'output'}}}\nslooh:\n  {slooh}\n")
    return load({"DOWNLOADER_CONFIG": str(file)})


# --- parameters -------------------------------------------------------------------------------------------------------


def test_all_may_be_left_out(configuration: Configuration) -> None:
    request = PictureRequest.from_params({}, configuration)
    assert (request.select, request.mission_id, request.duplicates) == (Select.NEW, 0, Duplicates.SKIP)
    assert (request.include_fits, request.max_scan, request.quiet) == (False, None, False)
    assert request.head == (("Select", "new"), ("Duplicates", "skip"))


def test_what_is_given_is_trimmed_and_told(configuration: Configuration) -> None:
    params = {
        "select": "mission",
        "mission_id": 12,
        "since": "2026-02-01",
        "until": " 2026-02-07 ",
        "telescopes": [" canary ", "canary", ""],
        "file_types": ["PNG"],
        "max_scan": 5000,
    }
    request = PictureRequest.from_params(params, configuration)
    assert (request.mission_id, request.filters.until, request.filters.telescopes) == (
        12,
        date(2026, 2, 7),
        ("canary",),
    )
    assert request.head == (
        ("Select", "mission 12"),
        ("Since", "2026-02-01"),
        ("Until", "2026-02-07"),
        ("Telescopes", "canary"),
        ("File types", "PNG"),
        ("Rows looked at", "5,000 at most"),
        ("Duplicates", "skip"),
    )


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"select": "mission"}, "select is mission, and no mission_id is given; give the mission's number"),
        ({"select": "all", "mission_id": 7}, "mission_id is 7, and select is all; set select to mission, or remove"),
        ({"since": "7.2.2026"}, "since is 7.2.2026, which is not a date; write it as 2026-02-07"),
        ({"until": "20260207"}, "until is 20260207, which is not a date; write it as"),
        ({"until": "2026-02-30"}, "until is 2026-02-30, which is not a date; write it as"),
        ({"since": "2026-02-08", "until": "2026-02-07"}, "since is 2026-02-08, which is after until, 2026-02-07; give"),
        (
            {"file_types": ["tiff"]},
            "file_types: 'tiff' is not a file type; write one of fit, fits, jpeg, jpg, pictures, png",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    configuration: Configuration, params: Mapping[str, Any], sentence: str
) -> None:
    with pytest.raises(Refusal) as caught:
        PictureRequest.from_params(params, configuration)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("params", "lacks"),
    [({"file_types": ["fit"]}, True), ({"file_types": ["fits"], "include_fits": True}, False), ({}, False)],
)
def test_frames_that_cannot_come_are_seen(configuration: Configuration, params: Mapping[str, Any], lacks: bool) -> None:
    assert PictureRequest.from_params(params, configuration).lacks_frames is lacks


FORM: list[tuple[Mapping[str, Any], bool]] = [
    ({"select": "newest"}, False),
    ({"since": "7.2.2026"}, False),
    ({"since": "2026-02-07", "until": None}, True),
    ({"mission_id": 7}, True),
    ({"mission_id": "7"}, False),
    ({"mission_id": "seven"}, False),
    ({"mission_id": 0}, False),
    ({"max_scan": 0}, False),
    ({"duplicates": "keep"}, False),
    ({"telescopes": "canary"}, False),
]


def test_the_form_refuses_what_cannot_be() -> None:
    from airflow.sdk.definitions.param import ParamsDict
    from airflow.sdk.exceptions import ParamValidationError

    params = DagBag(str(ROOT / "dags" / "slooh_images.py")).dags["slooh_images"].params

    def passes(conf: Mapping[str, Any]) -> bool:
        try:
            ParamsDict(params).update(conf)
        except ParamValidationError:
            return False
        return True

    assert [(conf, passes(conf)) for conf, _ in FORM] == FORM


# --- the connection ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({}, "https://app.slooh.com"),
        ({"host": "www.slooh.com"}, "https://www.slooh.com"),
        ({"host": " https://www.slooh.com/ "}, "https://www.slooh.com"),
        ({"host": "http://127.0.0.1:8080"}, "http://127.0.0.1:8080"),
        ({"host": "stand-in", "schema": "HTTP", "port": 8080}, "http://stand-in:8080"),
        ({"host": "https://stand-in", "schema": "http"}, "https://stand-in"),
        ({"host": "[::1]", "port": 8443}, "https://[::1]:8443"),
    ],
)
def test_the_host_is_a_name_or_an_address(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch, fields: Mapping[str, Any], url: str
) -> None:
    connect(monkeypatch, **fields)
    account = account_of(configuration)
    assert account.base_url == url
    assert (account.username, account.password, account.connection) == ("me", PASSWORD, "slooh_default")
    assert PASSWORD not in repr(account)


def connect(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    connection = {"conn_type": "http", "login": " me ", "password": PASSWORD, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_SLOOH_DEFAULT", json.dumps(connection))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"login": ""}, "the connection slooh_default has no login; fill in the login and the password"),
        ({"password": ""}, "the connection slooh_default has no password; fill in the login and the password"),
        (
            {"host": "app.slooh.com/api"},
            "the host of the connection slooh_default is not a server name; write one such",
        ),
        ({"host": f"me:{PASSWORD}@app.slooh.com"}, "is not a server name"),
        ({"host": "app slooh com"}, "is not a server name"),
        ({"host": "app.slooh.com:port"}, "is not a server name"),
        ({"host": "[::1"}, "is not a server name"),
        ({"host": "ftp://app.slooh.com"}, "the schema is https, http or empty"),
    ],
)
def test_a_wrong_connection_is_told_by_its_field(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch, fields: Mapping[str, Any], sentence: str
) -> None:
    connect(monkeypatch, **fields)
    with pytest.raises(Refusal) as caught:
        account_of(configuration)
    assert sentence in str(caught.value)
    assert PASSWORD not in str(caught.value)


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        (
            'folder_template: "{obj"',
            "line 3, slooh.folder_template: has a stray brace in '{obj'; write one of {object}",
        ),
        (
            'filename_template: "{x}"',
            "slooh.filename_template: holds {x}, which is not a placeholder; write one of {object}",
        ),
        ('filename_template: "a/b"', "slooh.filename_template: holds a /; folders belong in folder_template"),
        ('unknown_object: ".."', "slooh.unknown_object: is '..', which is not a valid folder name; write Unknown"),
        ("folder_template: 7", "slooh.folder_template: is 7; write a template of folders, in quotes"),
        ('folder_template: ""', "slooh.folder_template: is ''; write a template of folders"),
    ],
)
def test_a_wrong_template_is_named_with_its_line_and_what_to_write(tmp_path: Path, setting: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        configured(tmp_path, setting)
    assert sentence in str(caught.value)


def test_a_template_out_of_the_environment_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("slooh: {folder_template: '${TEMPLATE}'}\n")
    with pytest.raises(ConfigurationError) as caught:
        load({"DOWNLOADER_CONFIG": str(file), "TEMPLATE": f"{{{PASSWORD}}}"})
    assert "slooh.folder_template: is filled from ${TEMPLATE}; write a template of folders" in str(caught.value)


def test_retries_and_streams_are_those_of_the_service(configuration: Configuration) -> None:
    options = service_options(configuration.transfer, TransferPolicy(), 4, 3, 60.0)
    assert (options.limits.threads, options.limits.large_threads) == (4, 4)
    policy = options.retry
    assert (policy.attempts, policy.first_wait, policy.longest_wait) == (4, 60.0, 60.0)
    assert service_options(configuration.transfer, TransferPolicy(), 4, 3, 5.0).retry.longest_wait == 30.0


# --- earlier reports --------------------------------------------------------------------------------------------------


def leave(folder: Path, when: datetime, report_id: str = "slooh", **results: str) -> None:
    """A report; `results` are names with ``ok`` or a failure's message."""
    held = [
        FileResult(name, Outcome.SKIPPED, 5, assurance="complete PNG")
        if message == "ok"
        else FileResult(name, Outcome.FAILED, message=message)
        for name, message in results.items()
    ]
    write(Report("Slooh Images Status Report", when, str(folder), results=tuple(held)), folder, report_id)


def test_what_the_reports_say_of_a_picture_last_is_what_counts(tmp_path: Path) -> None:
    later = DAY + timedelta(days=1)
    leave(tmp_path, DAY, a="ok", b="ok", c="lost", d="lost")
    leave(tmp_path, later, b="lost", c="ok", d="lost")
    leave(tmp_path, later, "other", d="ok")
    assert known(Select.NEW, tmp_path) == {"a": DAY, "c": later}
    assert known(Select.FAILED, tmp_path) == {"b": later, "d": later}
    assert known(Select.ALL, tmp_path) == known(Select.MISSION, tmp_path) == {}


def test_without_reports_nothing_is_known(tmp_path: Path) -> None:
    assert known(Select.NEW, tmp_path) == known(Select.FAILED, tmp_path / "missing") == {}


def test_a_report_on_a_list_that_could_not_be_read_says_nothing_of_pictures(tmp_path: Path) -> None:
    leave(tmp_path, DAY, a="lost")
    leave(tmp_path, DAY + timedelta(days=1), **{LIST: "Server busy: later"})
    assert known(Select.FAILED, tmp_path) == {"a": DAY}
    leave(tmp_path, DAY + timedelta(days=2), a="ok")
    assert known(Select.FAILED, tmp_path) == {}


def test_a_report_that_cannot_be_read_is_passed_over_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leave(tmp_path, DAY, a="ok")
    (tmp_path / "_download_status_slooh_20260301_000000.txt").write_text("cut off")
    assert known(Select.NEW, tmp_path) == {"a": DAY}
    assert "_download_status_slooh_20260301_000000.txt cannot be read and is ignored" in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


# --- what the report adds ---------------------------------------------------------------------------------------------


def rows(count: int, **values: Any) -> list[SloohPicture]:
    return [
        SloohPicture(str(n), title=f"M{n % 110 + 1}", address=f"https://h.slooh.com/{n}.png", taken=DAY, **values)
        for n in range(1, count + 1)
    ]


LAYOUT = PictureLayout(PictureNames(), ImageHosts("https://app.slooh.com"))


def results_of(found: Any) -> list[FileResult]:
    return [FileResult(item.path.text, Outcome.DOWNLOADED, 5, assurance="complete PNG") for item in found.planned]


def test_large_accounts_make_small_tallies() -> None:
    several = [
        *rows(5000),
        *(SloohPicture(str(n), title=f"Star {n}", address="https://h.slooh.com/1.png") for n in range(6000, 6500)),
    ]
    layout = PictureLayout(PictureNames("all", "{filename}"), LAYOUT.hosts)
    found = plan([*several, *rows(5000)], Wish(), layout, 9000)
    figures = tally(found, Wish(), results_of(found), "Unknown")
    travelling = json.dumps(asdict(figures))
    assert len(travelling) < 64_000
    told = lines(results_of(found), read(Tally, json.loads(travelling)))
    label = "Left out (another picture has the path)"
    assert [value for name, value in told if name == label] == ["5,500"]
    assert [value for name, value in told if name == f"- {label}"][-1] == "and 5,300 more"
    assert dict(told)["Total available"] == "9,000"


def test_more_objects_than_are_shown_are_counted_together() -> None:
    several = [SloohPicture(str(n), title=f"Star {n}", address=f"https://h.slooh.com/{n}.png") for n in range(1, 251)]
    found = plan([*several, *rows(3)], Wish(), LAYOUT)
    told = dict(lines(results_of(found), tally(found, Wish(), results_of(found), "Unknown")))
    assert told["Pictures of 53 others"] == "53"
    assert told["Pictures by Unknown"] == "253"


def test_what_failed_and_is_not_in_the_list_any_more_is_named() -> None:
    wish = Wish(Select.FAILED, known={"M2/Unknown/Pictures/Unknown_1.png": DAY, "gone.png": DAY})
    found = plan(rows(2), wish, LAYOUT)
    told = lines(results_of(found), tally(found, wish, results_of(found), "Unknown"))
    label = "Not in Slooh's list any more, or not asked for"
    assert [pair for pair in told if label in pair[0]] == [(label, "1"), (f"- {label}", "gone.png")]


def test_a_task_that_died_leaves_what_the_results_tell() -> None:
    found = plan(rows(2), Wish(), LAYOUT)
    died = FileResult("x", Outcome.FAILED, message="Not tried: it died")
    assert dict(lines([*results_of(found), died], None)) == {
        "Skipped existing": "0",
        "Queued": "3",
        "Queued and downloaded": "2",
        "Queued and failed": "1",
        "Total bytes": "10",
    }


# --- while the list is read -------------------------------------------------------------------------------------------


def test_how_far_the_list_is_is_told_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    time = iter(range(1000))
    shown: list[Mapping[str, Any]] = []
    watch = ListingWatch(shown.append, rhythm=Rhythm(10, lambda: float(next(time))))
    for number in range(1, 26):
        watch(Scan(number, 1500))
    assert caplog.messages == [
        "Looked at 10 of 1,500 pictures in Slooh's list",
        "Looked at 20 of 1,500 pictures in Slooh's list",
    ]
    assert shown[0] == {"pictures": 10, "available": 1500, "mission": 0, "missions": 0}


def test_a_quiet_log_says_nothing_of_the_list(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    shown: list[Mapping[str, Any]] = []
    ListingWatch(shown.append, quiet=True, rhythm=Rhythm(0))(Scan(1, 2, 3, 4))
    assert caplog.messages == []
    assert shown == [{"pictures": 1, "available": 2, "mission": 3, "missions": 4}]
