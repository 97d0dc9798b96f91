"""The README tells of everything that a user meets, and of nothing that is not there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FOLDERS = "dags|include|plugins|tests|.ci"

KIND = re.compile(r'^    kind(?:: ClassVar\[str\])? = "(.+)"$', re.MULTILINE)
KIND_ROW = re.compile(r"^\| ([A-Z][a-z ]+?)(?: ↻)? \|", re.MULTILINE)
SCRIPT = re.compile(r"\bbash ([\w./-]+)([^\n`#]*)")
OPTION = re.compile(r"--[a-z][a-z-]+")
OURS = re.compile(rf"(?<![\w/.])(?:{FOLDERS})/[\w./-]*\w")


def section(title: str) -> str:
    """The text below a heading, to the next one of its rank."""
    _, _, rest = README.partition(f"\n## {title}\n")
    assert rest, f"the README has no section {title!r}"
    return rest.partition("\n## ")[0]


def kinds() -> set[str]:
    modules = (ROOT / "plugins").rglob("*.py")
    return {kind for module in modules for kind in KIND.findall(module.read_text(encoding="utf-8"))}


def parameters() -> Iterator[str]:
    """Every `"name": Param(...)` of a DAG."""
    for file in (ROOT / "dags").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                yield from params_of(node)


def params_of(node: ast.Dict) -> Iterator[str]:
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(value, ast.Call) and ast.unparse(value.func) == "Param":
            yield str(key.value)


def scripts() -> list[tuple[str, str]]:
    return SCRIPT.findall(README)


def test_every_kind_of_failure_has_its_row_and_no_other_has() -> None:
    rows = KIND_ROW.findall(section("When it fails"))
    assert sorted(rows) == sorted(kinds())


def test_the_kinds_that_may_pass_are_marked() -> None:
    from downloader.errors import DownloadError

    def below(error: type[DownloadError]) -> Iterator[type[DownloadError]]:
        yield error
        for each in error.__subclasses__():
            yield from below(each)

    retried = {error.kind for error in below(DownloadError) if error.retryable and hasattr(error, "kind")}
    assert set(re.findall(r"^\| (.+) ↻ \|", README, re.MULTILINE)) == retried


def test_every_parameter_of_every_dag_has_its_row() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", section("Parameters"), re.MULTILINE))
    assert named == set(parameters())


@pytest.mark.parametrize(("script", "arguments"), scripts())
def test_the_scripts_that_it_names_exist_and_take_the_options_that_it_gives(script: str, arguments: str) -> None:
    folder = (ROOT / script).parent
    assert (ROOT / script).is_file()
    known = "".join(file.read_text(encoding="utf-8") for file in [ROOT / script, *folder.glob("*/__main__.py")])
    assert [option for option in OPTION.findall(arguments) if option not in known] == []


def test_the_files_and_folders_that_it_names_exist() -> None:
    named = set(OURS.findall(README))
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_top_level_key_of_the_configuration_is_there() -> None:
    from downloader_tasks.settings.configuration import Configuration

    settings = section("Settings")
    assert [key for key in Configuration.model_fields if f"`{key}" not in settings] == []


def test_the_report_that_it_shows_is_one() -> None:
    from downloader.report import parse, render

    _, _, rest = README.partition("```\nS3 Download Status Report\n")
    text = "S3 Download Status Report\n" + rest.partition("```")[0]
    report = parse(text)
    assert render(report) == text
    assert {result.ok for result in report.results} == {True, False}
