"""Reports: any names and messages are read back as they were written, and anything else is refused."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import strategies as st

from downloader.errors import DiskError, DownloadError
from downloader.report import Report, ReportError, parse, read, render, reports_in, write
from downloader.report.naming import parse_name
from downloader.results import FORMS, SIZE_ONLY, UNVERIFIED, FileResult, Outcome
from support.fast_folder import fast_folder
from support.hostile import CASES, NAMES, ZOO, assert_readable, damaged, held_against, names

pytestmark = pytest.mark.timeout(100, method="thread")

MD5 = "md5:9b2cf535f27731c974343645a3985328"
NOW = datetime(2025, 2, 4, 14, 30, 22, tzinfo=UTC)
GOOD = Report(
    "S3 Download Status Report",
    NOW,
    "/fs/pool/output/PRID001",
    (("Raw File ID", "sample"), ("S3 Bucket", "s3://bucket/prefix")),
    (
        FileResult("a.raw", Outcome.DOWNLOADED, 1_294_467_072, 1_294_467_072, 45.2, MD5),
        FileResult("b", Outcome.SKIPPED, 4_096, 0, 0.0, SIZE_ONLY),
        FileResult("c", Outcome.SELF_HEALED, 512, 512, 0.4, MD5, "hash mismatch detected"),
        FileResult("d", Outcome.FAILED, 0, 7, 0.2, "", "Network error: it broke; wait", retryable=True),
        FileResult("e.ndjson", Outcome.RESUMED, 9, 5, 1.0, MD5, resources=3),
    ),
    46.1,
    (("Location", "/x"),),
)
TEXT = render(GOOD)
LINE = "forged: OK - Skipped (already exists) [5 bytes, md5:0]"
OUTCOMES = [outcome for outcome in Outcome if outcome is not Outcome.INTACT]
"""Those of a download. The reports of audits are held against the same in `unit/test_report.py`."""
_FOLDER = tempfile.TemporaryDirectory(dir=fast_folder())


def judged(data: bytes) -> str:
    """Whether a file with the name of a report is read or refused."""
    file = Path(_FOLDER.name, "report.txt")
    file.write_bytes(data)
    try:
        report = read(file)
    except ReportError as error:
        problem = error
    else:
        return spelled(report, data)
    assert problem.line >= 1
    assert len(str(problem)) < 1_000
    return "refused"


def spelled(report: Report, data: bytes) -> str:
    """There is one spelling of each report."""
    assert render(report).encode() == data
    return "read"


# --- written and read back --------------------------------------------------------------------------------------------

texts = st.one_of(names, st.sampled_from(["", LINE, f"x\n{LINE}\n", "x: ", "]", " [5 bytes]", "5 bytes", "retryable"]))
numbers = st.sampled_from([0, 1, 5, 1_023, 2**63 - 1])
results = st.builds(
    FileResult,
    texts,
    st.sampled_from(OUTCOMES),
    numbers,
    numbers,
    st.sampled_from([0.0, 0.04, 3.2, 1e9]),
    st.sampled_from([MD5, SIZE_ONLY, UNVERIFIED, "", *FORMS]) | texts,
    texts,
    st.booleans(),
    st.sampled_from([None, 0, 7]),
)


@held_against(st.tuples(st.lists(results, min_size=1, max_size=3), texts, texts), ["fine", "failures"], CASES // 2)
def test_any_results_are_read_back_as_they_were(case: tuple[list[FileResult], str, str]) -> str:
    held, label, value = case
    report = replace(GOOD, results=tuple(held), head=((label, value),), extra=((value, label),), destination=value)
    text = render(report)
    assert parse(text) == report
    files = text.partition("Files:\n------\n")[2].partition("\n\nSummary:")[0]
    assert len(files.splitlines()) == len(held), "a line was forged"
    assert len(text.splitlines()) == len(TEXT.splitlines()) - len(GOOD.results) + len(held) - 1
    assert [line for line in text.splitlines() if line.startswith("forged: OK")] == []
    return "fine" if all(result.ok for result in held) else "failures"


@pytest.mark.parametrize("what", NAMES)
def test_each_name_as_anything(what: str, tmp_path: Path) -> None:
    name = NAMES[what]
    held = tuple(FileResult(name, outcome, 5, 5, 0.1, name, name) for outcome in OUTCOMES)
    report = replace(GOOD, title=name, results=held, head=((name, name),), extra=((name, name),), destination=name)
    path = write(report, tmp_path, name)
    assert path.parent == tmp_path
    assert parse_name(path.name) is not None
    assert reports_in(tmp_path, name) == [path]
    assert read(path) == report
    assert len(list(tmp_path.iterdir())) == 1


# --- read -------------------------------------------------------------------------------------------------------------


@held_against(damaged(TEXT.encode(), most=2), ["read", "refused"], CASES // 2)
def test_damaged_reports(data: bytes) -> str:
    """A word of a message may change, but nothing that is counted, given twice or has its fixed place."""
    return judged(data)


def test_an_extra_line_is_noticed_by_the_counts() -> None:
    lines = TEXT.splitlines(keepends=True)
    for at in range(len(lines) + 1):
        for forged in (f"{LINE}\n", "Status: SUCCESS\n", "x: y\n", "\n"):
            doctored = "".join([*lines[:at], forged, *lines[at:]]).encode()
            assert judged(doctored) == ("read" if is_a_pair_in_its_place(at, forged, lines) else "refused")


def is_a_pair_in_its_place(at: int, forged: str, lines: list[str]) -> bool:
    """A label and a value are allowed above the time, and between the duration and the status. They count nothing."""
    above = 2 <= at <= lines.index("Timestamp: 2025-02-04 14:30:22 UTC\n")
    below = lines.index("Duration: 46.1s\n") < at < len(lines)
    pair = forged == "x: y\n" or (forged in ("Status: SUCCESS\n", f"{LINE}\n") and above)
    return (above and pair) or (below and forged in ("x: y\n", f"{LINE}\n"))


NUMBERS = ("9" * 30, "9" * 400, "9" * 4_300, "9" * 5_000, "0" * 5_000, "-1", "1e9", "٣", "0x10", "1_0", "nan", "inf")


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: f"{len(number)} of {number[:4]}")
@pytest.mark.parametrize(
    "old", ["1294467072", "4096", "45.2", "46.1", "0.4", "[9", "fetched 5", "3 resources", "2025-", "Files: 5"]
)
def test_numbers_that_are_not_valid(old: str, number: str) -> None:
    for new in (number, f"{number}.0", f"[{number}", f"fetched {number}", f"{number} resources"):
        assert judged(TEXT.replace(old, new).encode()) in ("read", "refused")
    if old in ("4096", "fetched 5") and number not in ("9" * 30, "-1"):
        assert judged(TEXT.replace(old, number).encode()) == "refused"


MEGABYTE = 2**20
BOMBS = [
    b"", b"\n" * MEGABYTE, b"a" * MEGABYTE, b"\0" * MEGABYTE, b"\xff" * MEGABYTE, b"\\" * MEGABYTE,
    b"\xef\xbb\xbf" + TEXT.encode(),
    TEXT.encode("utf-16"), TEXT.replace("\n", "\r\n").encode(), TEXT.replace("\n", "\r").encode(),
    TEXT.replace("a.raw", ": OK - " * 100_000).encode(), TEXT.replace("a.raw", "\\U0010ffff" * 100_000).encode(),
    TEXT.replace("it broke", "[" * MEGABYTE).encode(), TEXT.replace("it broke", " [" * MEGABYTE).encode(),
    TEXT.replace("1294467072 bytes", "1294467072 bytes" + ", 1 bytes" * 100_000).encode(),
    TEXT.replace("it broke", "it broke" + "; " * MEGABYTE).encode(),
    TEXT.replace("46.1s", "9" * MEGABYTE + "s").encode(),
    TEXT.replace("2025-02-04", "2" * MEGABYTE).encode(),
    TEXT.replace("2025-02-04 14:30:22", "9999-12-31T23:59:59.9-23:59").encode(),
    TEXT.replace("=" * 25, "=" * MEGABYTE).encode(),
    TEXT.replace("Raw File ID: ", "Raw File ID" + "=" * MEGABYTE).encode(),
    TEXT.encode() * 1_000, TEXT.replace("a.raw", "a.raw\\ud800\\n\\x41").encode(),
    TEXT.replace("a.raw", "z.raw").encode(),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BOMBS)))
def test_texts_that_are_not_reports_at_all(number: int) -> None:
    expected = (
        "read" if number == BOMBS.index(TEXT.replace("it broke", "it broke" + "; " * MEGABYTE).encode()) else None
    )
    assert judged(BOMBS[number]) in ({expected} if expected else {"refused", "read"})


def test_a_report_without_end_is_not_read_into_memory() -> None:
    with tempfile.TemporaryDirectory(dir=fast_folder()) as folder:
        endless = Path(folder, "_download_status_x_20250204_143022.txt")
        with endless.open("wb") as file:
            file.truncate(2**40)
        with pytest.raises(DiskError, match="it is not a report; move it away"):
            read(endless)
        endless.unlink()  # a guard reads all files that a test leaves


@pytest.mark.parametrize("what", ["pipe", "folder", "link", "dangling", "loop", "device", "socket"])
def test_only_a_regular_file_is_a_report(what: str, tmp_path: Path) -> None:
    path = tmp_path / "_download_status_x_20250204_143022.txt"
    Path(tmp_path, "elsewhere").write_text(TEXT)
    plants: dict[str, Callable[[], object]] = {
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "link": lambda: path.symlink_to("elsewhere"),
        "dangling": lambda: path.symlink_to("nowhere"),
        "loop": lambda: path.symlink_to(path.name),
        "device": lambda: path.symlink_to("/dev/zero"),
        "socket": lambda: path.symlink_to("/dev/log"),
    }
    plants[what]()
    assert reports_in(tmp_path) == []
    with pytest.raises(DownloadError) as caught:
        read(path)
    assert_readable(str(caught.value))
    assert write(GOOD, tmp_path, "x").name == "_download_status_x_20250204_143022_2.txt", "what has the name keeps it"


@pytest.mark.parametrize("what", ZOO)
def test_a_report_of_any_name_is_read_or_ignored(what: str, tmp_path: Path) -> None:
    name = f"_download_status_{ZOO[what]}_20250204_143022.txt"
    if not _can_be_a_name(name):
        return
    (tmp_path / name).write_text(TEXT)
    for path in reports_in(tmp_path):
        assert read(path) == GOOD


def _can_be_a_name(name: str) -> bool:
    return not {"/", "\0"} & set(name) and len(name.encode("utf-8", "surrogatepass")) <= 255 and not _is_half(name)


def _is_half(name: str) -> bool:
    """Whether it holds a surrogate that no name on a disk is decoded to."""
    return any("\ud800" <= letter < "\udc80" or "\udcff" < letter <= "\udfff" for letter in name)
