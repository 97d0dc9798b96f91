"""Reports as files: complete or not there, never overwritten, listed newest first."""

from __future__ import annotations

import errno
import os
import re
import resource
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader import errors
from downloader.disk import flushing
from downloader.paths import safe_path
from downloader.report import Report, ReportError, parse, read, render, reports_in, write
from downloader.report.naming import parse_name, report_name
from downloader.results import FileResult, Outcome

NOW = datetime(2025, 2, 4, 14, 30, 22, tzinfo=UTC)
REPORT = Report("S3 Download Status Report", NOW, "/data", results=(FileResult("a", Outcome.FAILED, message="x: y"),))
LONG = replace(REPORT, results=tuple(FileResult(f"{n:04}", Outcome.FAILED, message="x" * 90) for n in range(1000)))
PLUGINS = Path(__file__).parents[2] / "plugins"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refuse(code: int) -> Callable[..., None]:
    def refused(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    return refused


@pytest.fixture(params=["hard links", "no hard links"])
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both kinds of file systems."""
    if request.param == "no hard links":
        monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    return str(request.param)


def test_a_report_is_written_under_its_name_and_reads_back(tmp_path: Path, links: str) -> None:
    path = write(REPORT, tmp_path, "20250115_sample")
    assert path == tmp_path / "_download_status_20250115_sample_20250204_143022.txt"
    assert path.read_bytes() == render(REPORT).encode()
    assert read(path) == REPORT
    assert names(tmp_path) == [path.name]


def test_more_reports_in_the_same_second_get_numbers(tmp_path: Path, links: str) -> None:
    paths = [write(replace(REPORT, destination=str(number)), tmp_path, "x") for number in range(3)]
    assert [path.name[-12:] for path in paths] == ["4_143022.txt", "143022_2.txt", "143022_3.txt"]
    assert [read(path).destination for path in paths] == ["0", "1", "2"]
    assert len(names(tmp_path)) == 3


def test_anything_that_has_the_name_already_is_left_alone(tmp_path: Path, links: str) -> None:
    first, second = (tmp_path / report_name("x", NOW, number) for number in (1, 2))
    first.symlink_to("nowhere")
    second.mkdir()
    assert write(REPORT, tmp_path, "x") == tmp_path / report_name("x", NOW, 3)
    assert os.readlink(first) == "nowhere"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_the_umask_is_honoured(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        path = write(REPORT, tmp_path, "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, link = os.fsync, os.link

    def seen_fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        steps.append("flush folder" if is_folder else f"flush {os.fstat(descriptor).st_size} bytes")
        assert bool(reports_in(tmp_path)) == is_folder
        fsync(descriptor)

    def seen_link(source: Path, destination: Path) -> None:
        steps.append("link")
        link(source, destination)

    monkeypatch.setattr(os, "fsync", seen_fsync)
    monkeypatch.setattr(os, "link", seen_link)
    write(LONG, tmp_path, "x")
    assert steps == [f"flush {len(render(LONG))} bytes", "link", "flush folder"]


@pytest.mark.parametrize("kernel", ["reports errors", "does not", "flushes no single disk"])
@pytest.mark.parametrize(("outcome", "flushed"), [(Outcome.SKIPPED, 1), (Outcome.DOWNLOADED, 0)])
def test_skipped_files_are_flushed_before_the_report_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: Outcome, flushed: int, kernel: str
) -> None:
    """Whoever put them there may not have done it. Files that the run downloaded are flushed already."""
    steps: list[list[Path]] = []

    def flush(*_: object) -> int:
        steps.append(reports_in(tmp_path))
        return 0

    monkeypatch.setattr(flushing, "_syncfs", flush if kernel == "reports errors" else None)
    monkeypatch.setattr(flushing, "_any_syncfs", flush if kernel == "does not" else None)
    monkeypatch.setattr(os, "sync", flush)
    write(replace(REPORT, results=(FileResult("a", outcome, assurance="size"),)), tmp_path, "x")
    assert steps == [[]] * flushed


def test_a_report_is_written_even_if_skipped_files_cannot_be_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The error may be about a file of someone else."""

    def fail(_: int) -> bool:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(flushing, "flush_file_system", fail)
    found = replace(REPORT, results=(FileResult("a", Outcome.SKIPPED, assurance="size"),))
    assert read(write(found, tmp_path, "x")) == found
    assert f"What was found in {tmp_path} may not survive a power failure: Input/output error" in caplog.text


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_with_room_for_half_of_it_leaves_nothing(tmp_path: Path) -> None:
    with file_size_limit(40_000), pytest.raises(errors.DiskError, match="File too large"):
        write(LONG, tmp_path, "x")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("function", "code", "error"),
    [
        ("fsync", errno.ENOSPC, errors.DiskFull),
        ("fsync", errno.EDQUOT, errors.DiskFull),
        ("fsync", errno.EIO, errors.DiskError),
        ("link", errno.EIO, errors.DiskError),
        ("link", errno.ENOSPC, errors.DiskFull),
    ],
)
def test_a_refusal_of_the_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, code: int, error: type[Exception]
) -> None:
    monkeypatch.setattr(os, function, refuse(code))
    with pytest.raises(error, match="_download_status_x_20250204_143022"):
        write(REPORT, tmp_path, "x")
    assert names(tmp_path) == []


