"""The documents tell of everything that a user meets, and of nothing that does not exist."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import BaseModel

from support.documents import DOCUMENTS, ROOT, anchors, arrows, blocks, document, links, prose, rows, section

FOLDERS = "dags|include|plugins|tests|.ci"

SCRIPT = re.compile(r"\bbash ([\w./-]+)([^\n`#]*)")
OPTION = re.compile(r"--[a-z][a-z-]+")
OURS = re.compile(rf"(?<![\w/.])(?:{FOLDERS})/[\w./-]*\w(?![\w./-]*<)")
"""A path below one of the folders; not one with a placeholder, such as ``<name>``."""
KIND = re.compile(r"kind(?:: ClassVar\[str\])? = (['\"].+['\"])")
NUMBER = re.compile(r"\d+")
QUOTED = re.compile(r"`([^`]+)`")
RANGE = re.compile(r"from (\S+) to (\S+)")
LONG = 40
"""Characters. A shorter line may well stand twice."""
REPORTS = ROOT / "tests" / "fixtures" / "reports"

TEXTS = {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in DOCUMENTS}
ALL = "\n".join(TEXTS.values())


def shown(value: object) -> str:
    """As a default stands in a table."""
    return f"`{json.dumps(value, ensure_ascii=False)}`"


# --- parameters -------------------------------------------------------------------------------------------------------


def dags() -> dict[str, dict[str, tuple[object, str]]]:
    """DAG -> parameter -> its default, and its schema as Python text."""
    modules = {file.stem: ast.parse(file.read_text(encoding="utf-8")) for file in (ROOT / "dags").glob("*.py")}
    found = {name: dict(params_of(module)) for name, module in modules.items()}
    return {name: params for name, params in found.items() if params}


def made_by(function: str) -> Iterator[tuple[str, tuple[object, str]]]:
    """The parameters that several DAGs take over."""
    module = ast.parse((ROOT / "plugins" / "downloader_tasks" / "three_tasks.py").read_text(encoding="utf-8"))
    (made,) = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == function]
    return params_of(made)


def params_of(tree: ast.AST) -> Iterator[tuple[str, tuple[object, str]]]:
    """Every `"name": Param(default, ...)`, and those of `**shared_params()` and its like."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if key is None and isinstance(value, ast.Call):
                    yield from made_by(ast.unparse(value.func))
                if isinstance(key, ast.Constant) and isinstance(value, ast.Call) and ast.unparse(value.func) == "Param":
                    yield str(key.value), (ast.literal_eval(value.args[0]), schema_of(value))


def schema_of(param: ast.Call) -> str:
    prose = {"title", "section", "description", "description_md", "examples", "values_display", "type"}
    return " ".join(ast.unparse(keyword.value) for keyword in param.keywords if keyword.arg not in prose)


def parameter_rows(dag: str) -> dict[str, list[str]]:
    whole = section(document("parameters"), dag)
    return {cells[0].strip("`"): cells for cells in rows(whole.partition("\n### ")[0])}


def test_every_dag_has_its_parameters_in_a_section() -> None:
    assert set(re.findall(r"^## ([a-z]\w*)$", document("parameters"), re.MULTILINE)) == set(dags())


def test_every_parameter_of_every_dag_has_its_row() -> None:
    named = {name for dag in dags() for name in parameter_rows(dag)}
    assert named == {name for params in dags().values() for name in params}


@pytest.mark.parametrize("dag", dags())
def test_the_parameters_of_a_dag_have_their_rows_and_defaults(dag: str) -> None:
    told = {name: cells[1] for name, cells in parameter_rows(dag).items()}
    assert told == {name: shown(default) for name, (default, _) in dags()[dag].items()}


@pytest.mark.parametrize("dag", dags())
def test_the_limits_and_choices_of_a_parameter_are_told(dag: str) -> None:
    for name, (_, schema) in dags()[dag].items():
        value = parameter_rows(dag)[name][2]
        numbers = set(NUMBER.findall(schema.replace("_", "")))
        assert numbers == set(NUMBER.findall(value)), f"{name}: {value}"
        choices = re.findall(r"'(\w+)'", schema) if "[" in schema else []
        assert set(choices) <= set(QUOTED.findall(value)), f"{name}: {value}"


# --- configuration ----------------------------------------------------------------------------------------------------


