"""What Airflow loads, and that it finds everything where it looks."""

from __future__ import annotations

import builtins
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, AssetAlias

from dags.lab import ROOT
from downloader.fhir import RESOURCE_TYPES, UNKNOWN
from downloader.sources.slooh import FILE_TYPES
from downloader_tasks.forms import DOCUMENTS
from downloader_tasks.three_tasks import deadline_of
from support.documents import anchors, document, links

SCHEDULES = ROOT / "dags" / "schedules.py"
DAGS = sorted(set((ROOT / "dags").glob("*.py")) - {SCHEDULES})
HEAVY = {
    "boto3",
    "botocore",
    "downloader_tasks.settings.configuration",
    "minio",
    "obstore",
    "orjson",
    "psycopg",
    "ruamel.yaml",
}
LIGHT = {"downloader.fhir_types"}
"""What of the engine a form shows."""
PARSE = f"""
import sys
before = set(sys.modules)
import {", ".join(dag.stem for dag in [*DAGS, SCHEDULES])}
loaded = set(sys.modules) - before
engine = {{name for name in loaded if name.startswith("downloader.")}}
print(sorted(loaded & set({sorted(HEAVY)}) | engine - set({sorted(LIGHT)})))
"""


@pytest.fixture(scope="module")
def bag() -> DagBag:
    return DagBag(str(ROOT / "dags"))


def all_dags(bag: DagBag) -> list[DAG]:
    assert bag.import_errors == {}
    assert len(bag.dags) == len(DAGS)
    return list(bag.dags.values())


def test_the_plugin_loader_sees_one_file_and_it_loads() -> None:
    from airflow._shared.plugins_manager import _load_plugins_from_plugin_directory

    plugins, errors = _load_plugins_from_plugin_directory(str(ROOT / "plugins"))
    assert errors == {}
    assert [plugin.name for plugin in plugins] == ["downloader"]


def test_every_pool_that_a_task_names_is_shipped(bag: DagBag) -> None:
    pools = json.loads((ROOT / "include" / "pools.json").read_text())
    named = {task.pool for dag in all_dags(bag) for task in dag.tasks} - {"default_pool"}
    assert named <= pools.keys()
    assert {name: pool["slots"] for name, pool in pools.items()} == {
        "s3_download_pool": 2,
        "minio_download_pool": 2,
        "drive_download_pool": 1,
        "slooh_download_pool": 1,
    }
    assert all(pool["description"] and pool["include_deferred"] is False for pool in pools.values())


def test_every_dag_keeps_the_contract(bag: DagBag) -> None:
    for dag in all_dags(bag):
        thaw = ["thaw"] if dag.dag_id == "s3_downloader" else []
        assert dag.task_ids == ["validate", "approve", *thaw, "download", "report"]
        starts: list[Any] = [dag.schedule, dag.catchup, dag.is_paused_upon_creation]
        assert starts == [None, False, False]
        assert dag.doc_md
        assert dag.description
        assert dag.dag_display_name != dag.dag_id
        assert dag.tags
        download = dag.get_task("download")
        assert download.pool != "default_pool"
        assert download.execution_timeout == timedelta(hours=8)
        assert download.is_mapped is not bool(thaw)
        assert (download.get_closest_mapped_task_group() is not None) is bool(thaw)
        assert {task.retries for task in dag.tasks} == {2}
        assert {task.retry_delay for task in dag.tasks} == {timedelta(minutes=5)}
        assert dag.get_task("report").trigger_rule == "all_done"
        assert dag.get_task("approve").upstream_task_ids == {"validate"}
        assert dag.get_task("approve").downstream_task_ids == {*thaw, "download"}
        assert all(dag.get_task(name).pool == "default_pool" for name in thaw), "a wait takes no slot of downloads"
        assert download.trigger_rule == "none_failed"
        for name in dag.params:
            param = dag.params.get_param(name)
            assert param.description or param.schema["description_md"]
            assert not (param.description and "description_md" in param.schema), "the form shows the first only"
            assert param.schema["title"]


def schemas(bag: DagBag) -> Iterator[tuple[str, dict[str, Any]]]:
    for dag in all_dags(bag):
        yield from ((f"{dag.dag_id}.{name}", dag.params.get_param(name).schema) for name in dag.params)


