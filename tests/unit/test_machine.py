"""What a machine lacks is a skip with its command in a list, and in CI a failure where a package brings it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.machine import PACKAGES, LackingError, missing_packages, require

ROOT = Path(__file__).parents[2]
SUITE = """
import pytest
from support.machine import require, unable

@pytest.fixture(scope="session")
def tracer(): require("strace")

@pytest.mark.parametrize("number", range(3))
def test_traced(tracer, number): raise AssertionError("not reached")

def test_queue():
    require("redis-server", "redis-cli")
    raise AssertionError("not reached")

def test_disk(): raise unable("mounts of its own", "Not permitted\\n dmesg has more.", "run where root may mount")

def test_plain(): pass
"""
ROWS = [
    "mounts of its own (Not permitted)  tests not run:   1  run where root may mount",
    "redis-cli                          tests not run:   1  apt-get install redis-tools",
    "redis-server                       tests not run:   1  apt-get install redis-server",
    "strace                             tests not run:   3  apt-get install strace",
]
ALL = "All packages at once: apt-get install redis-server redis-tools strace"


def run(folder: Path, ci: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The tests of SUITE on a machine without any program."""
    (folder / "test_suite.py").write_text(SUITE)
    environment = {"PATH": str(folder), "PYTHONPATH": str(ROOT / "tests"), "CI": ci}
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "support.machine_report", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("workers", [(), ("--numprocesses=2",)], ids=["in one process", "in workers"])
def test_what_is_lacking_is_skipped_and_listed(tmp_path: Path, workers: tuple[str, ...]) -> None:
    done = run(tmp_path, "", *workers)
    _, _, rest = done.stdout.partition("= What this machine lacks =")
    assert rest.splitlines()[1:-1] == [*ROWS, ALL], done.stdout
    assert "1 passed, 5 skipped" in rest
    assert re.search(r"SKIPPED \[3\] .*: this machine lacks strace: apt-get install strace\n", done.stdout)
    assert done.returncode == 0


def test_in_ci_a_missing_package_is_a_failure_and_a_missing_right_is_not(tmp_path: Path) -> None:
    done = run(tmp_path, "true")
    assert "1 failed, 1 passed, 1 skipped, 3 errors" in done.stdout
    assert done.returncode == 1
    assert "this machine lacks strace: apt-get install strace" in done.stdout
    assert ".ci/run has to install it" in done.stdout
    assert "Traceback" not in done.stdout
    assert ALL in done.stdout


def test_nothing_is_listed_where_nothing_is_lacking(tmp_path: Path) -> None:
    done = run(tmp_path, "true", "-k", "plain")
    assert "1 passed" in done.stdout
    assert "lacks" not in done.stdout


def test_a_program_is_looked_for_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing_packages() == sorted(set(PACKAGES.values()))
    with pytest.raises(LackingError, match=r"^this machine lacks curl: apt-get install curl$"):
        require("curl")
    for name in PACKAGES:
        (tmp_path / name).touch(0o755)
    require(*PACKAGES)
    assert missing_packages() == []


def test_ci_installs_all_that_the_tests_need(tmp_path: Path) -> None:
    """.ci/run asks support.machine, with nothing of .venv at hand."""
    assert "tests/support/machine.py" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    command = [sys.executable, "-S", "-I", str(ROOT / "tests" / "support" / "machine.py")]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True)
    assert done.stdout.split() == sorted(set(PACKAGES.values()))
