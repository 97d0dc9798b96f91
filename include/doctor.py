"""Says whether the DAGs are ready: whether a run would start here, and find what it needs. Changes nothing.

    python include/doctor.py                                  # all four DAGs
    python include/doctor.py s3_downloader minio_downloader   # the DAGs that you use
    python include/doctor.py --json                           # for programs

Run it with the environment of Airflow (AIRFLOW_HOME, AIRFLOW__..., DOWNLOADER_...) on a machine where tasks run.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from runpy import run_path
from typing import Final, TextIO, TypeVar

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]
if __name__ == "__main__":
    # Airflow looks connections up in its database for its own programs alone. `airflow connections` does this too.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")
    sys.stdout = sys.stderr  # Airflow logs to it, which must not get between the lines, or into the JSON

try:
    from airflow.configuration import conf
    from airflow.dag_processing.dagbag import DagBag
    from airflow.models.dag import DagModel
    from airflow.models.pool import Pool
    from airflow.plugins_manager import get_import_errors, get_plugin_info
    from airflow.sdk.exceptions import AirflowException
    from airflow.utils.session import create_session
    from packaging.requirements import InvalidRequirement
    from sqlalchemy import select
    from sqlalchemy.exc import SQLAlchemyError

    from downloader.disk import Destination, HeldFolders, NamelessFile, NoNamelessFiles
    from downloader.errors import DownloadError
    from downloader.paths import safe_path
    from downloader_tasks.dag_ids import DAG_IDS
    from downloader_tasks.failures import SetupError
    from downloader_tasks.readiness import CheckResult, Lookout, check_needs
    from downloader_tasks.readiness import State as Readiness
    from downloader_tasks.settings import Configuration, load, writable_location
    from downloader_tasks.wording import one_line, shown_size
    from include.installed_packages import differences, fixed_versions
except ModuleNotFoundError as lacking:
    sys.exit(f"{lacking.name} is not installed; run bash include/setup.sh once, then use .venv/bin/python")

Answer = TypeVar("Answer")
log = logging.getLogger(__name__)

PATIENCE: Final = 30.0
"""Seconds. A network disk or a database whose server is away may answer never."""
LONGEST: Final = 400
MOST_PACKAGES: Final = 5
AIRFLOW: Final = "airflow"
FOLDERS: Final = {
    "s3_downloader": "output",
    "minio_downloader": "minio",
    "drive_datasets": "datasets",
    "slooh_images": "slooh",
}
"""The location of each DAG."""
EPILOG = """
Each line is `ok`, `WRONG` with what to do, or `remark`: worth knowing, and no failure. A DAG whose connection nobody
has made is `not set up`, a remark, unless you name it.

It does not log in to S3, MinIO, Google Drive or Slooh: a dry run of the DAG does that.

exit code: 0 nothing is wrong, 1 something is, 2 wrong usage.
"""


class State(StrEnum):
    """What is told of one thing."""

    OK = "ok"
    REMARK = "remark"
    WRONG = "WRONG"


@dataclass(frozen=True, slots=True)
class Told:
    """One line. `about`: the DAG, or Airflow as a whole."""

    about: str
    check: str
    state: State
    sentence: str


@dataclass(frozen=True, slots=True)
class Known:
    """What Airflow's database has. `problem`: why it could not be read."""

    dags: dict[str, tuple[bool, bool, bool]]
    """Paused, stale, with import errors; by DAG."""
    pools: dict[str, float]
    problem: str = ""


