from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from downloader.catalogue import Catalogue
from downloader_tasks.dag_ids import DagId
from downloader_tasks.failures import Refusal
from downloader_tasks.parameters import max_speed, refuse_contradictions, refuse_unknown_keys
from downloader_tasks.raw_files.request import RawFileRequest, Selection

MANY = [f"raw_{number}" for number in range(2000)]
KNOWN = ("raw_file_id", "raw_file_ids", "files")


@pytest.mark.parametrize(
    ("params", "ids", "patterns"),
    [
        ({"raw_file_id": "one"}, ("one",), ()),
        ({"raw_file_id": " one\n", "files": [" *.raw ", ""]}, ("one",), ("*.raw",)),
        ({"raw_file_ids": ["b", "a", "b ", " "]}, ("b", "a"), ()),
        ({"raw_file_id": None, "raw_file_ids": ["a"], "files": None}, ("a",), ()),
        ({"raw_file_id": "one", "raw_file_ids": []}, ("one",), ()),
    ],
)
def test_what_is_asked_for(params: dict[str, Any], ids: tuple[str, ...], patterns: tuple[str, ...]) -> None:
    assert RawFileRequest.from_params(params) == RawFileRequest(ids, patterns)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({}, "no raw file is named; give raw_file_id"),
        ({"raw_file_id": "   "}, "no raw file is named"),
        ({"raw_file_ids": []}, "no raw file is named"),
        ({"raw_file_id": "one", "raw_file_ids": ["two"]}, "raw_file_id and raw_file_ids are both given; give only one"),
        ({"raw_file_id": "one", "project_id": "P"}, "raw_file_id and project_id are both given; give only one of them"),
        ({"raw_file_id": "one", "raw_file_ids": ["two"], "project_id": "P"}, "and project_id are all given; give only"),
        ({"project_id": "  "}, "no raw file is named"),
    ],
)
def test_what_does_not_fit_together_is_refused(params: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        RawFileRequest.from_params(params)


@pytest.mark.parametrize("dag_id", ["s3_downloader", "minio_downloader"])
@pytest.mark.parametrize(
    "params", [{"dry_run": True}, {"ask_first": True}, {"max_speed": 1.0}, {"overwrite": True}, {"thaw": "Bulk"}]
)
def test_an_audit_is_refused_together_with_what_concerns_downloads(dag_id: DagId, params: dict[str, Any]) -> None:
    (name,) = params
    given = {"raw_file_id": "one", **params}
    with pytest.raises(Refusal) as caught:
        refuse_contradictions(dag_id, {**given, "audit": True})
    assert str(caught.value) == (
        f"audit is given with {name}: an audit reads what is on the disk, and downloads and changes nothing; "
        "remove that, or audit"
    )
    refuse_contradictions(dag_id, given)
    refuse_contradictions(dag_id, {**given, name: None, "audit": True})


class Project:
    """A catalogue with these ids in every project."""

    def __init__(self, ids: list[str]) -> None:
        self._ids = ids

    def ids_of_project(self, project_id: str, limit: int) -> list[str]:
        assert project_id == "PRID001"
        return self._ids[:limit]


def ids_in_project(ids: list[str]) -> Sequence[str]:
    request = RawFileRequest.from_params({"project_id": " PRID001 ", "files": None})
    return request.ids_in(cast("Catalogue", Project(ids)))


@pytest.mark.parametrize("ids", [["one"], MANY[:1000]])
def test_a_project_stands_for_its_raw_files(ids: list[str]) -> None:
    assert ids_in_project(ids) == ids


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        ([], "has no raw file of project PRID001 whose backup is done .* check the project's id, or name raw files"),
        (MANY[:1001], "project PRID001 has more than 1,000 raw files .* name them by raw_file_ids, up to 1,000 at"),
    ],
)
def test_a_project_of_none_or_too_many_is_refused(ids: list[str], sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        ids_in_project(ids)


def test_ids_that_are_named_are_not_looked_up() -> None:
    request = RawFileRequest.from_params({"raw_file_ids": ["a", "b"]})
    assert request.ids_in(cast("Catalogue", None)) == ("a", "b")


@pytest.mark.parametrize(
    ("conf", "sentence"),
    [
        ({"raw_file": 1}, r"there is no parameter raw_file: did you mean raw_file_id\? the parameters are files, raw_"),
        ({"zzz": 1}, "there is no parameter zzz: the parameters are files, raw_file_id, raw_file_ids"),
        ({"raw_file_id": "x", "b\n": 1, "a": 1}, r"there is no parameter a, b\\n: the parameters"),
    ],
)
def test_unknown_keys_are_refused(conf: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        refuse_unknown_keys(conf, KNOWN)


@pytest.mark.parametrize(("value", "speed"), [(None, None), (5, 5.0), (0.01, 0.01), (100_000, 100_000.0)])
def test_a_speed_is_a_number_of_megabytes_a_second(value: object, speed: float | None) -> None:
    assert max_speed({"max_speed": value}) == speed
    assert max_speed({}) is None


@pytest.mark.parametrize(
    "value", [0, -1, 0.009, 100_001, 1e300, 10**400, float("nan"), float("inf"), True, "5", [5], {}]
)
def test_what_is_no_speed_is_refused_in_a_sentence(value: object) -> None:
    with pytest.raises(Refusal) as refusal:
        max_speed({"max_speed": value})
    shown, _, advice = str(refusal.value).partition("; ")
    assert shown.startswith(f"max_speed is {str(value)[:30]}")
    assert len(shown) < 60
    assert advice == "give a number of MB a second from 0.01 to 100000, or leave it out for no limit"


@pytest.mark.parametrize("conf", [None, {}, {"raw_file_id": "x", "files": None}])
def test_known_keys_pass(conf: dict[str, Any] | None) -> None:
    refuse_unknown_keys(conf, KNOWN)


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("*.tdf", ["sample.d/analysis.tdf"]),
        ("sample.d", ["sample.d/a/1.bin", "sample.d/analysis.tdf"]),
        ("sample.d/", ["sample.d/a/1.bin", "sample.d/analysis.tdf"]),
        ("*/a", ["sample.d/a/1.bin"]),
        ("sample.raw", ["sample.raw"]),
        ("SAMPLE.raw", []),
        ("notes[1].txt", ["notes[1].txt"]),
        ("sample.?aw", ["sample.raw"]),
        ("[ns]*.txt", ["notes[1].txt"]),
        ("aw", []),
    ],
)
def test_patterns(pattern: str, chosen: list[str]) -> None:
    names = ["notes[1].txt", "sample.d/a/1.bin", "sample.d/analysis.tdf", "sample.raw"]
    assert [name for name in names if name in Selection([pattern])] == chosen
    assert all(name in Selection([]) for name in names)


def test_patterns_that_choose_nothing_are_refused_with_a_few_names() -> None:
    names = [f"{number}.raw" for number in range(1200)]
    with pytest.raises(Refusal) as raised:
        Selection(["*.d"]).refuse_empty("sample", names)
    assert str(raised.value) == (
        "files (*.d) matches none of the 1,200 files of raw file sample; "
        "it has 0.raw, 1.raw, 2.raw, 3.raw, 4.raw and 1,195 more"
    )
