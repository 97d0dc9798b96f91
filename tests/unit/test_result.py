"""The result of a run: counts, paths and first failures, within limits and without a character that breaks anything."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
from airflow.sdk import Asset

from downloader.report import Report, render
from downloader.results import SIZE_ONLY, UNVERIFIED, FileResult, Outcome
from downloader_tasks.download_run.receipts import Published, Receipt
from downloader_tasks.download_run.result import DRY_RUN, REFUSED, result_of, texts_of, uri_of

FOLDER = Path("/data/output/PRID001")
PATH = FOLDER / "_download_status_20250115_sample_20250204_143022.txt"
MD5 = "md5:9b2cf535f27731c974343645a3985328"
RESULTS = (
    FileResult("sample.raw", Outcome.DOWNLOADED, 1000, 1000, 45.2, MD5),
    FileResult("a.bin", Outcome.SKIPPED, 20, assurance="s3-etag:5d41402abc4b2a76b9719d911017c592-24"),
    FileResult("b.bin", Outcome.SELF_HEALED, 3, 3, 0.4, SIZE_ONLY, "hash mismatch detected"),
    FileResult("c.bin", Outcome.FAILED, message="Network error: Connection timeout; run it again"),
)
LONG = 1000


def published(*results: FileResult, about: str = "20250115_sample", problem: str = "") -> Published:
    report = Report("S3 Download Status Report", datetime(2025, 2, 4, tzinfo=UTC), str(FOLDER), (), results, 46.1)
    return Published(Receipt(report, FOLDER, FOLDER.parent, about, ""), None if problem else PATH, problem)


def test_a_report_becomes_counts_and_paths() -> None:
    assert result_of([published(*RESULTS)], []) == {
        "status": "PARTIAL FAILURE",
        "reports": [
            {
                "about": "20250115_sample",
                "path": str(PATH),
                "destination": str(FOLDER),
                "status": "PARTIAL FAILURE",
                "files": 4,
                "successful": 3,
                "failed": 1,
                "bytes": 1023,
                "fetched": 1003,
                "seconds": 46.1,
                "outcomes": {"downloaded": 1, "resumed": 0, "self-healed": 1, "skipped": 1, "failed": 1},
                "assurances": {"MD5": 1, "S3 ETag": 1, "size": 1},
                "failures": [
                    {
                        "name": "c.bin",
                        "kind": "Network error",
                        "message": "Network error: Connection timeout; run it again",
                    }
                ],
            }
        ],
        "problems": [],
    }


@pytest.mark.parametrize(
    ("assurance", "word"),
    [
        ("crc64nvme:0", "CRC64NVME"),
        ("sha256:0", "SHA256"),
        (SIZE_ONLY, "size"),
        (UNVERIFIED, "none"),
        ("", "none"),
        ("complete PNG", "complete PNG"),
    ],
)
def test_an_assurance_is_a_word(assurance: str, word: str) -> None:
    (report,) = result_of([published(FileResult("a", Outcome.DOWNLOADED, assurance=assurance))], [])["reports"]
    assert report["assurances"] == {word: 1}


@pytest.mark.parametrize(
    ("results", "problems", "status"),
    [
        ([RESULTS[:3]], [], "SUCCESS"),
        ([()], [], "SUCCESS"),
        ([RESULTS[3:]], [], "COMPLETE FAILURE"),
        ([RESULTS[:3], RESULTS[3:]], [], "PARTIAL FAILURE"),
        ([RESULTS[3:], RESULTS[3:]], [], "COMPLETE FAILURE"),
        ([RESULTS[:3]], ["no raw file b in the catalogue"], "PARTIAL FAILURE"),
        ([RESULTS[3:]], ["no raw file b in the catalogue"], "COMPLETE FAILURE"),
        ([], ["the catalogue is away"], "COMPLETE FAILURE"),
    ],
)
def test_the_status_is_that_of_all(results: list[tuple[FileResult, ...]], problems: list[str], status: str) -> None:
    assert result_of([published(*each) for each in results], problems)["status"] == status


@pytest.mark.parametrize("status", [DRY_RUN, REFUSED])
def test_without_reports_the_status_is_given(status: str) -> None:
    assert result_of([], ["why"], status) == {"status": status, "reports": [], "problems": ["why"]}


def test_a_report_that_was_not_written_is_a_problem() -> None:
    result = result_of([published(*RESULTS[:3], problem="Disk full: no room")], ["another"])
    assert (result["status"], result["reports"][0]["path"]) == ("PARTIAL FAILURE", "")
    assert result["problems"] == ["Disk full: no room", "another"]


@pytest.mark.parametrize(("reports", "each"), [(1, 50), (40, 50), (100, 20), (5000, 1)])
def test_the_failures_are_bounded_in_a_report_and_in_all(reports: int, each: int) -> None:
    report = published(*(FileResult(f"{number:03}", Outcome.FAILED, message="Not found: x") for number in range(99)))
    result = result_of([report] * reports, [f"problem {number}" for number in range(99)])
    assert {len(found["failures"]) for found in result["reports"]} == {each}
    assert result["reports"][0]["failed"] == 99
    assert result["reports"][0]["failures"][0]["name"] == "000"
    assert result["problems"] == [f"problem {number}" for number in range(50)]


def test_a_problem_is_cut() -> None:
    assert len(result_of([], ["x" * 100_000])["problems"][0]) == 2003


@pytest.mark.parametrize("odd", ["\n", "\x00", "\x1b[31m", "\u202e", "\udcff", "\u2028"])
def test_no_name_and_no_message_breaks_anything(odd: str) -> None:
    """Airflow's database takes neither NUL nor half of a surrogate pair, and a terminal obeys escape sequences."""
    bad = FileResult(f"a{odd}: OK - b", Outcome.FAILED, message=f"Not{odd}found: {odd}; {odd}")
    each = published(bad, about=f"id{odd}")
    each = replace(each, path=FOLDER / f"x{odd}", problem=f"no{odd}room")
    made = json.dumps([result_of([each], [f"{odd}!"]), texts_of([each])], ensure_ascii=False)
    made.encode()
    assert odd not in made.replace("\\n", "")
    escaped = odd.encode("unicode_escape", "surrogatepass").decode().replace("\\ud", "\\ud")
    (report,) = result_of([each], [])["reports"]
    assert report["failures"][0]["name"] == f"a{escaped}: OK - b"
    assert report["about"] == f"id{escaped}"