def main(argv: Sequence[str] | None = None, out: TextIO | None = None) -> int:
    """The exit code. `out`: what is written to; by default the output of the process."""
    out = out or sys.stdout
    with redirect_stdout(out):  # of --help
        wanted = arguments(argv)
    told = list(examine(wanted.dag_ids or list(DAG_IDS), named=bool(wanted.dag_ids)))
    wrong = [one for one in told if one.state is State.WRONG]
    try:
        if wanted.json:
            print(json.dumps({"ok": not wrong, "checks": [asdict(one) for one in told]}, indent=2), file=out)
        else:
            for one in told:
                print(f"{one.state:<6} {one.about:<16} {one.check:<13} {one.sentence}", file=out)
            print(f"{len(told):,} checked, {len(wrong):,} wrong", file=out)
        out.flush()
    except BrokenPipeError:  # of `head`, which has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
    return 1 if wrong else 0


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line. Exits with 2 if it is wrong."""
    parser = argparse.ArgumentParser(
        prog="doctor.py",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "dag_ids", metavar="DAG", nargs="*", type=known_dag, help=f"{', '.join(DAG_IDS)}; default: all four"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object with `ok` and `checks`")
    return parser.parse_args(argv)


def known_dag(text: str) -> str:
    """One of the four DAGs. Raises ArgumentTypeError."""
    if text not in DAG_IDS:
        raise argparse.ArgumentTypeError(f"there is no DAG {one_line(text)}; choose from {', '.join(DAG_IDS)}")
    return text


def examine(dag_ids: Sequence[str], *, named: bool) -> Iterator[Told]:
    """All lines. `named`: a DAG that is not set up is wrong."""
    dag_ids = list(dict.fromkeys(dag_ids))
    yield from packages(PROJECT / "requirements.txt", PROJECT / "include" / "constraints.txt")
    yield from plugin()
    yield dags_folder()
    yield schedules()
    known = within_patience("database", partial(ask_database, dag_ids)) or Known({}, {}, "does not answer")
    yield database(known)
    needs = check_needs(dag_ids, Lookout(PATIENCE, PATIENCE), "this machine")
    for dag_id in dag_ids:
        absent = next((each for each in needs[dag_id].values() if each.state is Readiness.ABSENT), None)
        if absent is not None and not named:
            yield line(dag_id, "not set up", State.REMARK, absent.sentence)
            continue
        yield from dag_and_pool(dag_id, known)
        for name, result in needs[dag_id].items():
            yield line(dag_id, name, state_of(name, result), sentence_of(result))
            if name == "folder" and result.state is Readiness.READY:
                yield from slower(dag_id)


def line(about: str, check: str, state: State, sentence: str) -> Told:
    """What others wrote, such as names, cannot break out of its line."""
    text = one_line(re.sub(r"\n\s*", " ", sentence))
    return Told(about, check, state, text)


def within_patience(key: Hashable, question: Callable[[], Answer]) -> Answer | None:
    """None if there is no answer in time."""
    return Lookout[Answer](PATIENCE, PATIENCE).ask({key: question})[key]


def packages(direct: Path, lock: Path) -> Iterator[Told]:
    """What is installed, against what the project was tested with."""
    try:
        locked = dict(fixed_versions(lock))
        needed = [name for name, _ in fixed_versions(direct)]
    except (OSError, InvalidRequirement) as error:
        why = error.strerror if isinstance(error, OSError) else "a line is not a requirement"
        yield line(AIRFLOW, "packages", State.REMARK, f"cannot be compared with {lock} ({why})")
        return
    differing = {name: f"{name} {found or 'missing'} (tested: {want})" for name, want, found in differences(locked)}
    wrong = [differing.pop(name) for name in needed if name in differing]
    others = [text for text in differing.values() if " missing " not in text]  # tools of the tests, and the like
    fix = f"run: pip install -r {direct} -c {lock}"
    if wrong:
        yield line(AIRFLOW, "packages", State.WRONG, f"{a_few(wrong)}; {fix}")
    if others:
        yield line(AIRFLOW, "packages", State.REMARK, f"other versions than were tested: {a_few(others)}; {fix}")
    if not (wrong or others):
        yield line(AIRFLOW, "packages", State.OK, f"as in {lock}")


def a_few(texts: Sequence[str]) -> str:
    """The first of `texts`, and how many more there are."""
    more = len(texts) - MOST_PACKAGES
    return ", ".join(texts[:MOST_PACKAGES]) + (f" and {more:,} more" if more > 0 else "")


def plugin() -> Iterator[Told]:
    """Whether Airflow loads the plugin."""
    here = PROJECT / "plugins"
    configured = Path(conf.get_mandatory_value("core", "plugins_folder"))
    if configured.resolve() != here:
        what = f"AIRFLOW__CORE__PLUGINS_FOLDER is {configured}, and the plugin is in {here}: set it to that folder"
        yield line(AIRFLOW, "plugin", State.WRONG, what)
        return
    errors = {source: text for source, text in get_import_errors().items() if "downloader" in source}
    names = {each["name"] for each in get_plugin_info(["name"])}
    for source, text in errors.items():
        yield line(AIRFLOW, "plugin", State.WRONG, f"{source} cannot be imported: {last_line(text)}")
    if not errors and "downloader" not in names:
        yield line(AIRFLOW, "plugin", State.WRONG, f"Airflow finds no plugin downloader in {here}; put the files back")
    elif not errors:
        yield line(AIRFLOW, "plugin", State.OK, f"Airflow loads it from {here}")


def last_line(traceback: str) -> str:
    """What went wrong, of a text that may be a whole traceback."""
    text = (traceback.strip().splitlines() or ["no reason is given"])[-1]
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def dags_folder() -> Told:
    """Whether Airflow looks for DAGs where they are."""
    here = PROJECT / "dags"
    folders, others = bundle_paths()
    if any(here == folder or folder in here.parents for folder in folders):
        return line(AIRFLOW, "dags folder", State.OK, f"Airflow reads {here}")
    if others:
        what = f"the DAGs may come from the bundles {', '.join(others)}, which are not looked into"
        return line(AIRFLOW, "dags folder", State.REMARK, what)
    looked = ", ".join(map(str, folders)) or "no folder"
    what = f"Airflow reads {looked}, and the DAGs are in {here}: set AIRFLOW__CORE__DAGS_FOLDER to that folder"
    return line(AIRFLOW, "dags folder", State.WRONG, what)


def bundle_paths() -> tuple[list[Path], list[str]]:
    """The folders that Airflow reads DAGs from, and the names of bundles of another kind, such as Git."""
    folders, others = [], []
    bundles = conf.getjson("dag_processor", "dag_bundle_config_list", fallback=[])
    for bundle in bundles if isinstance(bundles, list) else []:
        if not isinstance(bundle, dict):
            continue
        if str(bundle.get("classpath", "")).endswith(".LocalDagBundle"):
            path = (bundle.get("kwargs") or {}).get("path") or conf.get_mandatory_value("core", "dags_folder")
            folders.append(Path(path).expanduser().resolve())
        else:
            others.append(str(bundle.get("name")))
    return folders, others


def schedules() -> Told:
    """Whether schedules.yaml can be made into DAGs."""
    file = PROJECT / "dags" / "schedules.py"
    try:
        run_path(str(file))
    except SetupError as error:
        return line(AIRFLOW, "schedules", State.WRONG, str(error))
    except Exception as error:
        log.debug("Schedules could not be read", exc_info=True)
        what = f"{file} cannot be imported ({type(error).__name__}); run: python {file}"
        return line(AIRFLOW, "schedules", State.WRONG, what)
    return line(AIRFLOW, "schedules", State.OK, "the schedules can be read")


def ask_database(dag_ids: Sequence[str]) -> Known:
    """What Airflow's database has of the DAGs and the pools."""
    try:
        with create_session() as session:
            rows = session.scalars(select(DagModel).where(DagModel.dag_id.in_(dag_ids))).all()
            dags = {
                str(row.dag_id): (bool(row.is_paused), bool(row.is_stale), bool(row.has_import_errors)) for row in rows
            }
            return Known(dags, {str(row.pool): row.slots for row in session.scalars(select(Pool))})
    except (SQLAlchemyError, AirflowException, OSError) as error:
        # Its text may hold the address, and so the password.
        return Known({}, {}, f"cannot be read ({type(error).__name__})")


