"""What the demo takes for a MinIO server of the user's, and the benchmark's own server of lists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest

from downloader.content.ndjson import NdjsonContent
from downloader.datasets.manifest import read_manifest
from downloader.errors import BrokenContent
from downloader.fhir.exports import ExportLayout, is_export
from downloader_tasks.settings import load, writable_location
from include.benchmark.exports import NotSpoken, Page, bucket_of, name_of
from include.demo import __main__ as demo
from include.demo import local_airflow, showing
from include.demo.fhir_exports import BROKEN, EXPORTS
from include.demo.home import Home
from include.demo.minio_settings import configuration, given, variables
from include.processes import ProgramError
from include.stand_ins.secrets import secret

ROOT = Path(__file__).parents[2]
SECRET = secret("minio", "#o ")
SEED = f"""\
# of the seed
MINIO_ENDPOINT=localhost:9000
export MINIO_ACCESS_KEY = 'mini#o $admin'   # who
MINIO_SECRET_KEY="{SECRET}"
MINIO_BUCKET_NAME=fhir-data # which
MINIO_SECURE=false
DOWNLOAD_DIR=/tmp/fhir#download
OTHER=1
no such line
"""


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    file = tmp_path / ".env"
    file.write_text(SEED)
    return file


def test_the_seeds_env_file_is_read(env_file: Path) -> None:
    assert given({}, env_file) == {
        "MINIO_ENDPOINT": "localhost:9000",
        "MINIO_ACCESS_KEY": "mini#o $admin",
        "MINIO_SECRET_KEY": SECRET,
        "MINIO_BUCKET_NAME": "fhir-data",
        "MINIO_SECURE": "false",
        "DOWNLOAD_DIR": "/tmp/fhir#download",
    }


def test_the_environment_goes_before_the_file(env_file: Path) -> None:
    assert given({"MINIO_ENDPOINT": "other:1"}, env_file)["MINIO_ENDPOINT"] == "other:1"


@pytest.mark.parametrize("endpoint", ["", " "])
def test_an_empty_endpoint_takes_the_demos_own_server(env_file: Path, endpoint: str) -> None:
    assert given({"MINIO_ENDPOINT": endpoint}, env_file) == {}


def test_without_an_endpoint_nothing_of_the_rest_counts(tmp_path: Path) -> None:
    assert given({"DOWNLOAD_DIR": "/data", "MINIO_ACCESS_KEY": "key"}, tmp_path / ".env") == {}


def test_what_airflow_gets(env_file: Path) -> None:
    settings = given({}, env_file)
    made = variables(settings)
    assert configuration(settings, Path("/data")) == {"locations": {"minio": "/data"}, "minio": {"bucket": "fhir-data"}}
    assert '"host": "localhost", "port": 9000' in made["AIRFLOW_CONN_MINIO_DEFAULT"]


@pytest.mark.parametrize(
    "changes",
    [
        {"MINIO_ACCESS_KEY": ""},
        {"MINIO_ACCESS_KEY": "", "MINIO_SECRET_KEY": ""},
        {"MINIO_SECURE": SECRET},
        {"MINIO_ENDPOINT": f"user:{SECRET}@localhost:9000"},
    ],
)
def test_a_mistake_is_trouble_that_tells_no_secret(env_file: Path, changes: dict[str, str]) -> None:
    with pytest.raises(ProgramError, match="MINIO_") as trouble:
        variables(given(changes, env_file))
    assert not any(word in str(trouble.value) for word in (SECRET, "mini#o"))


def test_every_export_of_the_demo_has_a_type_that_its_name_tells() -> None:
    assert len(EXPORTS) == 11
    assert all(is_export(export.key) for export in EXPORTS)
    assert [export.organized_path for export in EXPORTS] == [
        ExportLayout(organize=True).path(e.key).text for e in EXPORTS
    ]


def test_all_exports_of_the_demo_are_whole_but_the_one_that_is_meant_to_be_broken() -> None:
    for export in EXPORTS:
        assert (export.content() == export.content_there()) is (export is not BROKEN)
    content = NdjsonContent(BROKEN.key, lambda *_: None)
    with pytest.raises(BrokenContent, match=f"line {BROKEN.cut_line} "):
        content.update(BROKEN.content_there())


def listed(count: int, query: dict[str, str]) -> list[str]:
    """The keys of all pages."""
    keys: list[str] = []
    token = ""
    for _ in range(count + 1):
        asked = {"list-type": "2", **query, **({"continuation-token": token} if token else {})}
        page = ElementTree.fromstring(Page.asked(count, asked).xml(bucket_of(count), asked))
        keys += [key.text or "" for key in page.iterfind(".//{*}Key")]
        token = page.findtext("{*}NextContinuationToken") or ""
        if not token:
            return keys
    raise AssertionError("the listing has no end")


@pytest.mark.parametrize("start", ["", "A", "Observation-000016.ndjson", "Observation-000016", "Observation-9", "Z"])
@pytest.mark.parametrize("prefix", ["", "Obs", "Observation-00001", "Observation-000017.ndjson", "Patient"])
@pytest.mark.parametrize("most", ["1", "7", "1000"])
def test_the_benchmarks_server_lists_as_s3_does(start: str, prefix: str, most: str) -> None:
    names = [name_of(number) for number in range(25)]
    expected = [name for name in names if name > start and name.startswith(prefix)]
    assert listed(25, {"start-after": start, "prefix": prefix, "max-keys": most}) == expected


def test_a_page_holds_a_thousand_keys_at_most() -> None:
    page = Page.asked(2_500, {"list-type": "2", "max-keys": "5000"})
    assert (page.start, page.stop) == (0, 1000)
    assert len(listed(2_500, {})) == 2_500


@pytest.mark.parametrize("query", [{}, {"list-type": "1"}, {"list-type": "2", "delimiter": "-"}, {"location": "x"}])
def test_what_the_benchmarks_server_does_not_speak_it_refuses(query: dict[str, str]) -> None:
    with pytest.raises(NotSpoken):
        Page.asked(25, query)


# --- Airflow's page, with all four DAGs -------------------------------------------------------------------------------


class WatchedAirflow:
    """Stands for Airflow: what it was started with, and which DAGs were waited for."""

    address, password = "http://127.0.0.1:1", "none"

    def __init__(self) -> None:
        self.variables: dict[str, str] = {}
        self.waited: list[str] = []

    @contextmanager
    def starting(self, home: Home, variables: dict[str, str]) -> Iterator[WatchedAirflow]:
        self.variables = variables
        yield self

    def wait_for(self, dag_id: str) -> None:
        self.waited.append(dag_id)

    def complete(self) -> None: ...

    def check(self) -> None:
        """Somebody presses Ctrl-C."""
        raise KeyboardInterrupt


@pytest.mark.parametrize("named", ["s3", "slooh"])
def test_the_page_has_all_that_the_four_dags_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    airflow, told = WatchedAirflow(), list[str]()
    monkeypatch.setattr(showing, "say", told.append)
    monkeypatch.setattr(local_airflow, "starting", airflow.starting)
    monkeypatch.setenv("MINIO_ENDPOINT", "")
    monkeypatch.setenv("DEMO_HOME", str(tmp_path))
    monkeypatch.setattr(demo, "stop_at_signals", lambda: None)
    monkeypatch.setattr(sys, "argv", ["include/demo.sh", named, "--ui"])
    assert demo.main() == 0
    dag_ids = {"s3_downloader", "minio_downloader", "drive_datasets", "slooh_images"}
    assert set(airflow.waited) == dag_ids
    (first,) = [dag_id for dag_id in dag_ids if dag_id.startswith(named)]
    assert airflow.waited[0] == first
    assert any(f"/dags/{first}\n" in each for each in told)
    # The connection to Google Drive may be missing.
    connections = {name for name in airflow.variables if name.startswith("AIRFLOW_CONN_")}
    assert connections == {
        f"AIRFLOW_CONN_{name}" for name in ("AWS_DEFAULT", "RAW_FILES", "MINIO_DEFAULT", "SLOOH_DEFAULT")
    }
    settings = load(airflow.variables)
    for name in ("output", "minio", "datasets", "slooh"):
        assert writable_location(settings, name).is_relative_to(tmp_path)
    assert settings.drive.web_url.startswith("http://127.0.0.1:")
    assert read_manifest(Path(settings.drive.manifest)).datasets
    assert settings.slooh.rate_limit == 600


def test_a_folder_with_a_dollar_is_no_variable(tmp_path: Path) -> None:
    file = Home(tmp_path).write_settings("config", {"locations": {"minio": "/data/${HOME}$$x"}})
    assert load({"DOWNLOADER_CONFIG": str(file)}).locations.minio == Path("/data/${HOME}$$x")


# --- the benchmark's restore, as others start it ----------------------------------------------------------------------


def test_the_restore_program_needs_only_plugins_and_include_on_the_path(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmark.restore", "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("plugins", "include"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    flags = {"--endpoint", "--bucket", "--prefix", "--record", "--destination"}
    assert flags <= set(re.findall(r"--\w+", done.stdout))
