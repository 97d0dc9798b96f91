"""What the demo takes for a MinIO server of the user's, and the benchmark's own server of lists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from downloader.content.ndjson import NdjsonContent
from downloader.errors import BrokenContent
from downloader.fhir.exports import ExportLayout, is_export
from include.benchmark.exports import NotSpoken, Page, bucket_of, name_of
from include.demo.fhir_exports import BROKEN, EXPORTS
from include.demo.minio_settings import given, variables
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
    made = variables(given({}, env_file), Path("/data"))
    assert made["DOWNLOADER_MINIO"] == "/data"
    assert made["MINIO_BUCKET_NAME"] == "fhir-data"
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
        variables(given(changes, env_file), Path("/data"))
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
