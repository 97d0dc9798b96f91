"""What stands in plugins/downloader_ui was built from include/ui, whose own checks pass."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.machine import require

ROOT = Path(__file__).parents[2]
UI = ROOT / "include" / "ui"
BUILT = ROOT / "plugins" / "downloader_ui"
APPS = ("restore_tab.js", "restores_page.js")

Run = Callable[..., str]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a program in a copy of include/ui, with the packages of its lock. Answers what it printed."""
    require("node", "npm")
    copy = tmp_path_factory.mktemp("copy") / "ui"
    shutil.copytree(UI, copy, ignore=shutil.ignore_patterns("node_modules"))

    def run(*program: str) -> str:
        done = subprocess.run(program, cwd=copy, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # A developer has them already. They are not installed there: other tests look through the project meanwhile.
    installed = UI / "node_modules" / ".package-lock.json"
    if installed.is_file() and installed.stat().st_mtime >= (UI / "package-lock.json").stat().st_mtime:
        (copy / "node_modules").symlink_to(installed.parent)
    else:
        run("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline")  # the lock says what is in a package
    return run


@pytest.fixture(scope="module")
def built(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the sources are built to."""
    folder = tmp_path_factory.mktemp("built")
    run("node", "build.mjs", str(folder))
    return folder


@pytest.mark.parametrize("app", APPS)
def test_the_committed_files_are_what_the_sources_are_built_to(built: Path, app: str) -> None:
    assert sorted(path.name for path in built.iterdir()) == sorted(APPS)
    assert (BUILT / app).read_bytes() == (built / app).read_bytes(), "run in include/ui: npm ci && npm run build"


def test_the_types_hold(run: Run) -> None:
    run("node_modules/.bin/tsc", "--noEmit")


def test_the_parts_without_a_page_do_what_they_should(run: Run) -> None:
    """As `npm test` does. The files of tests share a process: to start one for each takes three times as long."""
    assert "failed" not in run("node_modules/.bin/vitest", "run", "--no-isolate")


def test_versions_are_exact_and_the_lock_names_no_host() -> None:
    package = json.loads((UI / "package.json").read_text())
    versions = {**package["dependencies"], **package["devDependencies"]}
    assert {name: version for name, version in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)} == {}
    lock = json.loads((UI / "package-lock.json").read_text())
    assert [name for name, each in lock["packages"].items() if "resolved" in each] == []
    assert [name for name, each in lock["packages"].items() if name and not each.get("integrity")] == []


def test_no_text_becomes_html() -> None:
    """Names and messages come from servers and buckets that others write to."""
    ways = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function\(|srcdoc|javascript:"
    )
    sources = [*(UI / "src").rglob("*.ts*"), *(BUILT / app for app in APPS)]
    assert len(sources) > 10
    assert {path.name: found for path in sources if (found := ways.findall(path.read_text()))} == {}


@pytest.mark.parametrize("app", APPS)
def test_a_built_file_is_small_and_asks_nobody_else(app: str) -> None:
    text = (BUILT / app).read_text()
    assert len(text) < 200_000
    addresses = set(re.findall(r"https?://[\w./-]+", text))
    assert addresses == set()
