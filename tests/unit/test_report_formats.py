"""Frozen reports of every format: they are read for ever, and the wording of the newest one does not change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest

from downloader.report import (
    AUDIT_FORMAT,
    DOWNLOAD_FORMAT,
    FORMAT,
    Report,
    ReportError,
    Status,
    parse,
    parser,
    read,
    render,
    status_report,
)
from downloader.results import UNPROVEN, FileResult, Outcome
from downloader.sources.slooh.selection import Select
from downloader_tasks.slooh.tracker import known

FROZEN: Final = Path(__file__).parents[1] / "fixtures" / "reports"
FORMATS: Final = {int(folder.name.removeprefix("format_")): folder for folder in FROZEN.glob("format_*")}
REPORTS: Final = sorted(FROZEN.glob("format_*/*.txt"))
DOWNLOADS: Final = [path for path in REPORTS if path.parent == FORMATS.get(DOWNLOAD_FORMAT)]
AUDITS: Final = [path for path in REPORTS if path.parent == FORMATS.get(AUDIT_FORMAT)]
NEWEST: Final = DOWNLOADS + AUDITS
"""Of the formats that are written now."""
OF_DOWNLOADS: Final = set(Outcome) - {Outcome.INTACT}
OF_AUDITS: Final = {Outcome.INTACT, Outcome.FAILED}

DIGESTS: Final = {
    1: "bfebc4184c9e0260591f78d27277cfd2f4283b4ea4333e7c77537373289a60f5",
    2: "060ff199e10f233420a05ccf17f9fd6977ce216751a80058a05ac394ecf24583",
}
"""Of all files of a format. Those of a format that was ever released never change."""

WHAT_TO_DO: Final = (
    "Users have reports in these words on their disks, and slooh_images reads them to know what it has downloaded. "
    "Keep the wording, or make a new format: see FORMAT in plugins/downloader/report/status_report.py. Do not change "
    "the frozen report."
)

EXAMPLE: Final = Report("S3 Download Status Report", datetime(2025, 2, 4, 14, 30, 22, tzinfo=UTC), "/data", format=1)


def frozen_ids(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def frozen_facts(path: Path) -> dict[str, Any]:
    """What the report `path` holds, as it was recorded when it was written."""
    facts: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="ascii"))
    return facts


def facts_of(report: Report, frozen: dict[str, Any]) -> dict[str, Any]:
    """The same of `report`, without fields that did not exist yet when `frozen` was recorded."""
    facts = json.loads(json.dumps({**asdict(report), "timestamp": report.timestamp.isoformat()}))
    rows = zip(facts["results"], frozen["results"], strict=True)
    facts["results"] = [{field: row[field] for field in frozen_row} for row, frozen_row in rows]
    return {field: facts[field] for field in frozen}


def report_of(frozen: dict[str, Any]) -> Report:
    return Report(
        frozen["title"],
        datetime.fromisoformat(frozen["timestamp"]),
        frozen["destination"],
        tuple((label, value) for label, value in frozen["head"]),
        tuple(FileResult(**{**row, "outcome": Outcome(row["outcome"])}) for row in frozen["results"]),
        frozen["duration"],
        tuple((label, value) for label, value in frozen["extra"]),
        frozen["format"],
    )


def differing_lines(path: Path, text: str) -> Iterator[str]:
    frozen, found = path.read_bytes().decode().split("\n"), text.split("\n")
    for number in range(max(len(frozen), len(found))):
        one, other = ("".join(lines[number : number + 1]) for lines in (frozen, found))
        if one != other:
            yield f"line {number + 1} was {one!r} and is {other!r} now"


# --- read for ever ----------------------------------------------------------------------------------------------------


def test_every_format_has_a_reader_and_frozen_reports() -> None:
    assert sorted(FORMATS) == sorted(parser._READERS) == list(range(1, FORMAT + 1)), (
        f"each format up to {FORMAT} needs a reader in report/parser.py and reports in {FROZEN}/format_<number>"
    )
    texts = {path.with_suffix("") for path in REPORTS}
    assert texts == {path.with_suffix("") for path in FROZEN.glob("format_*/*.json")}


@pytest.mark.parametrize("path", REPORTS, ids=frozen_ids)
def test_a_frozen_report_is_read_as_what_it_holds(path: Path) -> None:
    try:
        report = read(path)
    except ReportError as error:
        pytest.fail(f"{frozen_ids(path)} cannot be read any more: {error}. {WHAT_TO_DO}")
    frozen = frozen_facts(path)
    assert facts_of(report, frozen) == frozen, WHAT_TO_DO
    assert report.format == int(path.parent.name.removeprefix("format_"))


@pytest.mark.parametrize("number", FORMATS)
def test_frozen_reports_never_change(number: int) -> None:
    digest = hashlib.sha256()
    for path in sorted(FORMATS[number].iterdir()):
        digest.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    assert DIGESTS.get(number) == digest.hexdigest(), (
        f"a frozen report of format {number} was changed, added or removed. Restore it: users have such reports. Only "
        "for one that was added (or a format that is not released yet), write the new digest here."
    )


@pytest.mark.parametrize("number", FORMATS.keys() - {AUDIT_FORMAT})
def test_slooh_images_knows_by_a_report_of_any_format_what_it_has_and_what_failed(number: int, tmp_path: Path) -> None:
    path = FORMATS[number] / "slooh_tally.txt"
    (tmp_path / "_download_status_slooh_20250204_143022.txt").write_bytes(path.read_bytes())
    rows = frozen_facts(path)["results"]
    for select, failed in ((Select.NEW, False), (Select.FAILED, True)):
        names = {row["name"] for row in rows if (row["outcome"] == "failed") is failed}
        assert names
        assert known(select, tmp_path).keys() == names


# --- the wording ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NEWEST, ids=frozen_ids)
def test_the_wording_does_not_change_within_a_format(path: Path) -> None:
    """What is written today of the same results, by a report made anew and by one that was read."""
    different = list(differing_lines(path, render(report_of(frozen_facts(path)))))
    assert not different, f"{frozen_ids(path)}: {different[0]}. {WHAT_TO_DO}"
    assert render(parse(path.read_bytes().decode())).encode() == path.read_bytes(), WHAT_TO_DO


@pytest.mark.parametrize(
    ("paths", "outcomes", "titles"),
    [(DOWNLOADS, OF_DOWNLOADS, {"S3", "MinIO", "Drive", "Slooh"}), (AUDITS, OF_AUDITS, {"S3", "MinIO"})],
    ids=["downloads", "audits"],
)
def test_every_wording_is_frozen(paths: list[Path], outcomes: set[Outcome], titles: set[str]) -> None:
    """An outcome, an assurance or a fact that no frozen report holds is one that older versions cannot read."""
    reports = [report_of(frozen_facts(path)) for path in paths]
    rows = [result for report in reports for result in report.results]
    ok = outcomes - {Outcome.FAILED}
    worded = {(row.outcome, row.assurance if row.assurance in UNPROVEN else "a checksum") for row in rows}
    assert set(product(ok, {*UNPROVEN, "a checksum"})) - worded == set(), f"not in a frozen report. {WHAT_TO_DO}"
    for outcome in outcomes:
        mine = [row for row in rows if row.outcome is outcome]
        for fact in ("size", "fetched", "seconds", "message", "retryable", "resources"):
            values = {bool(getattr(row, fact)) for row in mine}
            assert values == {True, False}, f"{outcome} with and without {fact} is not in a frozen report. {WHAT_TO_DO}"
    assert {report.summary.status for report in reports} == set(Status)
    assert {report.title.partition(" ")[0] for report in reports} >= titles
    assert {len(report.results) for report in reports} >= {0, 1}
    shown = "".join(path.read_text(encoding="utf-8") for path in paths)
    assert all(f"{unit} in " in shown for unit in (" B", " KB", " MB"))


# --- the number -------------------------------------------------------------------------------------------------------


def numbered(shown: str) -> str:
    return render(EXAMPLE).replace("=\n", f"=\nReport Format: {shown}\n", 1)


@pytest.mark.parametrize("shown", [str(FORMAT + 1), "17", "999999999"])
def test_a_report_of_a_newer_format_is_refused_in_a_clear_sentence(shown: str) -> None:
    with pytest.raises(ReportError) as caught:
        parse(numbered(shown))
    assert str(caught.value) == (
        f"line 3: the report has format {shown}, and this version reads formats up to {FORMAT}; "
        "read it with the version of the downloader that wrote it, or a newer one"
    )


@pytest.mark.parametrize(
    "shown", ["1", "0", "-2", "02", "2.0", "2 ", " 2", "\u0662", "two", "", "9" * 10, "9" * 5000], ids=ascii
)
def test_a_number_that_no_version_writes_is_refused(shown: str) -> None:
    with pytest.raises(ReportError, match=r"line 3: .* is not the number of a report format"):
        parse(numbered(shown))


def test_format_1_has_no_line_with_its_number() -> None:
    assert "Format" not in render(EXAMPLE)


def test_the_next_format_writes_its_number_and_is_read_by_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    def reader(lines: parser._Lines, title: str) -> Report:
        assert lines.take() == "Timestamp: 2025-02-04 14:30:22 UTC"
        return replace(EXAMPLE, title=title, format=FORMAT + 1)

    for module in (status_report, parser):
        monkeypatch.setattr(module, "FORMAT", FORMAT + 1)
    monkeypatch.setattr(parser, "_READERS", {**parser._READERS, FORMAT + 1: reader})
    report = replace(EXAMPLE, format=FORMAT + 1)
    assert render(report).split("\n")[2] == f"Report Format: {FORMAT + 1}"
    assert parse(render(report)) == report
    assert parse(render(EXAMPLE)) == EXAMPLE, "the older formats are read as before"


@pytest.mark.parametrize("number", [0, -1, FORMAT + 1])
def test_a_format_that_is_unknown_cannot_be_written(number: int) -> None:
    with pytest.raises(ValueError, match=f"{number} is not a report format; the newest is {FORMAT}"):
        replace(EXAMPLE, format=number)


def test_a_line_of_the_head_is_not_taken_for_the_number() -> None:
    report = replace(EXAMPLE, head=(("Report Format", "2"), ("Report Format: 2", "x"), ("x", "Report Format: 2")))
    assert parse(render(report)) == report
    assert render(report).split("\n")[2] == r"\x52eport Format: 2"