def test_the_texts_are_those_of_the_reports() -> None:
    each = published(*RESULTS)
    assert texts_of([each]) == [
        {"about": "20250115_sample", "path": str(PATH), "text": render(each.receipt.report), "left_out": 0}
    ]


@pytest.mark.parametrize(("reports", "most"), [(1, 256 * 1024), (16, 256 * 1024), (64, 64 * 1024), (1000, 16 * 1024)])
def test_the_texts_are_bounded_one_by_one_and_together(reports: int, most: int) -> None:
    files = (FileResult(f"{'x' * LONG}{number}", Outcome.SKIPPED, assurance=MD5) for number in range(300))
    report = published(*files, FileResult("broken", Outcome.FAILED, message="Not found: x"))
    texts = texts_of([report] * reports)
    assert len(texts) == reports
    assert {len(each["text"]) <= most for each in texts} == {True}
    assert {each["left_out"] for each in texts} == {300}
    assert "\nbroken: FAILURE - Not found: x\n" in texts[0]["text"]


@pytest.mark.parametrize(
    ("folder", "uri"),
    [
        (b"/data/output/PRID001", "file:///data/output/PRID001"),
        (b"/data/a b/?x=1#y;z%20", "file:///data/a%20b/%3Fx%3D1%23y%3Bz%2520"),
        ("/data/Probe_ä".encode(), "file:///data/Probe_%C3%A4"),
        (b"/data/\xff\n", "file:///data/%FF%0A"),
        (b"/data/user:pass@host", "file:///data/user%3Apass%40host"),
    ],
)
def test_a_folder_is_an_asset_that_airflow_keeps_as_it_is(folder: bytes, uri: str) -> None:
    path = Path(folder.decode("utf-8", "surrogateescape"))
    assert uri_of(path) == uri
    assert Asset(name=uri, uri=uri).uri == uri
    assert unquote_to_bytes(urlsplit(uri).path) == folder


def test_a_path_that_is_too_long_for_an_asset_has_none() -> None:
    longest = Path("/" + "x" * 1492)
    assert Asset(name=str(uri_of(longest))).name == f"file://{longest}"
    assert uri_of(Path(f"{longest}x")) is None
    assert uri_of(Path("/" + "ä" * 300)) is None
