"""What a report calls OK would outlive a power cut: it was flushed first, by the order of the system calls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from downloader.report import Report, read, reports_in
from downloader.results import Outcome
from support.last_steps import FLUSHES
from support.other_run import PART_SIZE, Behaviour, objects, other_run
from support.restoring import tree
from support.stored_parts import damaged
from support.system_calls import Trace, read_calls, require_strace, strace

pytestmark = pytest.mark.timeout(100, method="thread")

FEW, MANY = 30, 1000


@dataclass(frozen=True)
class Looked:
    """A run that was looked at: what it did, and the report that it wrote."""

    trace: Trace
    destination: Path
    report: Report
    report_name: str
    announced: str

    def problems(self) -> list[str]:
        """What a power cut could take away of what was reported as OK, or make untrue of the report."""
        told = self.trace.told(self.announced)
        final = str(self.destination / self.report_name)
        naming = self.trace.naming(final)
        assert naming is not None
        found = self.trace.problems(final, told[self.report_name])
        for result in self.report.results:
            name = str(self.destination / result.name)
            if result.outcome is Outcome.SKIPPED:
                found += self.trace.problems_of_found(name, naming)
            else:
                found += self.trace.problems(name, told[result.name])
                assert told[result.name].ended < naming.began, result
        return found


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    """A folder that the run has to make itself."""
    require_strace()
    return tmp_path / "location" / "project" / "run"


def looked_at(destination: Path, behaviour: Behaviour) -> Looked:
    """A run under strace."""
    location = destination.parents[1]
    location.mkdir(exist_ok=True)
    seen, announced = location.with_name("calls"), location.with_name("announced")
    behaviour = replace(behaviour, location=str(location), announced=str(announced), reports=True)
    with other_run("restore", destination, 0, behaviour=behaviour, under=strace(seen)) as run:
        run.results()
    calls = read_calls(seen.read_text(errors="replace").splitlines())
    path = reports_in(destination)[0]
    return Looked(Trace(calls, str(location)), destination, read(path), path.name, str(announced))


def test_what_a_report_calls_ok_has_been_flushed_first(destination: Path) -> None:
    """Large files one by one, a thousand small ones by the group, the folders made for them, and the report."""
    looked = looked_at(destination, Behaviour(small=MANY))
    assert {result.outcome for result in looked.report.results} == {Outcome.DOWNLOADED}
    assert len(looked.report.results) == MANY + 3
    assert looked.problems() == []


def test_what_was_found_has_been_flushed_too(destination: Path) -> None:
    """Whoever brought it may not have done so; and the folders may be those of a run that was killed."""
    for name, data in objects(small=FEW).items():
        if name != "large/1.raw":
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            (destination / name).write_bytes(data)
    looked = looked_at(destination, Behaviour(small=FEW))
    assert looked.report.summary.skipped == FEW + 2
    assert looked.problems() == []
    assert not any(call.name.startswith("mkdir") for call in looked.trace.calls)
    told = looked.trace.told(looked.announced)["large/1.raw"]
    for folder in (destination.parents[1], destination.parent, destination):
        assert looked.trace.is_flushed(str(folder), -1, told.began), folder


def test_what_was_healed_by_parts_has_been_flushed_too(destination: Path) -> None:
    """The system copied the parts that were right, and the old file had its name until that was on the disk."""
    large = {name: data for name, data in objects(small=FEW).items() if name.startswith("large/")}
    for name, data in large.items():
        (destination / name).parent.mkdir(parents=True, exist_ok=True)
        (destination / name).write_bytes(damaged(data, PART_SIZE))
    looked = looked_at(destination, Behaviour(small=FEW))
    healed = [result for result in looked.report.results if result.name in large]
    assert {(result.outcome, result.fetched) for result in healed} == {(Outcome.SELF_HEALED, PART_SIZE)}
    assert any(call.name == "copy_file_range" for call in looked.trace.calls)
    assert looked.problems() == []
    assert tree(destination).items() >= large.items()


BEFORE, BEHIND = "it got its name before its bytes were flushed", "it was reported as OK before its name was flushed"
WITHOUT = {
    "files": [f"large/0.raw: {BEFORE}", f"txt: {BEFORE}"],
    "folders": [f"large/0.raw: {BEHIND}", f"txt: {BEHIND}"],
    "groups before their names": [f".bin: {BEFORE}"],
    "groups behind their names": [f".bin: {BEHIND}"],
}


@pytest.mark.parametrize("which", FLUSHES)
def test_a_flush_that_is_left_out_is_seen(destination: Path, which: str) -> None:
    """A group's flush covers single files and folders too, and would stand in for theirs: they have no group here."""
    small = FEW if which.startswith("groups") else 0
    problems = looked_at(destination, Behaviour(small=small, leaves_out=which)).problems()
    for expected in WITHOUT[which]:
        assert any(expected in problem for problem in problems), problems[:10]
    assert tree(destination).items() >= objects(small=small).items()


