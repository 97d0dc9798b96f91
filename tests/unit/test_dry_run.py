"""The figures and the listing of a preview: complete counts, bounded text, no forged line."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from downloader.errors import CorruptRecord
from downloader.paths import safe_path
from downloader.planning import local_name
from downloader.remote_file import Planned, Refused, RemoteFile
from downloader.source import Capabilities
from downloader.sources.memory import MemorySource
from downloader.transfer import Prospect, TransferOptions
from downloader_tasks.download_run import Show, SingleItemRun, ignore
from downloader_tasks.download_run.dry_run import announce, publish_dry_run
from downloader_tasks.download_run.preview import ItemPreview, previews_of
from downloader_tasks.download_run.question import question_of
from downloader_tasks.download_run.result import MOST_TEXT
from downloader_tasks.execution import ThawTerms
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
    assert f"Not listed: {text['left_out']:,} files" in text["text"]


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


def asked(ti: TaskInstance) -> tuple[str, list[str], str]:
    """Subject and body of a question; and the body as HTML, as Airflow's page makes it."""
    subject, body = ti.pushed["approval"].values()
    return subject, body.splitlines(), MarkdownIt("commonmark", {"html": False}).render(body)


def test_a_person_is_shown_the_same_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "0000000").write_bytes(b"x" * 10)
    files = [*Many(3)[:], RemoteFile(safe_path("unsized"), None, "k"), Refused("bad", CorruptRecord("no entry"))]
    ti, run = TaskInstance(), MemoryRun(files, tmp_path)
    validated = Validated(run.validated().shards, {"other": "no record of other"})
    assert announce(run, validated, ti, dry_run=False, ask_first=True) is validated
    subject, lines, html = asked(ti)
    assert subject == "Download 3 of 5 files (20 B and 1 file of unknown size to fetch)?"
    assert "- Download: `3 files, 20 B and 1 of unknown size`" in lines
    assert f"- Destination: `{tmp_path}`" in lines
    listed = [line for line in lines if re.match("- `.*: [A-Z]+ - ", line)]
    assert listed == [
        f"- `bad: FAILURE - Corrupt record: no entry; {CorruptRecord.advice}`",
        "- `0000001: DOWNLOAD - 10 B`",
        "- `0000002: DOWNLOAD - 10 B`",
        "- `unsized: DOWNLOAD - size unknown`",
        "- `0000000: KEEP - 10 B`",
    ]
    assert lines[-1] == "- `no record of other`"
    # Airflow's page joins the lines of a block into one.
    assert "<pre" not in html
    assert all(f"<li><code>{line[3:-1]}</code></li>" in html for line in listed)
    assert "preview" not in ti.pushed


@pytest.mark.parametrize(
    "name",
    [
        "```\n<b>*x*",
        "`",
        "`` ` ```",
        "[a](javascript:b)",
        "![a](http://b/c.png)",
        "<!-- a",
        "a` <img src=x onerror=y> `b",
        "\u202eb",
        "| a |",
        "- # a",
        "https://a.example",
        "x" * 250,
    ],
)
def test_no_name_is_markdown(tmp_path: Path, name: str) -> None:
    files: list[Planned] = [
        RemoteFile(safe_path(name), 10, "k"),
        Refused(f"{name} again", CorruptRecord(f"{name}\n\n# {name}")),
    ]
    run = MemoryRun(files, tmp_path, name=name)
    ti = TaskInstance()
    announce(run, Validated(run.validated().shards, {"r": f"{name}\n\n# {name}"}), ti, dry_run=False, ask_first=True)
    _, lines, html = asked(ti)
    assert "\\\\n" not in html  # escaped once
    outside = re.sub(r"<code>[^<]*</code>", "", html)
    assert not re.search(r"<(?!/?(?:p|ul|li|strong|em)>)", outside)
    plain = TaskInstance()
    run = MemoryRun([RemoteFile(safe_path("n"), 10, "k"), Refused("n again", CorruptRecord("n"))], tmp_path)
    announce(run, Validated(run.validated().shards, {"r": "n"}), plain, dry_run=False, ask_first=True)
    assert (html.count("<li>"), len(lines)) == (asked(plain)[2].count("<li>"), len(asked(plain)[1]))


def test_a_question_is_bounded_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    ti, run = TaskInstance(), MemoryRun(Many(20_000, refuse=1000), tmp_path)
    announce(run, Validated(run.validated().shards, {}), ti, dry_run=False, ask_first=True)
    _, lines, _ = asked(ti)
    listed = [line for line in lines if re.match("- `.*: [A-Z]+ - ", line)]
    assert sum("FAILURE" in line for line in listed) == 20
    assert len(listed) > 100
    assert f"- {20_000 - len(listed):,} files not shown here; the log of validate lists more" in lines
    assert len("\n".join(lines).encode()) < 2**15


def test_a_question_on_many_items_fits_the_smallest_databases() -> None:
    previews = []
    for number in range(1000):
        previews.append(ItemPreview("\x01" * 300 + str(number), Path("/\x01" * 2000), 100_000, 50))
        for file in range(20 if number < 25 else 0):
            previews[-1].add(Prospect("\x02" * 300 + str(file), None, None, CorruptRecord("\x03" * 1000)))
    subject, body = question_of(previews, ["\x04" * 1000] * 1000)
    assert subject == "Download 0 of 500 files (0 B to fetch)?"
    assert "975 more reports are not shown here" in body
    assert "- 975 more; the log of validate names them" in body
    assert len(body.encode()) < 2**16 - 1


class ThawingRun(MemoryRun):
    """Has files thawed first: those with an even number, every fourth of them being restored already."""

    @property
    def thaw_terms(self) -> ThawTerms:
        return ThawTerms("Bulk", 1, 3600, 60, expedited=False)

    def archived(self, files: ShardFiles) -> dict[str, bool]:
        numbers = [int(local_name(item)) for item in files.planned]
        return {f"{number:07}": number % 4 == 0 for number in numbers if number % 2 == 0}


def test_what_would_be_thawed_is_counted_and_asked_for_with_its_tier(tmp_path: Path) -> None:
    (tmp_path / "0000000").write_bytes(b"x" * 10)
    run = ThawingRun(Many(12_001), tmp_path)
    result, (text,) = published(run)
    (report,) = result["reports"]
    assert report["actions"]["thaw"] == {"files": 6000, "bytes": 60_000}, "the one that is here is not thawed"
    assert (report["thaw"], report["to_fetch"]) == ({"tier": "Bulk", "days": 1}, 120_000)
    assert "0000000: KEEP - 10 B\n0000001: DOWNLOAD - 10 B\n0000002: THAW - 10 B\n" in text["text"]
    assert "0000004: THAW - 10 B (its restore is under way)\n" in text["text"]
    assert (
        "Thaw: 6,000 files, 58.6 KB (Bulk, to be read for 1 day, which costs money); 3,000 of them are being restored "
        "already\n" in text["text"]
    )
    ti = TaskInstance()
    announce(run, run.validated(), ti, dry_run=False, ask_first=True)
    assert ti.pushed["approval"]["subject"] == (
        "Download 12,000 of 12,001 files (117.2 KB to fetch), and thaw 6,000 of them first (58.6 KB, Bulk)?"
    )


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