def test_every_form_has_fields_in_the_section_that_airflow_opens(bag: DagBag) -> None:
    """Those of the other sections are folded, and what comes first is what nearly every run needs."""
    for dag in all_dags(bag):
        sections = [dag.params.get_param(name).schema.get("section") for name in dag.params]
        assert sections[0] is None
        assert len([section for section in sections if section is None]) >= 2
        folded = [section for section in sections if section]
        assert folded
        assert len([1 for one, two in pairwise(folded) if one != two]) < 3


def test_every_choice_is_explained_and_none_that_does_not_exist(bag: DagBag) -> None:
    explained = {}
    for name, schema in schemas(bag):
        choices = schema.get("enum") or schema.get("examples") or []
        for shown in schema.get("values_display", {}):
            assert shown in choices, name
        if "enum" in schema:
            assert set(schema["values_display"]) == set(schema["enum"]) - {None}, name
        if "examples" in schema:
            explained[name] = set(schema["examples"])
    assert explained["minio_downloader.filter"] == {*RESOURCE_TYPES, UNKNOWN}
    assert explained["slooh_images.file_types"] <= set(FILE_TYPES)
    # A suggestion is of a list that everybody has; the ids of raw files are in the catalogue of the laboratory alone.
    assert set(explained) == {"minio_downloader.filter", "slooh_images.file_types"}


def test_every_link_of_the_forms_leads_to_a_section_of_the_documents(bag: DagBag) -> None:
    texts = [text for dag in all_dags(bag) for text in (dag.doc_md or "",)]
    texts += [schema.get("description_md", "") for _, schema in schemas(bag)]
    found = {link for text in texts for link in links(text)}
    assert len(found) > 6
    for link in found:
        page, _, anchor = link.removeprefix(f"{DOCUMENTS}/").partition("#")
        assert anchor in anchors(document(page)), link


@pytest.mark.parametrize("given", ["Patient,Observation", ["Patient", "Observation"], [], "", None])
def test_a_filter_is_a_text_or_a_list(bag: DagBag, given: object) -> None:
    from airflow.sdk.definitions.param import ParamsDict

    params = ParamsDict(bag.dags["minio_downloader"].params)
    params.update({"filter": given})
    params.validate()
    assert params["filter"] == given


@pytest.mark.parametrize("given", [7, [7], [""], {"Patient": True}, True, "x" * 10_001])
def test_a_filter_is_nothing_else(bag: DagBag, given: object) -> None:
    from airflow.sdk.definitions.param import ParamsDict
    from airflow.sdk.exceptions import ParamValidationError

    params = ParamsDict(bag.dags["minio_downloader"].params)
    with pytest.raises(ParamValidationError):
        params.update({"filter": given})


def test_report_hands_out_the_result_of_the_dag_and_its_events(bag: DagBag) -> None:
    for dag in all_dags(bag):
        assert [task.task_id for task in dag.tasks if task.returns_dag_result] == ["report"]
        assert dag.get_task("report").outlets == [AssetAlias(dag.dag_id)]
        assert dag.deadline is None


HOURS = "DOWNLOADER_DEADLINE_HOURS"


@pytest.mark.parametrize(
    ("environ", "hours"),
    [
        ({}, None),
        ({HOURS: ""}, None),
        ({f"{HOURS}_MINIO_DOWNLOADER": "1"}, None),
        ({HOURS: "12"}, 12),
        ({HOURS: "12", f"{HOURS}_S3_DOWNLOADER": ".5"}, 0.5),
        ({HOURS: "12", f"{HOURS}_S3_DOWNLOADER": ""}, 12),
    ],
)
def test_a_variable_says_how_long_a_run_may_take(environ: dict[str, str], hours: float | None) -> None:
    found = deadline_of("s3_downloader", environ)
    assert (found and found.interval) == (None if hours is None else timedelta(hours=hours))


@pytest.mark.parametrize("value", ["x", "0", "-1", "nan", "inf", "8761", "1 h"])
def test_a_deadline_that_is_none_names_its_variable(value: str) -> None:
    with pytest.raises(ValueError, match=f"^the environment variable {HOURS} is not a number of hours above 0"):
        deadline_of("s3_downloader", {HOURS: value})


def test_a_deadline_is_that_of_its_dag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{HOURS}_SLOOH_IMAGES", "36")
    found = {dag.dag_id: dag.deadline for dag in all_dags(DagBag(str(ROOT / "dags")))}
    (alert,) = list(found.pop("slooh_images") or [])  # type: ignore[arg-type]
    assert (alert.interval, set(found.values())) == (timedelta(hours=36), {None})
    assert alert.callback.path == "downloader_tasks.three_tasks.notify_deadline"


