"""The figures and the listing of a preview: complete counts, bounded text, no forged line."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from downloader.errors import CorruptRecord
from downloader.paths import safe_path
from downloader.remote_file import Planned, Refused, RemoteFile
from downloader.source import Capabilities
from downloader.sources.memory import MemorySource
from downloader.transfer import TransferOptions
from downloader_tasks.download_run import Show, SingleItemRun, ignore
from downloader_tasks.download_run.dry_run import announce, publish_dry_run
from downloader_tasks.download_run.preview import previews_of
from downloader_tasks.download_run.result import MOST_TEXT
from downloader_tasks.settings import Configuration
from downloader_tasks.shards import RunTarget, ShardFiles
from downloader_tasks.xcoms import Shard, Validated
from support.restoring import transfer_options

LINE = re.compile(r"(.*): (KEEP|RESUME|HEAL|DOWNLOAD|THAW|FAILURE) - (.*)")


@dataclass
class TaskInstance:
    """Keeps XComs; `pull` reads those of any task."""

    pushed: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def xcom_pull(self, task_ids: str, key: str) -> Any:
        return self.pushed.get(key)


@dataclass
class MemoryRun(SingleItemRun):
    """Files of one item, in shards of `step`."""

    files: Sequence[Planned]
    folder: Path
    name: str = "item"
    step: int = 1000
    options: TransferOptions = field(default_factory=transfer_options)
    quiet: bool = False

    @classmethod
    def of(cls, params: Mapping[str, Any], configuration: Configuration) -> MemoryRun:
        raise NotImplementedError

    def about(self, name: str) -> str:
        return name

    @property
    def run_target(self) -> RunTarget:
        return RunTarget(self.folder, self.folder, "Title", self.name)

    def validated(self) -> Validated:
        starts = range(0, len(self.files), self.step)
        return Validated([Shard(i, self.name, "", "", s, s + self.step) for i, s in enumerate(starts)])

    def listed(self, shard: Shard, show: Show = ignore) -> ShardFiles:
        source = MemorySource({}, Capabilities(describes=False))
        return ShardFiles(self.run_target, self.files[shard.start : shard.stop], lambda: source)


class Many(Sequence[Planned]):
    """So many files, each made when it is asked for."""

    def __init__(self, files: int, refuse: int = 0, name: str = "") -> None:
        self.files = files
        self.name = name
        self.refuse = refuse

    def __len__(self) -> int:
        return self.files

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[index] for index in range(self.files)[at]]
        if self.refuse and at % self.refuse == self.refuse - 1:
            return Refused(f"{self.name}{at:07}", CorruptRecord("no entry"))
        return RemoteFile(safe_path(f"{self.name}{at:07}"), 10, str(at))


def published(run: MemoryRun, refused: dict[str, str] | None = None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """`result` and `report_text` of a dry run."""
    ti = TaskInstance()
    validated = Validated(run.validated().shards, refused or {})
    assert announce(run, validated, ti, dry_run=True, ask_first=False).shards == []
    if refused:
        with pytest.raises(Exception, match="no record"):
            publish_dry_run(ti)
    else:
        publish_dry_run(ti)
    return ti.pushed["result"], ti.pushed["report_text"]


def test_the_figures_of_a_dry_run(tmp_path: Path) -> None:
    (tmp_path / "0000000").write_bytes(b"x" * 10)
    (tmp_path / "0000001").write_bytes(b"x" * 11)
    files = [*Many(4)[:], RemoteFile(safe_path("unsized"), None, "k"), Refused("bad", CorruptRecord("no entry"))]
    result, (text,) = published(MemoryRun(files, tmp_path), {"other": "no record of raw file other"})
    (report,) = result["reports"]
    assert report.pop("free") > 0
    nothing = {"files": 0, "bytes": 0}
    assert result == {
        "status": "DRY RUN",
        "problems": ["no record of raw file other"],
        "reports": [report],
    }
    assert report == {
        "about": "item",
        "path": "",
        "destination": str(tmp_path),
        "status": "DRY RUN",
        "files": 6,
        "bytes": 40,
        "actions": {
            "keep": {"files": 1, "bytes": 10},
            "resume": nothing,
            "heal": {"files": 1, "bytes": 10},
            "download": {"files": 3, "bytes": 20},
            "thaw": nothing,
        },
        "to_fetch": 30,
        "unsized": 1,
        "failed": 1,
        "failures": [
            {
                "name": "bad",
                "kind": "Corrupt record",
                "message": f"no entry; {CorruptRecord.advice}",
            }
        ],
    }
    assert (text["about"], text["path"], text["left_out"]) == ("item", "", 0)
    assert text["text"].splitlines()[:6] == [
        "0000000: KEEP - 10 B",
        "0000001: HEAL - 10 B (size mismatch detected)",
        "0000002: DOWNLOAD - 10 B",
        "0000003: DOWNLOAD - 10 B",
        "unsized: DOWNLOAD - size unknown",
        f"bad: FAILURE - Corrupt record: no entry; {CorruptRecord.advice}",
    ]
    assert "To fetch: 30 B and 1 file of unknown size" in text["text"]
    assert "Kept is what has the right name and size" in text["text"]


def test_a_listing_is_bounded_and_shows_failures_behind_its_end(tmp_path: Path) -> None:
    result, (text,) = published(MemoryRun(Many(20_000, refuse=1000), tmp_path))
    assert len(text["text"].encode()) <= MOST_TEXT
    found = [LINE.fullmatch(line) for line in text["text"].splitlines()]
    shown = [match for match in found if match]
    assert len(shown) + text["left_out"] == 20_000
    assert text["left_out"] > 0
    assert sum(match[2] == "FAILURE" for match in shown) == 20
    (report,) = result["reports"]
    assert (report["files"], report["failed"], len(report["failures"])) == (20_000, 20, 20)
    assert report["actions"]["download"] == {"files": 19_980, "bytes": 199_800}
    assert f"Not listed above: {text['left_out']:,} files" in text["text"]


def test_the_longest_names_and_folders_fit(tmp_path: Path) -> None:
    folder = tmp_path / Path(*["\x01" * 200] * 3)
    hostile = [Refused("\x01" * 20_000, CorruptRecord("\x02" * 20_000)) for _ in range(20)]
    result, (text,) = published(MemoryRun(hostile, folder))
    assert len(text["text"].encode()) <= MOST_TEXT
    assert result["reports"][0]["failed"] == 20


@pytest.mark.parametrize("quiet", [False, True])
def test_a_quiet_log_names_failures_and_counts(tmp_path: Path, caplog: pytest.LogCaptureFixture, quiet: bool) -> None:
    caplog.set_level("INFO")
    published(MemoryRun(Many(4, refuse=4), tmp_path, quiet=quiet))
    assert ("0000000: DOWNLOAD - 10 B" in caplog.messages) is not quiet
    assert f"0000003: FAILURE - {CorruptRecord('no entry')}" in caplog.messages
    assert "Total files: 4" in caplog.messages
    assert [record.message[:7] for record in caplog.records if record.levelname == "ERROR"] == ["0000003"]


def test_no_name_forges_a_line(tmp_path: Path) -> None:
    names = ["a\nb: KEEP - 1 B", "c: KEEP - 1 B", "d: FAILURE - x", "\u202ee", "f\udcff"]
    files = [RemoteFile(safe_path(name), 10, name) for name in names[:3]] + [
        Refused(name, CorruptRecord("x\nz: KEEP - 1 B")) for name in names[3:]
    ]
    _, (text,) = published(MemoryRun(files, tmp_path))
    lines = text["text"].split("\n\nSummary:\n")[0].splitlines()
    assert [tuple(line.partition(": ")[::2])[1].partition(" - ")[0] for line in lines] == 3 * ["DOWNLOAD"] + 2 * [
        "FAILURE"
    ]
    assert len(lines) == 5
    text["text"].encode()


def test_a_person_is_shown_the_same_as_code_and_not_as_markdown(tmp_path: Path) -> None:
    ti = TaskInstance()
    run = MemoryRun([RemoteFile(safe_path("```\n<b>*x*"), 10, "k")], tmp_path)
    validated = Validated(run.validated().shards, {"other": "no record of <i>other</i>"})
    assert announce(run, validated, ti, dry_run=False, ask_first=True) is validated
    subject, body = ti.pushed["approval"].values()
    assert subject == "Download 1 file (10 B to fetch)?"
    _, blank, *block = body.splitlines()
    assert blank == ""
    assert all(line.startswith("    ") for line in block)
    assert "    ```\\n<b>*x*: DOWNLOAD - 10 B" in block
    assert "    Refused: no record of <i>other</i>" in block
    assert "preview" not in ti.pushed


def test_nobody_is_asked_unless_that_is_wanted(tmp_path: Path) -> None:
    for wanted in ({"dry_run": False, "ask_first": False}, {"dry_run": True, "ask_first": True}):
        ti, run = TaskInstance(), MemoryRun(Many(1), tmp_path)
        announce(run, run.validated(), ti, **wanted)
        assert "approval" not in ti.pushed


def test_memory_does_not_grow_with_the_number_of_files(tmp_path: Path) -> None:
    def peak(files: int) -> int:
        run = MemoryRun(Many(files, refuse=7, name="x" * 100), tmp_path, step=500)
        shards = run.validated().shards
        tracemalloc.start()
        (preview,) = previews_of(run, shards)
        assert preview.files == files
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(10_000) < peak(5000) * 1.2


def test_a_dry_run_of_another_version_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="clear the task"):
        publish_dry_run(TaskInstance({"preview": {"reports": 7}}))
