"""What `validate` refuses, with which sentence, and what it leaves to others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags.lab import Lab, md5
from downloader_tasks.download_run import validate
from downloader_tasks.raw_files import RawFilesRun
from include.stand_ins.s3_servers import rclone_server
from include.stand_ins.secrets import secret

SAMPLE = "20250115_sample"
PARAMS = {"raw_file_id": None, "raw_file_ids": None, "files": None}


class Pushed(dict[str, Any]):
    """A task instance that only takes XComs."""

    def xcom_push(self, key: str, value: Any) -> None:
        self[key] = value


def refusal(conf: dict[str, Any], kind: type[Exception] = AirflowFailException) -> str:
    """The sentence that `validate` fails with. `kind`: whether another try makes sense."""
    ti = Pushed()
    context = {
        "dag_run": SimpleNamespace(conf=conf),
        "dag": SimpleNamespace(params=PARAMS),
        "params": PARAMS | conf,
        "ti": ti,
    }
    with pytest.raises(AirflowException) as raised:
        validate(RawFilesRun, context)
    assert isinstance(raised.value, AirflowFailException) is (kind is AirflowFailException)
    sentence, last_line = ti["problem"], str(raised.value)
    assert last_line == sentence or sentence.startswith(last_line.removesuffix("..."))
    assert len(last_line) < 200
    assert "\n" not in sentence
    return str(sentence)


def test_an_id_that_is_not_there_fails_the_run_and_names_its_neighbours(lab: Lab) -> None:
    lab.upload(SAMPLE, {"sample.raw": b"raw"})
    run = lab.run({"raw_file_id": "20250115_smaple"})
    assert (run.state, run.states()["validate"]) == ("failed", ["failed"])
    assert run.states()["download"] == ["upstream_failed"]
    sentence = f"no raw file 20250115_smaple in the catalogue; did you mean {SAMPLE}?"
    assert run.problem() == sentence
    assert f"validate failed: {sentence}" in run.log
    assert list(lab.output.iterdir()) == []


def test_an_unknown_parameter_fails_the_run(lab: Lab) -> None:
    lab.upload(SAMPLE, {"sample.raw": b"raw"})
    run = lab.run({"raw_file_id": SAMPLE, "file": ["*.raw"]})
    assert run.state == "failed"
    assert run.problem() == (
        "there is no parameter file: did you mean files? the parameters are ask_first, audit, dry_run, files, "
        "max_speed, project_id, raw_file_id, raw_file_ids, thaw"
    )


def test_bad_raw_files_do_not_stop_the_good_one_and_are_named_at_the_end(lab: Lab) -> None:
    folder = lab.upload("good", {"good.raw": b"good"})
    entry = {"sample.raw": [3, md5(b"raw")]}
    lab.record("no_backup", entry, s3_upload_path=None, backup_status=None)
    lab.record("no_project", entry, project_id=None)
    lab.record("fallback", entry, project_id="_FALLBACK")
    lab.record("escaping", entry, project_id="../elsewhere")
    lab.record("no_files", {})
    lab.record("other_scheme", entry, s3_upload_path="gs://bucket/prefix")
    (lab.output / "FILE").write_bytes(b"")
    lab.record("in_the_way", entry, project_id="FILE")
    ids = [
        "no_backup",
        "no_project",
        "absent",
        "good",
        "fallback",
        "escaping",
        "no_files",
        "other_scheme",
        "in_the_way",
    ]
    run = lab.run({"raw_file_ids": ids})
    assert run.state == "failed"
    assert (folder / "good.raw").read_bytes() == b"good"
    assert run.lines() == {"good.raw": "downloaded"}
    assert run.states()["download"] == ["success"]
    refused = run.xcom("refused")["items"]
    assert sorted(refused) == sorted(set(ids) - {"good"})
    wanted = {
        "no_backup": "raw file no_backup has no S3 backup (s3_upload_path is empty, backup_status is none); upload it",
        "no_project": "raw file no_project belongs to no project (project_id is ''); correct",
        "absent": "no raw file absent in the catalogue; check the id",
        "fallback": "raw file fallback belongs to no project (project_id is '_FALLBACK'); correct",
        "escaping": "raw file escaping has a project_id that names no folder: '../elsewhere' would leave",
        "no_files": "raw file no_files has no files (its file_info is empty); repair the record",
        "other_scheme": "raw file other_scheme: the S3 path 'gs://bucket/prefix' begins with gs://; write it",
        "in_the_way": f"{lab.output / 'FILE'} is not a folder, and the project's files belong there; move it away",
    }
    assert {name: refused[name][: len(start)] for name, start in wanted.items()} == wanted
    for sentence in refused.values():
        assert run.log.count(sentence) >= 2, "in the log of validate, and in what the run fails with"


def test_a_disk_that_is_too_full_is_found_before_anything_is_fetched(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = b"x" * 3_000_000
    folder = lab.upload(SAMPLE, {"there.raw": whole, "new.raw": whole})
    folder.mkdir()
    (folder / "there.raw").write_bytes(whole)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2_000_000))
    assert refusal({"raw_file_id": SAMPLE}) == (
        f"2.9 MB are to be written to {folder}, and only 1.9 MB are free there; free 976.6 KB more"
    )
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3_000_000))
    assert lab.run({"raw_file_id": SAMPLE}).state == "success"


def test_raw_files_that_fit_alone_and_not_together_are_refused_from_the_one_on_that_does_not(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        lab.upload(f"raw_{name}", {f"{name}.raw": b"x" * 2000})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3000))
    run = lab.run({"raw_file_ids": ["raw_one", "raw_two"]})
    assert (run.state, run.lines()) == ("failed", {"one.raw": "downloaded"})
    assert list(run.xcom("refused")["items"]) == ["raw_two"]


def test_raw_files_that_would_replace_each_other_are_refused(lab: Lab) -> None:
    folder = lab.upload("raw_one", {"sample.raw": b"one", "same.txt": b"same"})
    lab.upload("raw_two", {"sample.raw": b"two", "two.raw": b"2"})
    lab.upload("raw_six", {"same.txt": b"same"})
    lab.upload("raw_ten", {"sample.raw": b"ten"}, project="PRID002")
    run = lab.run({"raw_file_ids": ["raw_one", "raw_two", "raw_six", "raw_ten"]})
    assert run.state == "failed"
    assert run.xcom("refused")["items"] == {
        "raw_two": f"raw files raw_one and raw_two would both be written to {folder}/sample.raw; "
        "restore raw_one, move its files away, and then restore raw_two"
    }
    assert (folder / "sample.raw").read_bytes() == b"one"
    assert (lab.output / "PRID002" / "sample.raw").read_bytes() == b"ten"
    assert run.states()["download"] == ["success"] * 3


def switched_off(lab: Lab) -> str:
    lab.configure("s3: {enabled: false}")
    return f"restoring from S3 is switched off; set s3.enabled to true in {lab.folder / 'config.yaml'}"


def no_output(lab: Lab) -> str:
    lab.output.rmdir()
    return f"locations.output is {lab.output}, which does not exist: create it, or change locations.output in "


def output_is_a_file(lab: Lab) -> str:
    lab.output.rmdir()
    lab.output.write_bytes(b"")
    return f"locations.output is {lab.output}, which is not a folder"


def misspelt_configuration(lab: Lab) -> str:
    lab.configure("s3: {enabeld: true}")
    return f"{lab.folder / 'config.yaml'}, line 3, s3.enabeld: is not a known key; did you mean enabled?"


def no_catalogue_connection(lab: Lab) -> str:
    lab.configure("s3: {catalogue: elsewhere}")
    return "there is no Airflow connection elsewhere, which leads to the catalogue of raw files; make it"


def no_catalogue_file(lab: Lab) -> str:
    lab.catalogue.unlink()
    return f"the catalogue's SQLite file {lab.catalogue} does not exist; correct"


def nothing_selected(lab: Lab) -> str:
    lab.patch.setitem(PARAMS, "files", ["*.d"])
    return f"files (*.d) matches none of the 1 file of raw file {SAMPLE}; it has sample.raw"


@pytest.mark.parametrize(
    "spoil",
    [
        switched_off,
        no_output,
        output_is_a_file,
        misspelt_configuration,
        no_catalogue_connection,
        no_catalogue_file,
        nothing_selected,
    ],
)
def test_what_will_not_pass_by_itself_is_refused_at_once(lab: Lab, spoil: Callable[[Lab], str]) -> None:
    lab.upload(SAMPLE, {"sample.raw": b"raw"})
    sentence = spoil(lab)
    assert refusal({"raw_file_id": SAMPLE})[: len(sentence)] == sentence


def test_wrong_credentials_are_refused(lab: Lab, tmp_path: Path) -> None:
    with rclone_server(tmp_path) as server:
        lab.connect(endpoint_url=server.url)
        lab.record(SAMPLE, {"sample.raw": [3, md5(b"raw")]})
        sentence = refusal({"raw_file_id": SAMPLE})
    assert sentence.startswith("Access denied: ")
    assert "connection" in sentence


@pytest.mark.parametrize("raw_file_ids", [[SAMPLE], [SAMPLE, "absent"]])
def test_an_endpoint_that_does_not_answer_may_pass(lab: Lab, raw_file_ids: list[str]) -> None:
    lab.upload(SAMPLE, {"sample.raw": b"raw"})
    lab.connect(endpoint_url="http://127.0.0.1:9")
    assert refusal({"raw_file_ids": raw_file_ids}, AirflowException) == (
        "Network error: http://127.0.0.1:9 cannot be reached; check endpoint_url and the network, then run it again"
    )


def test_a_catalogue_that_does_not_answer_may_pass(lab: Lab) -> None:
    password = secret("catalogue")
    connection = {"conn_type": "postgres", "host": "127.0.0.1", "port": 9, "schema": "lab", "password": password}
    lab.patch.setenv("AIRFLOW_CONN_RAW_FILES", json.dumps(connection))
    sentence = refusal({"raw_file_id": SAMPLE}, AirflowException)
    assert sentence.startswith("the catalogue in PostgreSQL (127.0.0.1/lab) does not answer (")
    assert password not in sentence


def test_if_all_are_bad_all_are_named(lab: Lab) -> None:
    assert refusal({"raw_file_ids": ["one_bad", "two_bad"]}) == (
        "none of the 2 raw files can be restored: (1) no raw file one_bad in the catalogue; check the id; "
        "(2) no raw file two_bad in the catalogue; check the id"
    )