@pytest.mark.parametrize("conf", [{"raw_file_id": "x"}, {"raw_file_id": 7}, {"raw_file_ids": "abc"}, {"files": [""]}])
def test_the_form_refuses_what_cannot_be(bag: DagBag, conf: dict[str, object]) -> None:
    from airflow.sdk.definitions.param import ParamsDict
    from airflow.sdk.exceptions import ParamValidationError

    params = ParamsDict(bag.dags["s3_downloader"].params)
    with pytest.raises(ParamValidationError):
        params.update(conf)


@pytest.mark.parametrize("value", [0, -1, 1e300, 100_001, True, "5", [5]])
def test_the_forms_refuse_what_is_no_speed(bag: DagBag, value: object) -> None:
    from airflow.sdk.definitions.param import ParamsDict
    from airflow.sdk.exceptions import ParamValidationError

    for dag in all_dags(bag):
        params = ParamsDict(dag.params)
        with pytest.raises(ParamValidationError):
            params.update({"max_speed": value})


def test_no_dag_shares_its_parameters_with_another(bag: DagBag) -> None:
    """Airflow writes the values of a run into them."""
    limits = [dag.params.get_param("max_speed") for dag in all_dags(bag)]
    assert len(set(map(id, limits))) == len(DAGS)
    assert {(limit.value, *limit.schema["type"]) for limit in limits} == {(None, "null", "number")}


def test_parsing_is_light_and_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("dags", "plugins"))}
    heavy = subprocess.run([sys.executable, "-c", PARSE], env=env, capture_output=True, text=True, check=True)
    assert heavy.stdout.strip() == "[]"

    opened: list[str] = []
    plain = builtins.open

    def watched(file: object, *more: object, **named: object) -> object:
        opened.append(str(file))
        return plain(file, *more, **named)  # type: ignore[call-overload]

    def refused(*more: object) -> None:
        raise AssertionError("a connection while a DAG is parsed")

    monkeypatch.setenv("DOWNLOADER_CONFIG", "/no/such/file")
    monkeypatch.setattr(builtins, "open", watched)
    monkeypatch.setattr(socket.socket, "connect", refused)
    assert DagBag(str(ROOT / "dags" / "s3_downloader.py")).import_errors == {}
    assert [name for name in opened if not name.endswith(".py") and "airflow" not in name.lower()] == []


def test_where_there_are_schedules_no_source_is_loaded(tmp_path: Path) -> None:
    """They read YAML, and check it as the configuration is checked."""
    file = tmp_path / "schedules.yaml"
    file.write_text('schedules: [{name: a, dag: slooh_images, cron: "@daily", conf: {select: new}}]')
    env = {
        **os.environ,
        "DOWNLOADER_SCHEDULES": str(file),
        "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("dags", "plugins")),
    }
    allowed = {"downloader_tasks.settings.configuration", "orjson", "ruamel.yaml"}
    program = f"import sys, schedules; print(*{HEAVY} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert {"ruamel.yaml"} <= set(done.stdout.split()) <= allowed


@pytest.mark.parametrize("dag_id", [dag.stem for dag in DAGS])
def test_the_environment_names_queue_and_owner(monkeypatch: pytest.MonkeyPatch, dag_id: str) -> None:
    def placed() -> set[tuple[str, str]]:
        found = DagBag(str(ROOT / "dags" / f"{dag_id}.py"))
        assert found.import_errors == {}
        return {(task.queue, task.owner) for task in found.dags[dag_id].tasks}

    assert placed() == {("default", "airflow")}
    monkeypatch.setenv("DOWNLOADER_OWNER", "imaging")
    monkeypatch.setenv("DOWNLOADER_QUEUE", "data")
    assert placed() == {("data", "imaging")}
    monkeypatch.setenv(f"DOWNLOADER_QUEUE_{dag_id.upper()}", "beside_the_disk")
    assert placed() == {("beside_the_disk", "imaging")}
    for name in ("DOWNLOADER_OWNER", "DOWNLOADER_QUEUE", f"DOWNLOADER_QUEUE_{dag_id.upper()}"):
        monkeypatch.setenv(name, "")
    assert placed() == {("default", "airflow")}


def test_what_airflow_is_kept_out_of_is_all_there_is() -> None:
    folders = {path.name for path in (ROOT / "plugins").iterdir() if path.is_dir() and path.name[0] not in "._"}
    ignored = Path(ROOT / "plugins" / ".airflowignore").read_text().split()
    assert {f"{name}/" for name in folders} == set(ignored)