def configuration_rows() -> dict[str, list[str]]:
    return {cells[0].strip("`"): cells for cells in rows(section(document("deploying"), "Configuration"))}


def keys_of(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, str | None]]:
    """Every key below a section, and what its field expects."""
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        below = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not below or len(kinds) > 1:
            yield f"{above}{name}", field.description
        for kind in below:
            yield from keys_of(kind, f"{above}{name}.")


def configuration_keys() -> dict[str, str]:
    from downloader_tasks.settings.configuration import Configuration

    return {key: expected or "" for key, expected in keys_of(Configuration)}


def test_every_top_level_key_of_the_configuration_is_there() -> None:
    from downloader_tasks.settings.configuration import Configuration

    settings = section(document("deploying"), "Configuration")
    assert [key for key in Configuration.model_fields if f"`{key}" not in settings] == []


def test_every_key_of_the_configuration_has_its_row_and_no_other_has() -> None:
    assert set(configuration_rows()) == set(configuration_keys())


def test_the_defaults_of_the_configuration_are_told() -> None:
    """Those of the shipped file, without any variable set: the folders are in no other place."""
    from downloader_tasks.settings.configuration import Notifier, load

    values = load({}).model_dump(mode="json")
    defaults = {"notifier": values.pop("notifier")}
    defaults |= {f"notifier.{name}": Notifier.model_fields[name].default for name in ("arguments", "when")}
    defaults |= {f"{group}.{name}": value for group, held in values.items() for name, value in held.items()}
    told = {key: cells[1].strip("`") for key, cells in configuration_rows().items() if key != "notifier.callable"}
    assert {key: json.loads(text) for key, text in told.items()} == json.loads(json.dumps(defaults))


def test_the_limits_of_the_configuration_are_told() -> None:
    limits = {key: RANGE.search(expected) for key, expected in configuration_keys().items()}
    lacking = {
        key: configuration_rows()[key][2]
        for key, found in limits.items()
        if found and configuration_rows()[key][2] != f"{found[1]} to {found[2]}"
    }
    assert limits
    assert lacking == {}


def test_the_pools_are_told_with_their_slots() -> None:
    pools = json.loads((ROOT / "include" / "pools.json").read_text(encoding="utf-8"))
    told = rows(section(document("deploying"), "Pools"))
    assert told == [[f"`{name}`", str(pool["slots"])] for name, pool in pools.items()]


# --- failures ---------------------------------------------------------------------------------------------------------