def database(known: Known) -> Told:
    """Whether Airflow's database can be read."""
    if known.problem:
        what = (
            f"Airflow's database {known.problem}; run: airflow db migrate, or set AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
        )
        return line(AIRFLOW, "database", State.WRONG, what)
    return line(AIRFLOW, "database", State.OK, "Airflow's database can be read")


def dag_and_pool(dag_id: str, known: Known) -> Iterator[Told]:
    """Whether the DAG can be imported, would start, and has its pool."""
    file = PROJECT / "dags" / f"{dag_id}.py"
    bag = DagBag(str(file))
    dag = bag.dags.get(dag_id)
    if dag is None:
        why = last_line(next(iter(bag.import_errors.values()), "the file is missing, or has no such DAG"))
        yield line(dag_id, "dag", State.WRONG, f"{file} cannot be imported: {why}")
        return
    if known.problem:
        return
    problem = why_not_started(dag_id, known)
    yield line(dag_id, "dag", State.WRONG if problem else State.OK, problem or "it can be imported and is not paused")
    for name in sorted({task.pool for task in dag.tasks} - {Pool.DEFAULT_POOL_NAME}):
        slots = known.pools.get(name)
        if slots is None:
            file = PROJECT / "include" / "pools.json"
            what = f"there is no pool {name}, so the tasks wait for ever; run: airflow pools import {file}"
        elif slots == 0:
            what = f"{name} has no slots, so the tasks wait for ever; give it some (Admin, Pools)"
        else:
            shown = "no limit of slots" if slots < 0 else f"{slots:,} slot{'' if slots == 1 else 's'}"
            yield line(dag_id, "pool", State.OK, f"{name} has {shown}")
            continue
        yield line(dag_id, "pool", State.WRONG, what)


