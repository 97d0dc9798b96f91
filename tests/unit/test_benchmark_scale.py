"""The benchmark's cases of what is many and what is long: that they count what they say, on little of it."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from downloader.catalogue import CatalogueAddress, open_catalogue
from downloader_tasks.settings.configuration import Configuration, Locations
from include.benchmark import __main__ as program
from include.benchmark import catalogue, ndjson, receipt
from include.benchmark.cases import CASES, ON_DEMAND
from include.benchmark.counted import Counted
from include.benchmark.exports import Page, name_of
from include.benchmark.interrupted import interrupted
from include.benchmark.long_stand_in import LongServer
from include.benchmark.measure import MeasuredRun
from include.benchmark.objects import BUCKET, LARGE, Sizes, Stock
from include.benchmark.output import measured
from include.benchmark.raw_file import Tasks
from include.benchmark.rounds import CaseOutcome
from include.benchmark.table import Section
from include.stand_ins.contents import Generated, digest
from include.stand_ins.object_server import serving

SIZE = 300_000


# --- what is counted --------------------------------------------------------------------------------------------------


def played(name: str, rounds: int) -> Section:
    outcome = CaseOutcome(name, [MeasuredRun(1.0, 1.0, 1.0, "")] * rounds)
    return Section(name, [outcome], {}, "", [])


@pytest.mark.parametrize(
    ("rounds", "expected"),
    [
        ([5, 5], "Medians of 5 rounds"),
        ([3], "Medians of 3 rounds"),
        ([1, 0], "One round"),
        ([5, 5, 3], "Medians of 5 rounds, where a case does not say otherwise"),
        ([0], "No rounds"),
    ],
)
def test_the_footer_says_how_many_rounds_were_played(rounds: list[int], expected: str) -> None:
    assert program.rounds_of([played(f"case {number}", count) for number, count in enumerate(rounds)]) == expected


def test_what_takes_long_runs_only_where_it_is_asked_for() -> None:
    assert set(CASES) > ON_DEMAND >= {"million", "many", "long", "dag"}
    assert Sizes().room(["long"]) > Sizes().long > Sizes().room(["small", "many"])
    assert Sizes().files(["many"]) > Sizes().files(["small"]) + sum(Sizes().in_shards)


def test_the_time_of_the_work_stands_before_what_it_tells() -> None:
    told = json.loads(measured(0.0, lambda: {"files": 3}))
    assert list(told) == ["started", "inside", "processor", "files"]
    assert told["files"] == 3


def test_a_listing_of_a_million_has_a_last_page() -> None:
    page = Page.asked(1_000_000, {"list-type": "2", "start-after": name_of(999_998)})
    assert (page.start, page.stop, page.end) == (999_999, 1_000_000, 1_000_000)


# --- a raw file of many -----------------------------------------------------------------------------------------------


@pytest.fixture
def tasks(tmp_path: Path) -> Iterator[Tasks]:
    record = Stock(tmp_path, Sizes()).made_up(5000)
    database = tmp_path / "catalogue.db"
    catalogue.main(str(record), "many", str(database))
    configuration = Configuration(locations=Locations(output=tmp_path))
    with closing(open_catalogue(CatalogueAddress("sqlite", str(database)))) as records:
        yield Tasks(records, configuration, "http://127.0.0.1:9")


def test_a_made_up_record_is_planned_as_the_tasks_plan(tasks: Tasks) -> None:
    plan = tasks.plan()
    assert (plan["files"], plan["shards"]) == (5000, 1)
    assert 100 < plan["xcom"] < 400
    assert tasks.slice() == {"files": 5000}


def test_a_catalogue_is_made_of_a_record(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    record.write_text('{"a": [1, null]}')
    catalogue.main(str(record), "many", str(tmp_path / "made.db"))
    with closing(sqlite3.connect(tmp_path / "made.db")) as connection:
        rows = connection.execute("SELECT id, s3_upload_path, file_info FROM raw_file").fetchall()
    assert rows == [(catalogue.RAW_FILE, f"s3://{BUCKET}/many/", '{"a": [1, null]}')]


@pytest.mark.parametrize("line", [1_000, 5_000_000])
def test_each_line_is_checked_however_long(capsys: pytest.CaptureFixture[str], line: int) -> None:
    ndjson.main("2", "10000000", str(line))
    resources = json.loads(capsys.readouterr().out)["resources"]
    assert resources == 2 * sum(piece.count(b"\n") for piece in ndjson.pieces(10_000_000, line)) > 0


def test_a_report_is_written_and_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receipt.main("120", str(tmp_path))
    told = json.loads(capsys.readouterr().out)
    assert {"write", "read"} <= told.keys()
    (report,) = tmp_path.iterdir()
    assert "Total files: 120\nSuccessful: 117\nFailed: 3\n" in report.read_text()


# --- one that is long, and killed -------------------------------------------------------------------------------------


@pytest.fixture
def long_server() -> Iterator[LongServer]:
    server = LongServer()
    server.hold(SIZE)
    with serving(server):
        yield server


def test_the_stand_in_makes_the_bytes_of_any_range_and_counts_them(long_server: LongServer) -> None:
    url = f"{long_server.url}/{BUCKET}/long/{LARGE}"
    part = requests.get(url, headers={"Range": "bytes=100000-199999"}, timeout=10)
    assert (part.status_code, part.content) == (206, Generated(SIZE)[100_000:200_000])
    assert requests.head(url, timeout=10).headers["Content-Length"] == str(SIZE)
    assert requests.get(f"{long_server.url}/sent", timeout=10).text == "100000"
    assert requests.get(f"{long_server.url}/{BUCKET}", timeout=10).status_code == 404
    assert requests.get(url, timeout=10).headers["ETag"] == f'"{digest(Generated(SIZE), "md5")}"'
    assert requests.get(f"{long_server.url}/sent", timeout=10).text == str(100_000 + SIZE)


def test_what_is_taken_of_a_content_is_counted() -> None:
    counted = Counted(b"abcdef")
    assert (counted[1:3], counted[4:100], len(counted)) == (b"bc", b"ef", 6)
    assert counted.taken == 4


GROWS = """
import pathlib, sys, time
file = pathlib.Path(sys.argv[1])
have = len(file.read_bytes()) if file.exists() else 0
with file.open("ab", buffering=0) as out:
    for _ in range(have, 100):
        out.write(b"x")
        time.sleep(float(sys.argv[2]))
print('{"resumed_at": %d}' % have)
"""


def grow(file: Path, pause: float = 0.001) -> list[str]:
    return [sys.executable, "-c", GROWS, str(file), str(pause)]


def share_of(file: Path) -> float:
    return file.stat().st_size / 100 if file.exists() else 0.0


def test_it_is_killed_as_often_as_was_asked_for_and_started_again(tmp_path: Path) -> None:
    file = tmp_path / "grows"
    told = interrupted(grow(file, 0.01), 2, lambda: share_of(file))
    assert told["kills"] == 2
    assert told["resumed_at"] >= 66
    assert file.read_bytes() == b"x" * 100


def test_one_that_is_done_before_its_kill_is_not_started_again(tmp_path: Path) -> None:
    file = tmp_path / "grows"
    assert interrupted(grow(file, 0.0), 2, lambda: 0.0) == {"kills": 0, "resumed_at": 0}


@pytest.mark.parametrize("kills", [0, 1])
def test_one_that_fails_is_no_contestant(kills: int) -> None:
    with pytest.raises(SystemExit, match="it ended with 3"):
        interrupted([sys.executable, "-c", "raise SystemExit(3)"], kills, lambda: 0.0)
