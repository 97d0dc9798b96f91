"""What contributors go by: the page for them, the hooks before a commit, and the workflow of CI."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.compose import read

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
HOOKS = ROOT / ".pre-commit-config.yaml"
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
PROGRAMS = Path(sys.executable).parent

TOOL = re.compile(r"\.venv/bin/([\w-]+)(?: (check|format|install))?")
OURS = r"\.\./README\.md|\.ci/run|pyproject\.toml|requirements\.txt|(?:include|tests)/[\w./-]*\w"
PATH = re.compile(rf"(?<![\w/.])(?:{OURS})")


def hooks() -> dict[str, dict[str, Any]]:
    return {hook["id"]: hook for repository in read(HOOKS)["repos"] for hook in repository["hooks"]}


def tools_of(text: str) -> set[tuple[str, str]]:
    """``.venv/bin/ruff check`` -> ``("ruff", "check")``."""
    return set(TOOL.findall(text))


# --- hooks ------------------------------------------------------------------------------------------------------------


def test_pre_commit_takes_the_hooks() -> None:
    command = [str(PROGRAMS / "pre-commit"), "validate-config", str(HOOKS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_hooks_come_from_no_other_repository() -> None:
    assert [repository["repo"] for repository in read(HOOKS)["repos"]] == ["local"]
    assert {hook["language"] for hook in hooks().values()} <= {"system", "pygrep"}


def test_each_linter_of_ci_is_a_hook() -> None:
    _, _, linters = CI.partition('step "Lint"')
    linted = tools_of(linters) - {("coverage", "")}
    assert linted == tools_of(" ".join(hook["entry"] for hook in hooks().values()))
    assert [name for name, _ in linted if not (PROGRAMS / name).is_file()] == []


MESSAGES = {
    "Resume a file whose part file is whole": True,
    "Resume a file whose part file is whole\n": True,
    "x" * 72 + "\n\nIt was fetched again.\n": True,
    "Resume\n\n\n# Please enter the commit message for your changes.\n": True,
    "Resume\n# Please enter the commit message for your changes.\n": True,
    "x" * 73: False,
    "x" * 73 + "\n\nIt was fetched again.\n": False,
    "Resume a file\nwhose part file is whole\n": False,
    "\nResume\n": False,
}


@pytest.mark.parametrize("message", MESSAGES, ids=repr)
def test_the_subject_of_a_commit_is_short_and_stands_alone(tmp_path: Path, message: str) -> None:
    (tmp_path / "message").write_text(message)
    hook = hooks()["subject"]
    command = [sys.executable, "-m", "pre_commit.languages.pygrep", *hook["args"], hook["entry"], "message"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is MESSAGES[message], done.stdout + done.stderr


# --- the workflow -----------------------------------------------------------------------------------------------------


def jobs() -> Iterator[dict[str, Any]]:
    (file,) = (ROOT / ".github" / "workflows").iterdir()
    workflow = read(file)
    assert set(workflow["on"]) == {"push", "pull_request"}
    assert workflow["permissions"] == {"contents": "read"}
    yield from workflow["jobs"].values()


def test_the_workflow_runs_what_ci_runs() -> None:
    (job,) = jobs()
    assert job["steps"][-1] == {"run": "bash .ci/run"}
    assert (ROOT / ".ci" / "run").is_file()


def test_the_workflow_has_python_311_and_may_mount() -> None:
    """As root of Debian 12: .ci/run installs by apt-get. Without --privileged the tests of full disks are skipped."""
    (job,) = jobs()
    assert job["container"] == {"image": "debian:12", "options": "--privileged"}


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_files_and_folders_that_the_page_names_exist() -> None:
    named = set(PATH.findall(PAGE))
    assert {"../README.md", ".ci/run", "include/setup.sh", "tests/unit"} <= named
    assert [path for path in named if not (ROOT / ".github" / path).exists() and not (ROOT / path).exists()] == []


def test_the_page_tells_of_each_folder_of_tests() -> None:
    folders = {f"tests/{path.parent.name}" for path in (ROOT / "tests").glob("*/test_*.py")}
    rows = set(re.findall(r"^\| `(tests/\w+)` \|", PAGE, re.MULTILINE))
    assert rows == folders


def test_the_tools_that_the_page_names_are_installed() -> None:
    assert tools_of(PAGE) == {("pre-commit", "install")}
    assert (PROGRAMS / "pre-commit").is_file()
