"""The house itself: what lies where, which versions are fixed, which way imports point."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = [ROOT / "requirements.txt", *sorted((ROOT / "include").glob("requirements*.txt"))]
LOCK = ROOT / "include" / "constraints.txt"

TOP_LEVEL = {
    "README.md",
    "dags",
    "docker-compose.yaml",
    "include",
    "plugins",
    "pyproject.toml",
    "requirements.txt",
    "tests",
}
SAYS_NOTHING = {"common", "helper", "helpers", "misc", "util", "utils"}
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(\[[\w,-]+\])?==(?P<version>[\w.]+)\s+# (?P<why>\S.*)")


def test_top_level_holds_only_what_airflow_and_the_tools_expect() -> None:
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.name != "__pycache__"}
    assert found - TOP_LEVEL == set()


def test_every_module_has_a_name_that_says_what_it_is() -> None:
    modules = (path for folder in ("dags", "plugins", "include", "tests") for path in (ROOT / folder).rglob("*"))
    assert [path for path in modules if path.stem in SAYS_NOTHING and "node_modules" not in path.parts] == []


def lines_of(requirements: Path) -> list[str]:
    lines = requirements.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, str]:
    pairs = (line.split("==") for line in lines_of(LOCK) if not line.startswith(" "))
    return {normal(name): version for name, version in pairs}


def required(requirements: Path) -> Iterator[tuple[str, str]]:
    for line in lines_of(requirements):
        match = REQUIREMENT.fullmatch(line)
        assert match, f"{requirements.name}: write 'name==version  # why', not {line!r}"
        yield normal(match["name"]), match["version"]


@pytest.mark.parametrize("requirements", REQUIREMENTS, ids=lambda path: path.stem)
def test_direct_dependencies_are_pinned_explained_and_in_the_lock(requirements: Path) -> None:
    wanted = dict(required(requirements))
    assert wanted, f"{requirements.name} is empty"
    assert wanted == {name: locked().get(name) for name in wanted}, "run: bash include/lock.sh"


def test_the_lock_names_no_host_and_no_folder_of_the_machine_that_made_it() -> None:
    text = LOCK.read_text(encoding="utf-8")
    assert "bash include/lock.sh" in text
    assert re.findall(r"\w+://\S*|--\S*(?:index|links)\S*|\s/\S+", text) == []


def test_imports_point_one_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "plugins"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_possessive_repetition_ends_where_its_last_round_failed() -> None:
    # As it does before Python 3.11.5: see `_repeated` in `downloader.content.json_scanner`.
    found = {path: re.findall(r"\S{0,5}\)(?:[*+?]|\{[^}]*\})\+", path.read_text()) for path in _ours()}
    engine = ROOT / "plugins" / "downloader"
    assert {path for path, ends in found.items() if ends} == {
        engine / "content" / "json_scanner.py",
        engine / "sources" / "drive" / "pages.py",
    }
    assert [end for ends in found.values() for end in ends if not re.fullmatch(r"\S?\(\?!\)\)[*+]\+", end)] == []


def _ours() -> Iterator[Path]:
    for folder in ("plugins", "include"):
        yield from (path for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts)