# --- the one who looks ------------------------------------------------------------------------------------------------

RIGHT = """\
7 mkdir("/r/a", 0777) = 0
7 openat(AT_FDCWD</w>, "/r/a", O_PATH) = 3</r/a>
7 mkdir("/proc/self/fd/3/b", 0777) = 0
8 pwrite64(5</r/a/b/.x.part>, "rename(\\"x\\", \\"y\\") = 0", 21, 0) = 21
8 utimensat(5</r/a/b/.x.part>, NULL, [UTIME_NOW, UTIME_OMIT], 0) = 0
8 fsync(5</r/a/b/.x.part> <unfinished ...>
9 pwrite64(6</r/a/b/.y.part>, "..."..., 4096, 0) = 4096
8 <... fsync resumed>) = 0
8 rename("/r/a/b/.x.part", "/r/a/b/x") = 0
8 fsync(4</r/a/b>) = 0
8 fsync(4</r/a>) = 0
8 fsync(4</r>) = 0
8 write(9</announced>, "x\\n", 2) = 2
7 +++ exited with 0 +++
""".splitlines()
X = "/r/a/b/x"
BYTES, NAME = f"{X}: {BEFORE}", f"{X}: {BEHIND}"
ABOVE = f"{X}: it was reported as OK before the name of /r/a/b was flushed"
TOP = f"{X}: it was reported as OK before the name of /r/a was flushed"


def without(number: int) -> list[str]:
    return [line for index, line in enumerate(RIGHT) if index != number]


def moved(number: int, to: int) -> list[str]:
    lines = without(number)
    return [*lines[:to], RIGHT[number], *lines[to:]]


def with_line(at: int, line: str) -> list[str]:
    return [*RIGHT[:at], line, *RIGHT[at:]]


def problems(lines: list[str]) -> list[str]:
    trace = Trace(read_calls(lines), "/r")
    return trace.problems(X, trace.told("/announced")["x"])


DOCTORED = {
    "as it ought to be": (RIGHT, []),
    "no flush of the bytes": ([line for line in RIGHT if "fsync(5" not in line and "resumed" not in line], [BYTES]),
    "no flush of the name": (without(9), [NAME]),
    "no flush of the folder's name": (without(10), [ABOVE]),
    "no flush of the upper folder's name": (without(11), [TOP]),
    "a flush that failed": (
        [line.replace("fsync(4</r/a/b>) = 0", "fsync(4</r/a/b>) = -1 EIO") for line in RIGHT],
        [NAME],
    ),
    "the bytes flushed behind the name": (moved(8, 6), [BYTES]),
    "the name flushed ahead of it": (moved(9, 8), [NAME]),
    "told before the name was flushed": (moved(12, 9), [NAME, TOP, ABOVE]),
    "written to while it was flushed": (with_line(6, '9 pwrite64(5</r/a/b/.x.part>, "", 1, 9) = 1'), [BYTES]),
    "written to behind the flush": (with_line(8, '9 write(5</r/a/b/.x.part>, "", 1) = 1'), [BYTES]),
    "cut behind the flush": (with_line(8, "9 ftruncate(5</r/a/b/.x.part>, 1) = 0"), [BYTES]),
    "given a time behind its name": (with_line(9, '9 utimensat(AT_FDCWD</w>, "/r/a/b/x", [], 0) = 0'), [BYTES]),
    "given rights behind its name": (with_line(9, "9 fchmod(5</r/a/b/x>, 0644) = 0"), [BYTES]),
    "another one's flush": ([line.replace("fsync(5</r/a/b/.x", "fsync(5</r/a/b/.y") for line in RIGHT], [BYTES]),
    "another disk's flush": (
        [line.replace("fsync(4</r/a/b>)", "syncfs(4</elsewhere>)") for line in RIGHT],
        [NAME],
    ),
    "all flushed at once": ([line.replace("fsync(", "syncfs(").replace("fsync ", "syncfs ") for line in RIGHT], []),
    "nothing named": (without(8), [f"{X}: no call gave it its name"]),
}


@pytest.mark.parametrize("what", DOCTORED)
def test_what_is_wrong_with_a_trace_is_seen(what: str) -> None:
    lines, expected = DOCTORED[what]
    assert problems(lines) == expected


def test_what_was_found_needs_a_flush_of_itself_and_of_its_name() -> None:
    def found(*lines: str) -> bool:
        trace = Trace(read_calls([*lines, '1 link("/r/.report.part", "/r/report") = 0']), "/r")
        naming = trace.naming("/r/report")
        assert naming is not None
        return not trace.problems_of_found("/r/a/b/x", naming)

    assert found("1 syncfs(3</r/.report.part>) = 0")
    assert found("1 fsync(3</r/a/b/x>) = 0", "1 fsync(3</r/a/b>) = 0")
    assert not found("1 fsync(3</r/a/b/x>) = 0")
    assert not found("1 fsync(3</r/.report.part>) = 0")
    assert not found()