def why_not_started(dag_id: str, known: Known) -> str:
    """Why Airflow does not start runs of the DAG; `""` if it does."""
    if dag_id not in known.dags:
        return "Airflow does not know this DAG yet; run: airflow dags reserialize"
    paused, stale, broken = known.dags[dag_id]
    if broken:
        return "Airflow could not import its file when it read it last; run: airflow dags list-import-errors"
    if stale:
        return "Airflow did not find its file when it looked last; run: airflow dags reserialize"
    return f"it is paused, so its runs wait for ever; run: airflow dags unpause {dag_id}" if paused else ""


def state_of(name: str, result: CheckResult) -> State:
    """What is not there is wrong on the machine of the tasks. AWS credentials may come from elsewhere, at a run."""
    if result.state is Readiness.READY:
        return State.OK
    return State.REMARK if result.state is Readiness.UNSEEN and name == "connection" else State.WRONG


def sentence_of(result: CheckResult) -> str:
    room = "" if result.free is None else f" ({shown_size(result.free)} free)"
    return result.sentence + room


def slower(dag_id: str) -> Iterator[Told]:
    """A remark where the disk of the folder lacks what makes downloads quick."""
    lacks = within_patience(dag_id, partial(lacking_of, load(), FOLDERS[dag_id]))
    if lacks:
        what = f"its disk has {lacks}: many small files take longer there; they are verified as elsewhere"
        yield line(dag_id, "folder", State.REMARK, what)


def lacking_of(configuration: Configuration, name: str) -> str:
    """What the disk of a folder lacks; `""` for nothing. Leaves nothing there: the file that is tried has no name."""
    try:
        destination = Destination(writable_location(configuration, name))
        place = destination.place(safe_path("doctor"))
        folder = HeldFolders(destination).hold(place)
        NamelessFile.write(destination, place, folder, [b"doctor"]).close()
        fcntl.flock(folder.descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except NoNamelessFiles:
        return "no files without a name (O_TMPFILE), or other machines may write to it"
    except BlockingIOError:
        return ""
    except (OSError, DownloadError, SetupError):
        return "no locks (flock), or refuses them"
    return ""


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # what is wrong is told by the program's own lines
    sys.exit(main(out=sys.__stdout__))
