"""What a run is, in a few words, whatever it was given."""

from __future__ import annotations

import html
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from downloader_tasks.dag_ids import DAG_IDS
from downloader_tasks.run_names import name_of, note_of

DAGS = ("s3_downloader", "minio_downloader", "drive_datasets", "slooh_images")


@pytest.mark.parametrize(
    ("dag_id", "conf", "name"),
    [
        ("s3_downloader", {"raw_file_id": "20250115_sample"}, "restore 20250115_sample"),
        ("s3_downloader", {"raw_file_id": "20250115_sample", "raw_file_ids": None}, "restore 20250115_sample"),
        ("s3_downloader", {"raw_file_ids": ["one"]}, "restore one"),
        ("s3_downloader", {"raw_file_ids": list("abcdefg")}, "restore 7 raw files: a, b, c, d, e and 2 more"),
        ("s3_downloader", {"raw_file_id": "a_1", "files": ["*.tdf", "b"]}, "restore a_1: *.tdf, b"),
        ("s3_downloader", {"project_id": "PRID001"}, "restore project PRID001"),
        ("s3_downloader", {"raw_file_id": "a_1", "audit": True}, "audit a_1"),
        ("s3_downloader", {"raw_file_id": "a_1", "dry_run": True}, "dry run: restore a_1"),
        ("s3_downloader", {}, "restore"),
        ("minio_downloader", {}, "download FHIR exports"),
        ("minio_downloader", {"bucket": "lab", "prefix": "2024/"}, "download FHIR exports of lab 2024/"),
        ("minio_downloader", {"filter": "Patient,Group"}, "download FHIR exports: Patient,Group"),
        ("minio_downloader", {"filter": ["Patient", "Group"]}, "download FHIR exports: Patient, Group"),
        ("drive_datasets", {}, "download data sets"),
        ("drive_datasets", {"manifest": "c.json", "datasets": ["fan/*"]}, "download data sets of c.json: fan/*"),
        ("slooh_images", {}, "download new pictures"),
        ("slooh_images", {"select": "failed"}, "download failed pictures"),
        ("slooh_images", {"select": "mission", "mission_id": 4711}, "download pictures of mission 4711"),
        (
            "slooh_images",
            {"select": "all", "since": "2026-01-01", "objects": ["M31", "M42"], "file_types": ["png"]},
            "download all pictures: since 2026-01-01, M31, M42, png",
        ),
        ("schedule_nightly", {"raw_file_id": "a_1"}, ""),
    ],
)
def test_a_run_is_named_by_what_it_was_asked_for(dag_id: str, conf: dict[str, Any], name: str) -> None:
    assert name_of(dag_id, conf) == name


KEYS = st.sampled_from(
    ["raw_file_id", "raw_file_ids", "project_id", "files", "filter", "bucket", "select", "since", "objects", "dry_run"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(st.characters()) | st.sampled_from(["\0", "\ud800", "a\nb"]),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.sampled_from(DAGS), st.dictionaries(KEYS, VALUES))
def test_whatever_was_given_a_database_takes_the_name(dag_id: str, conf: dict[str, Any]) -> None:
    name = name_of(dag_id, conf)
    assert 0 < len(name) <= 200
    assert name.isprintable()
    assert name.encode()


def test_a_run_of_each_dag_has_a_name() -> None:
    assert all(name_of(dag_id, {}) for dag_id in DAG_IDS)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("restore 20250115_sample_2", "restore 20250115_sample_2"),
        ("restore a: *.tdf, sample.d/*", r"restore a: \*.tdf, sample.d/\*"),
        ("restore _a_ `b` <i>c</i> &lt;", r"restore \_a\_ \`b\` \<i\>c\</i\> \&lt;"),
    ],
)
def test_a_note_is_markdown_that_reads_as_the_name(name: str, note: str) -> None:
    assert note_of(name) == note


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_no_name_is_markdown_in_a_note(word: str) -> None:
    name = " ".join(f"restore {word}".split())  # Markdown joins spaces
    rendered = MarkdownIt("commonmark").render(note_of(name))
    assert html.unescape(rendered.removeprefix("<p>").removesuffix("</p>\n")) == name
    assert "<" not in rendered.removeprefix("<p>").removesuffix("</p>\n")
