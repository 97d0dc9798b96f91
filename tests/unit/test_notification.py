"""What a notifier is given: the result of a run in three lines, whatever became of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk._shared.secrets_masker import redact

from downloader_tasks.notification import Notification, notification_of, notify
from downloader_tasks.settings import Notifier

RUN = "manual__2025-02-04T14:30:22+00:00"
PATH = "/data/output/PRID001/_download_status_20250115_sample_20250204_143022.txt"
REPORT = {
    "about": "20250115_sample", "path": PATH, "files": 4, "successful": 3, "bytes": 1_294_467_072, "seconds": 46.1,
    "failures": [{"name": "sample.d/3.bin", "kind": "Network error", "message": "Network error: it broke; try again"}],
}  # fmt: skip
GOOD = {**REPORT, "successful": 4, "failures": []}


def noted(event: str, result: Any, sentence: str = "") -> Notification:
    def pull(task_ids: str, key: str) -> Any:
        assert (task_ids, key) == ("report", "result")
        if isinstance(result, Exception):
            raise result
        return result

    context = {
        "ti": SimpleNamespace(xcom_pull=pull),
        "dag_run": SimpleNamespace(dag_id="s3_downloader", run_id=RUN),
        "exception": Exception(sentence) if sentence else None,
    }
    return notification_of(event, context)


class Caller:
    """A notifier that says in `seen` how Airflow's log would show `told`."""

    def __init__(self, told: str, seen: list[str], **others: str) -> None:
        self.told, self.seen = told, seen

    def __call__(self, context: Any) -> None:
        self.seen.append(str(redact(self.told)))


def result(status: str, *reports: dict[str, Any], problems: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"status": status, "reports": list(reports), "problems": list(problems)}


@pytest.mark.parametrize(
    ("event", "told", "lines"),
    [
        (
            "success",
            result("SUCCESS", GOOD),
            ["s3_downloader: SUCCESS, 20250115_sample", "4 of 4 files, 1234.5 MB in 46 s", PATH],
        ),
        (
            "failure",
            result("PARTIAL FAILURE", REPORT),
            [
                "s3_downloader: PARTIAL FAILURE, 20250115_sample",
                "3 of 4 files, 1234.5 MB in 46 s; first failure: sample.d/3.bin: Network error: it broke; try again",
                PATH,
            ],
        ),
        (
            "failure",
            result("PARTIAL FAILURE", GOOD, {**GOOD, "path": "/b", "files": 1, "successful": 1}, problems=("no b\n!",)),
            [
                "s3_downloader: PARTIAL FAILURE, 20250115_sample and 1 more",
                r"5 of 5 files, 2469.0 MB; first failure: no b\n!",
                f"{PATH} and 1 more",
            ],
        ),
        (
            "failure",
            result("PARTIAL FAILURE", {**GOOD, "path": ""}, problems=("Disk full: no room",)),
            [
                "s3_downloader: PARTIAL FAILURE, 20250115_sample",
                "4 of 4 files, 1234.5 MB in 46 s; first failure: Disk full: no room",
                f"run {RUN}",
            ],
        ),
        (
            "failure",
            result("REFUSED", problems=("validate failed: no raw file x",)),
            ["s3_downloader: REFUSED", "validate failed: no raw file x", f"run {RUN}"],
        ),
        ("success", result("DRY RUN"), ["s3_downloader: DRY RUN", "it has no reports", f"run {RUN}"]),
        (
            "success",
            result("DRY RUN", {"about": "b", "path": "", "files": 2, "bytes": 2048}),
            ["s3_downloader: DRY RUN, b", "2 files, 2.0 KB; nothing was downloaded", f"run {RUN}"],
        ),
        (
            "success",
            {**result("SUCCESS", GOOD), "audit": True},
            ["s3_downloader, audit: SUCCESS, 20250115_sample", "4 of 4 files, 1234.5 MB in 46 s", PATH],
        ),
        ("failure", None, ["s3_downloader: FAILED", "it was killed", f"run {RUN}"]),
        ("failure", RuntimeError("no XComs here"), ["s3_downloader: FAILED", "it was killed", f"run {RUN}"]),
    ],
)
def test_the_result_is_three_lines(event: str, told: Any, lines: list[str]) -> None:
    note = noted(event, told, "it was killed" if event == "failure" else "")
    assert note.text.splitlines() == lines
    assert (note.event, note.subject) == (event, lines[0])
    assert note.result == (told if isinstance(told, dict) else {})


def test_a_missed_deadline_is_three_lines() -> None:
    context = {
        "dag_run": {"dag_id": "s3_downloader", "dag_run_id": RUN, "state": "running"},
        "deadline": {"id": "1", "deadline_time": datetime(2025, 2, 4, 14, 30, 22, 5, tzinfo=UTC)},
    }
    assert notification_of("deadline", context).text.splitlines() == [
        "s3_downloader: DEADLINE MISSED",
        "the run is running; it was due at 2025-02-04 14:30:22 UTC",
        f"run {RUN}",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"http_conn_id": "lab_webhook"}, "Max retries exceeded with url: /hooks/T0123/B4567/zzTOP?wait=1 (refused)"),
        ({"http_conn_id": "lab_webhook", "endpoint": "B4567/zzTOP"}, "url: /elsewhere/B4567/zzTOP"),
        ({"url": "https://chat.example.org/hooks/B4567/zzTOP"}, "404 for https://chat.example.org/hooks/B4567/zzTOP"),
    ],
)
def test_the_path_of_a_webhook_is_masked(monkeypatch: pytest.MonkeyPatch, arguments: dict[str, str], told: str) -> None:
    """A notifier that fails tells the address in its exception, which becomes a line of the log."""
    hook = {"conn_type": "http", "host": "https://chat.example.org/hooks/T0123/B4567/zzTOP?wait=1"}
    monkeypatch.setenv("AIRFLOW_CONN_LAB_WEBHOOK", json.dumps(hook))
    seen: list[str] = []
    notifier = Notifier(callable=f"{__name__}.Caller", arguments={**arguments, "told": told, "seen": seen})
    monkeypatch.setattr("downloader_tasks.notification.load", lambda: SimpleNamespace(notifier=[notifier]))
    dag_run = SimpleNamespace(dag_id="s3_downloader", run_id=RUN)
    notify("failure", {"ti": SimpleNamespace(xcom_pull=lambda **_: None), "dag_run": dag_run})
    (shown,) = seen
    assert "zzTOP" not in shown
    assert "***" in shown


def test_no_name_is_markup_in_a_mail_or_makes_a_fourth_line() -> None:
    bad = [{"name": r"<img src=x>\n", "kind": "", "message": "<b>"}]
    note = noted("failure", result("PARTIAL FAILURE", {**REPORT, "about": "<script>" * 50, "failures": bad}))
    assert len(note.text.splitlines()) == 3
    assert max(map(len, note.text.splitlines())) < 600
    assert note.html.count("<") == 4
    assert note.html.startswith("<p>s3_downloader: PARTIAL FAILURE, &lt;script&gt;")
    assert note.html.count("<br>\n") == 2
