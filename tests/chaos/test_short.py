"""The short form of the chaos runs, as a person starts it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "include" / "chaos" / "run.sh"
ZERO = (
    "**wrong files under a final name**",
    "files that were gone before they could be read",
    "final names taken away",
    "results that reported OK for a wrong file",
    "planned files without a result",
    "processes that did not end",
    "files not complete at the end",
    "part files left behind",
    "unexpected errors of the program",
)


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    return subprocess.run(
        ["bash", str(RUN), *arguments], env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def number(cell: str) -> int:
    return int(cell.replace(",", ""))


@pytest.mark.timeout(330)
def test_nothing_is_lost_in_half_a_minute_of_faults_and_kills(tmp_path: Path) -> None:
    done = run(tmp_path, "--short")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {name: cells for name, *cells in (line.strip("| ").split(" | ") for line in done.stdout.splitlines())}
    assert {name: rows[name] for name in ZERO} == dict.fromkeys(ZERO, ["0"] * 5)
    assert all(number(cell) for cell in rows["restores, each until all files were complete"]), done.stdout
    assert number(rows["... killed (SIGKILL) at work"][-1]) >= 5, done.stdout
    assert number(rows["faults of the network"][-1]) >= 50, done.stdout
    assert list(tmp_path.iterdir()) == []


def test_it_says_how_it_is_used(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    assert "--minutes" in done.stdout