def kinds() -> dict[str, str]:
    """Kind -> the class that has it."""
    found: dict[str, str] = {}
    for module in (ROOT / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found |= dict.fromkeys(kinds_of(node), node.name)
    return found


def kinds_of(node: ast.ClassDef) -> Iterator[str]:
    for line in node.body:
        found = KIND.fullmatch(ast.unparse(line))
        if found:
            yield str(ast.literal_eval(found[1]))


def kind_rows() -> list[list[str]]:
    return rows(section(document("failures"), "A FAILURE line"))


def test_every_kind_of_failure_has_its_row_and_no_other_has() -> None:
    told = [cells[0].removesuffix(" ↻") for cells in kind_rows()]
    assert sorted(told) == sorted(kinds())


def test_every_kind_of_failure_names_its_class() -> None:
    assert {cells[0].removesuffix(" ↻"): cells[1].strip("`") for cells in kind_rows()} == kinds()


def test_every_kind_of_failure_says_what_happened_and_what_to_do() -> None:
    assert [cells for cells in kind_rows() if len(cells) != 4 or not all(cells)] == []


def test_the_kinds_that_may_pass_are_marked() -> None:
    from downloader.errors import DownloadError

    def below(error: type[DownloadError]) -> Iterator[type[DownloadError]]:
        yield error
        for each in error.__subclasses__():
            yield from below(each)

    retried = {error.kind for error in below(DownloadError) if error.retryable and hasattr(error, "kind")}
    assert {cells[0].removesuffix(" ↻") for cells in kind_rows() if cells[0].endswith(" ↻")} == retried


# --- reports ----------------------------------------------------------------------------------------------------------


def words_of_results() -> Iterator[str]:
    """What a line says of each outcome and each assurance, without name and figures."""
    from downloader.report.file_line import render_line
    from downloader.results import UNPROVEN, FileResult, Outcome

    result = FileResult("n", Outcome.SKIPPED, 2_097_152, seconds=0.1, assurance="md5:0")
    yield render_line(result)[3:].partition(" [")[0]
    yield render_line(FileResult("n", Outcome.FAILED, message="KIND"))[3:].partition("KIND")[0]
    for outcome in set(Outcome) - {Outcome.FAILED}:
        yield render_line(replace(result, outcome=outcome))[3:].partition(" (")[0]
    for assurance in UNPROVEN:
        line = render_line(replace(result, outcome=Outcome.DOWNLOADED, assurance=assurance))
        yield line.partition(" (")[2].partition(")")[0]


@pytest.mark.parametrize("words", sorted(set(words_of_results())))
def test_the_words_of_a_files_line_are_told(words: str) -> None:
    assert f"`{words}" in section(document("reports"), "Files")


@pytest.mark.parametrize(
    "fact", ["bytes", "fetched", "resources", "retryable", "md5", "s3-etag", "crc64nvme", "sha256"]
)
def test_the_figures_of_a_files_line_are_told(fact: str) -> None:
    assert any(fact in cells[0] for cells in rows(section(document("reports"), "The bracket")))


def frozen_reports() -> list[Path]:
    """Reports of real runs, of all DAGs."""
    return sorted(REPORTS.glob("format_*/*_run_*.txt"))


def told_labels(title: str) -> set[str]:
    return {label for cells in rows(section(document("reports"), title)) for label in QUOTED.findall(" ".join(cells))}


@pytest.mark.parametrize("file", frozen_reports(), ids=lambda file: file.stem)
def test_the_lines_of_a_real_report_are_told(file: Path) -> None:
    from downloader.report import parse

    report = parse(file.read_text(encoding="utf-8"))
    head = {
        label
        for cells in rows(section(document("reports"), "Head"))
        if report.title in cells[0]
        for label in QUOTED.findall(cells[1])
    }
    assert {label for label, _ in report.head} - head == set()
    beginnings = tuple(label.removesuffix("...") for label in told_labels("Summary"))
    lacking = [label for label, _ in report.extra if not label.removeprefix("- ").startswith(beginnings)]
    assert lacking == []


def test_the_lines_of_every_report_are_told() -> None:
    from downloader.report import Status, parse, render

    text = render(parse(frozen_reports()[0].read_text(encoding="utf-8")))
    _, _, summary = text.partition("Summary:\n")
    always = re.findall(r"^([^:\n]+): ", summary, re.MULTILINE)
    assert {"Total files", "Duration", "Status"} <= set(always)
    assert [label for label in always if label.removeprefix("- ") not in told_labels("Summary")] == []
    assert set(Status) <= told_labels("Summary")
    assert {"Timestamp", "Destination"} <= told_labels("Head")


def test_every_format_has_its_row() -> None:
    from downloader.report import FORMAT

    assert [cells[0] for cells in rows(section(document("reports"), "Formats"))] == [str(n + 1) for n in range(FORMAT)]


# --- architecture -----------------------------------------------------------------------------------------------------

VOCABULARY = ("checksums", "errors", "paths", "planning", "remote_file", "results", "retry", "source", "spelling")
ARROW = re.compile(r"^ *(\w+) --> (.+)$", re.MULTILINE)
MOST_STAYS = 12


def written(names: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"


def rooms(*, tasks: bool) -> set[str]:
    return {room for arrow in arrows() for room in arrow if room.startswith("tasks.") == tasks}


def test_the_table_of_the_engines_imports_is_true() -> None:
    told = {tuple(cells) for cells in rows(section(document("architecture"), "Imports in the engine"))}
    seen = {(f"`{room}`", written({to for by, to in arrows() if by == room})) for room in rooms(tasks=False)}
    assert told == seen


def test_the_table_of_the_tasks_imports_is_true() -> None:
    told = {tuple(cells) for cells in rows(section(document("architecture"), "Imports in downloader_tasks"))}
    seen = set()
    for room in rooms(tasks=True):
        names = {to for by, to in arrows() if by == room}
        own = {name.removeprefix("tasks.") for name in names if name.startswith("tasks.")}
        engine = {name for name in names if not name.startswith("tasks.")} - set(VOCABULARY)
        seen.add((f"`{room.removeprefix('tasks.')}`", written(own), written(engine)))
    assert told == seen


def test_the_drawing_of_the_packages_is_true() -> None:
    (drawing,) = blocks(document("architecture"), "mermaid")
    told = {(by, to) for by, several in ARROW.findall(drawing) for to in several.split(" & ")}
    seen = {(package_of(by), package_of(to)) for by, to in arrows() if to not in VOCABULARY}
    assert told == {(by, to) for by, to in seen if by != to} | {("dags", "downloader_tasks")}


def package_of(room: str) -> str:
    return "downloader_tasks" if room.startswith("tasks.") else room.partition(".")[0]


def test_the_walk_from_the_dag_to_the_report_is_short() -> None:
    stays = re.findall(
        r"^\d+\. `([^`]+)`", section(document("architecture"), "From the DAG to the report"), re.MULTILINE
    )
    assert stays[0] == "dags/s3_downloader.py"
    assert stays[-1].startswith("plugins/downloader/report/")
    assert len(stays) <= MOST_STAYS
    assert len(set(stays)) == len(stays)


# --- all documents ----------------------------------------------------------------------------------------------------


def scripts() -> list[tuple[str, str]]:
    return sorted(set(SCRIPT.findall(ALL)))


@pytest.mark.parametrize(("script", "arguments"), scripts())
def test_the_scripts_that_they_name_exist_and_take_the_options_that_they_give(script: str, arguments: str) -> None:
    folder = (ROOT / script).parent
    assert (ROOT / script).is_file()
    known = "".join(file.read_text(encoding="utf-8") for file in [ROOT / script, *folder.glob("*/__main__.py")])
    assert [option for option in OPTION.findall(arguments) if option not in known] == []


def test_the_options_of_the_manifests_maker_are_told() -> None:
    known = (ROOT / "include" / "generate_manifest.py").read_text(encoding="utf-8")
    told = {
        option for cells in rows(section(document("parameters"), "The manifest")) for option in OPTION.findall(cells[0])
    }
    assert told == set(re.findall(r'add_argument\(\s*"(--[a-z-]+)"', known))


def test_the_fields_of_a_manifest_are_told() -> None:
    from downloader.datasets import Dataset

    told = {
        name for cells in rows(section(document("parameters"), "The manifest")) for name in QUOTED.findall(cells[0])
    }
    assert set(Dataset.model_fields) <= told


@pytest.mark.parametrize("name", TEXTS)
def test_the_files_and_folders_that_they_name_exist(name: str) -> None:
    named = set(OURS.findall(TEXTS[name]))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_they_name_files_at_all() -> None:
    assert OURS.findall(ALL)


@pytest.mark.parametrize("name", TEXTS)
def test_the_commands_that_they_show_name_files_that_exist(name: str) -> None:
    """`named` also has the files at the top, which `OURS` cannot tell from words."""
    top = "|".join(re.escape(path.name) for path in ROOT.iterdir() if path.is_file())
    words = {word for block in blocks(TEXTS[name], "bash") for word in re.findall(r"[\w./*~$-]+", block)}
    ours = {word for word in words if re.fullmatch(rf"(\./)?(({FOLDERS})/.*|{top}|[\w-]+\.(sh|py))", word)}
    assert [word for word in ours if not (ROOT / word).exists()] == []


@pytest.mark.parametrize("name", TEXTS)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    dead = []
    for link in links(TEXTS[name]):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        if not file.exists() or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("name", TEXTS)
def test_no_line_stands_twice(name: str) -> None:
    """As where two changes of one paragraph are merged, and both versions of it stay."""
    told = Counter(line.strip() for line in prose(TEXTS[name]).splitlines() if len(line.strip()) > LONG)
    assert [line for line, times in told.items() if times > 1] == []


@pytest.mark.parametrize("name", TEXTS)
def test_no_table_is_torn_apart(name: str) -> None:
    """A row behind an empty line is shown as text."""
    lines = ["", *TEXTS[name].splitlines(), ""]
    first = [
        number for number, line in enumerate(lines) if line.startswith("| ") and not lines[number - 1].startswith("|")
    ]
    assert [
        lines[number] for number in first if not set(lines[number + 1]) <= set("|-: ") or not lines[number + 1]
    ] == []