def test_a_refused_rename_leaves_nothing_where_there_are_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refuse(errno.EOPNOTSUPP))
    monkeypatch.setattr(os, "rename", refuse(errno.EIO))
    with pytest.raises(errors.DiskError):
        write(REPORT, tmp_path, "x")
    assert names(tmp_path) == []


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(REPORT, tmp_path, "x")
    assert names(tmp_path) == []


def test_a_missing_folder_is_an_error_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(errors.DiskError, match="No such file or directory"):
        write(REPORT, tmp_path / "missing", "x")


def test_an_answer_lost_on_nfs_makes_no_second_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def link_asked_twice(source: Path, destination: Path) -> None:
        link(source, destination)
        link(source, destination)

    monkeypatch.setattr(os, "link", link_asked_twice)
    path = write(REPORT, tmp_path, "x")
    assert names(tmp_path) == [path.name] == [report_name("x", NOW)]


WRITER = """
import errno, os, sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from downloader.report import Report, write

folder, who, count, links = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]

def refuse(*_):
    raise OSError(errno.EPERM, "no hard links")

def killed(*_):
    os._exit(9)

if links == "no hard links":
    os.link = refuse
if links == "killed before the link":
    os.link = killed
report = Report("Race", datetime(2025, 2, 4, 14, 30, 22, tzinfo=UTC), "/data", (("Writer", who),))
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    write(replace(report, duration=number), folder, "x")
"""


def start_writer(folder: Path, who: str, count: int, links: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), who, str(count), links],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(PLUGINS)},
        text=True,
    )


def start_together(writers: list[subprocess.Popen[str]]) -> list[int]:
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
    return [writer.returncode for writer in writers]


@pytest.mark.parametrize("links", ["hard links", "no hard links"])
def test_two_processes_in_one_second_lose_no_report(tmp_path: Path, links: str) -> None:
    count = 40
    assert start_together([start_writer(tmp_path, who, count, links) for who in "AB"]) == [0, 0]
    found = [read(path) for path in reports_in(tmp_path)]
    written = [(report.head[0][1], report.duration) for report in found]
    assert sorted(written) == sorted((who, number) for who in "AB" for number in range(count))
    assert len(names(tmp_path)) == len(found), "hidden files were left behind"


def test_a_killed_writer_leaves_no_report_and_no_name_that_a_remote_file_may_have(tmp_path: Path) -> None:
    assert start_together([start_writer(tmp_path, "A", 1, "killed before the link")]) == [9]
    assert reports_in(tmp_path) == []
    (left,) = names(tmp_path)
    with pytest.raises(errors.ReservedName):
        safe_path(left)
    assert write(REPORT, tmp_path, "x").name == report_name("x", NOW)


def test_a_reservation_of_a_killed_process_costs_a_number_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    reservation = f".{report_name('x', NOW)}.{'0' * 16}.part"
    (tmp_path / reservation).touch()
    with pytest.raises(errors.ReservedName):
        safe_path(reservation)
    assert write(REPORT, tmp_path, "x").name == report_name("x", NOW, 2)


