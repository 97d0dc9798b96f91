"""What others see of a run: its progress, its notifier, and never a secret."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from dags.lab import SECRET, Lab, md5
from downloader.report import reports_in
from include.stand_ins.s3_servers import rclone_server
from include.stand_ins.secrets import secret
from include.stand_ins.wire import serving
from support.documents import blocks, document, section
from support.listeners import Webhook, mail_server
from support.secret_search import bears_secret

SAMPLE = "20250115_sample"
TOLD: list[Mapping[str, Any]] = []


class Notifier:
    """Stands for a lab's own: takes arguments first, then the context."""

    def __init__(self, room: str) -> None:
        self.room = room

    def __call__(self, context: Mapping[str, Any]) -> None:
        TOLD.append({"room": self.room, "exception": str(context["exception"])})


def breaks(context: Mapping[str, Any]) -> None:
    """A notifier that cannot reach anybody."""
    raise ConnectionError("nobody listens")


def test_the_notifier_is_called_once_a_failed_run_with_the_reason(lab: Lab) -> None:
    TOLD.clear()
    notifier = {"callable": f"{__name__}.Notifier", "arguments": {"room": "mass spec"}}
    lab.configure(f"notifier: {json.dumps(notifier)}")
    lab.upload(SAMPLE, {"a.raw": b"1"})
    assert lab.run({"raw_file_id": SAMPLE}).state == "success"
    assert TOLD == []
    assert lab.run({"raw_file_id": "absent"}).state == "failed"
    reason = "validate failed: no raw file absent in the catalogue; check the id"
    assert [{"room": "mass spec", "exception": reason}] == TOLD


@pytest.mark.parametrize("callable_", [f"{__name__}.breaks", "no.such.module"])
def test_a_notifier_that_fails_hides_nothing(lab: Lab, callable_: str) -> None:
    lab.configure(f"notifier: {callable_}")
    run = lab.run({"raw_file_id": "absent"})
    assert run.state == "failed"
    assert "The configured notifier could not be called for the failure of this run" in run.log
    assert "validate failed: no raw file absent" in run.log


def note(context: Mapping[str, Any]) -> None:
    """A function without arguments."""
    TOLD.append({"text": context["notification"].text, "result": context["notification"].result})


def test_notifiers_are_called_for_what_they_are_to_know_of(lab: Lab) -> None:
    """And one that breaks does not keep the next one from it."""
    TOLD.clear()
    several = [
        {"callable": f"{__name__}.breaks", "when": ["success", "failure"]},
        {"callable": f"{__name__}.note", "when": ["success"]},
        f"{__name__}.note",
        {"callable": f"{__name__}.note", "when": ["failure", "deadline"]},
    ]
    lab.configure(f"notifier: {json.dumps(several)}")
    folder = lab.upload(SAMPLE, {"a.raw": b"1"})
    run = lab.run({"raw_file_id": SAMPLE})
    assert run.state == "success"
    (told,) = TOLD
    assert told["result"] == run.xcom("result")
    lines = told["text"].splitlines()
    assert lines[0] == f"s3_downloader: SUCCESS, {SAMPLE}"
    assert lines[1].startswith("1 of 1 file, 1 B in ")
    assert lines[2] == str(reports_in(folder)[0])
    assert "The configured notifier could not be called for the success of this run" in run.log


def test_the_notifiers_of_the_documents_send_a_mail_and_call_a_webhook(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their configuration as it is written there."""
    (shown,) = blocks(section(document("deploying"), "Notifications"), "yaml")
    lab.configure(shown)
    folder = lab.upload("raw_<b>", {"a.raw": b"1"})
    bearer = f"Bearer {secret('webhook')}"
    with mail_server() as (port, mails), serving(Webhook()) as webhook:
        mail = {"host": "127.0.0.1", "port": port, "extra": {"from_email": "airflow@example.org"}}
        mail["extra"] |= {"disable_ssl": True, "disable_tls": True}  # type: ignore[operator]
        hook = {"host": f"{webhook.url}/hooks/lab", "extra": {"Authorization": bearer}}
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps({"conn_type": "smtp", **mail}))
        monkeypatch.setenv("AIRFLOW_CONN_LAB_WEBHOOK", json.dumps({"conn_type": "http", **hook}))
        assert lab.run({"raw_file_id": "raw_<b>"}).state == "success"
        assert mails == []
        lab.record("raw_<b>", {"a.raw": [1, md5(b"1")], "<i>.raw": [1, None]})
        assert lab.run({"raw_file_id": "raw_<b>"}).state == "failed"
    (path, login, good), (_, _, bad) = webhook.calls
    assert (path, login) == ("/hooks/lab", bearer)
    assert good["text"].startswith("s3_downloader: SUCCESS, raw_<b>\n1 of 1 file, 1 B in ")
    lines = bad["text"].splitlines()
    assert lines[0] == "s3_downloader: PARTIAL FAILURE, raw_<b>"
    assert "; first failure: <i>.raw: Not found: there is no object s3://" in lines[1]
    assert lines[2] == str(reports_in(folder)[0])
    (sent,) = mails
    body = sent.get_body(("html",))
    assert (sent["To"], sent["From"], sent["Subject"]) == ("lab@example.org", "airflow@example.org", lines[0])
    assert body is not None
    assert "<br>" in body.get_content()
    assert "raw_&lt;b&gt;" in body.get_content()
    assert "<b>" not in body.get_content()


def test_progress_stands_in_the_state_store(lab: Lab) -> None:
    lab.upload(SAMPLE, {"a.raw": b"12345", "b.raw": b"1"})
    lab.record(SAMPLE, {"a.raw": [5, md5(b"12345")], "c.raw": [1, None]})
    run = lab.run({"raw_file_id": SAMPLE})
    progress = run.state_store()["progress"]
    assert {name: progress[name] for name in ("files_done", "files", "bytes_fetched", "bytes_planned")} == {
        "files_done": 2, "files": 2, "bytes_fetched": 5, "bytes_planned": 6
    }  # fmt: skip


def test_no_secret_stands_anywhere(lab: Lab, tmp_path: Path) -> None:
    lab.upload(SAMPLE, {"a.raw": b"1"})
    lab.record(SAMPLE, {"a.raw": [1, md5(b"1")], "gone.raw": [1, None]})
    runs = [lab.run({"raw_file_id": SAMPLE})]
    assert runs[0].lines()["a.raw"] == "downloaded"
    with rclone_server(tmp_path) as server:
        lab.connect(endpoint_url=server.url, aws_session_token=secret("aws-session", "+/="))
        runs.append(lab.run({"raw_file_id": SAMPLE}))
    assert runs[1].state == "failed"
    reports = "".join(path.read_text() for path in lab.output.rglob("_download_status_*"))
    kept = json.dumps([(run.log, run.xcoms(), run.state_store()) for run in runs])
    with closing(sqlite3.connect(Path(os.environ["AIRFLOW_HOME"], "airflow.db"))) as database:
        everything = "\n".join(database.iterdump())
    for written in (reports, kept, everything):
        assert written
        assert not bears_secret(written)
        assert quote(SECRET, safe="") not in written