IDS = [
    "a/b",
    "a_b",
    "a\nb",
    "a\\b",
    "",
    "..",
    "x" * 300,
    "x" * 301,
    "é" * 300,
    "\ud800",
    "a:b",
    "日本",
    "a\u202eb",
    "~",
]


def test_any_id_makes_one_short_name_of_its_own(tmp_path: Path) -> None:
    paths = [write(REPORT, tmp_path, report_id) for report_id in IDS]
    assert len({path.name for path in paths}) == len(IDS)
    for path in paths:
        assert path.parent == tmp_path
        assert path.name.endswith("_20250204_143022.txt")
        assert len(path.name.encode()) < 200
        assert not re.search(r"[\x00-\x1f\\/:\u202e]", path.name)
    assert len(names(tmp_path)) == len(IDS)


def test_ordinary_ids_stay_as_they_are() -> None:
    for report_id in ("20250115_sample", "fhir-data", "datasets.json", "slooh", "Messung 3 (Übung)"):
        assert report_name(report_id, NOW) == f"_download_status_{report_id}_20250204_143022.txt"


def test_an_id_that_looks_like_a_changed_one_gets_another_name() -> None:
    changed = parse_name(report_name("a/b", NOW))
    assert changed is not None
    assert report_name(changed.id, NOW) != report_name("a/b", NOW)


@given(st.text(st.characters()), st.text(st.characters()), st.integers(1, 100))
def test_names_tell_ids_apart_and_read_back(one: str, other: str, number: int) -> None:
    name = report_name(one, NOW, number)
    assert (name == report_name(other, NOW, number)) == (one == other)
    parts = parse_name(name)
    assert parts is not None
    assert (parts.moment, parts.number) == ("20250204_143022", number)
    assert parts.id == one or "~" in parts.id


def test_an_id_that_ends_like_a_name_is_not_mistaken() -> None:
    for report_id in ("x_20250101_000000", "x_20250101", "x_2", "x_20250101_000000_2", "_", "x.txt"):
        parts = parse_name(report_name(report_id, NOW, 3))
        assert parts == ("20250204_143022", 3, report_id)


def test_reports_are_found_newest_first(tmp_path: Path) -> None:
    later = replace(REPORT, timestamp=NOW + timedelta(seconds=1))
    first = [write(REPORT, tmp_path, "b") for _ in range(11)]
    last = write(later, tmp_path, "a")
    assert reports_in(tmp_path) == [last, *reversed(first)]
    assert reports_in(tmp_path, "b") == list(reversed(first))
    assert reports_in(tmp_path, "a/") == []


def test_an_id_that_was_changed_finds_its_reports(tmp_path: Path) -> None:
    path = write(REPORT, tmp_path, "a/b")
    write(REPORT, tmp_path, "a_b")
    assert reports_in(tmp_path, "a/b") == [path]


def test_only_reports_are_listed(tmp_path: Path) -> None:
    path = write(REPORT, tmp_path, "x")
    for name in ("notes.txt", "_download_status_x.txt", "_download_status_x_2025_1.txt", f"{path.name}.bak"):
        (tmp_path / name).write_text("x")
    (tmp_path / report_name("link", NOW)).symlink_to(path)
    (tmp_path / report_name("folder", NOW)).mkdir()
    os.mkfifo(tmp_path / report_name("pipe", NOW))
    assert reports_in(tmp_path) == [path]
    assert reports_in(tmp_path / "missing") == []
    with pytest.raises(errors.PathConflict):
        reports_in(path)


def test_a_file_without_a_complete_report_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"a\nb\n\xff")
    with pytest.raises(ReportError, match="line 3: not UTF-8"):
        read(path)
    path.write_bytes(render(REPORT).encode()[:-1])
    with pytest.raises(ReportError, match="cut off"):
        read(path)


def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    path = write(REPORT, tmp_path, "x")
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "folder", "pipe", "missing"):
        with pytest.raises(errors.DiskError):
            read(tmp_path / name)


def test_names_in_any_encoding_survive_the_disk(tmp_path: Path) -> None:
    report = replace(REPORT, results=(FileResult("Übung\udcff\n日本", Outcome.FAILED, message="x"),))
    path = write(report, tmp_path, "x")
    assert read(path) == report
    assert parse(path.read_text(encoding="utf-8")) == report
