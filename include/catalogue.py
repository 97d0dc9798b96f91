"""Writes, shows and checks records of raw files, which s3_downloader restores.

    python include/catalogue.py add s3://my-backups/PRID001/20250115_sample --project PRID001
    python include/catalogue.py add /data/PRID001 --each --project PRID001 --s3-path s3://my-backups/PRID001
    python include/catalogue.py show 20250115_sample
    python include/catalogue.py check

The catalogue is that of Airflow's connection raw_files: PostgreSQL, or a SQLite file, made where there is none.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]
if __name__ == "__main__":
    # Airflow looks connections up in its database for its own programs alone. `airflow connections` does this too.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")  # its hooks tell of each step

try:
    from downloader.catalogue import (
        CatalogueError,
        RawFile,
        RecordUnusable,
        UploadPath,
        each_id,
        find_raw_file,
        open_catalogue,
        parse_upload_path,
    )
    from downloader.errors import DownloadError
    from downloader.retry import RetryPolicy
    from downloader.sources.s3 import S3Access
    from downloader_tasks.failures import Refusal, SetupError
    from downloader_tasks.settings import Configuration, aws_access, catalogue_address, load, refuse_switched_off
    from downloader_tasks.wording import one_line
    from include.catalogue_tool.adding import Adding
    from include.catalogue_tool.bucket import find_in_bucket
    from include.catalogue_tool.checking import Checking, State
    from include.catalogue_tool.folder import find_in_folder
    from include.catalogue_tool.found import Found
    from include.catalogue_tool.records import Records, exists, is_sql, open_records
    from include.catalogue_tool.showing import as_json, lines_of
except ModuleNotFoundError as lacking:
    sys.exit(f"{lacking.name} is not installed; run bash include/setup.sh once, then use .venv/bin/python")

MOST_LEFT_OUT = 20
EPILOG = """
exit code: 0 done, 1 failed with a sentence that says why, or a record was left as it is or is not restorable,
2 wrong usage.
"""
ADD = """
Adds the records of raw files. A new record is written at once. One that is there and differs is shown and stays as it
is, unless --replace is given.

SOURCE is s3://BUCKET/PREFIX: sizes and ETags come from the listing, part sizes and MD5s from the objects. Nothing is
downloaded. Or it is a folder or a file of this machine: every file is read and its MD5 computed, on all processors.

The record has the paths below SOURCE: the object s3://BUCKET/PREFIX/a/b.raw is restored to
<output>/<project>/a/b.raw. With --each, every folder and file directly below SOURCE is a raw file of its own, and its
name stands before its files: a/b.raw of the raw file a.
"""
CHECK = """
Says of each record whether s3_downloader can restore it, and why not. It checks what the DAG checks before a
download: record, project, names, bucket, rights, room on the disk. Then it lists the bucket, and compares names and
sizes. Nothing is downloaded, and nothing is changed.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code."""
    wanted = arguments(argv)
    try:
        return int(wanted.run(wanted, configured(wanted)))
    except (CatalogueError, DownloadError, SetupError) as error:
        return failed(str(error))
    except BrokenPipeError:  # of `head`, which has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return failed(f"{error.filename or 'the disk'}: {error.strerror}")
    except KeyboardInterrupt:
        print("catalogue: stopped; records that were named as added are in the catalogue", file=sys.stderr)
        return 130


def failed(sentence: str) -> int:
    """The exit code. What others wrote cannot break out of its line."""
    print("catalogue:", one_line(sentence), file=sys.stderr)
    return 1


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line; `run` does what it asks for. Exits with 2 if it is wrong."""
    parser = argparse.ArgumentParser(prog="catalogue.py", **_form(__doc__ or ""))
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add = commands.add_parser("add", help="add raw files of a bucket or a folder", **_form(ADD))
    _add_parser(add)
    show = commands.add_parser("show", help="show a record", **_form("Shows a record and its files."))
    show.add_argument("id", metavar="ID", help="the raw file's id")
    show.add_argument("--json", action="store_true", help="as JSON, with the columns of the catalogue")
    show.set_defaults(run=run_show)
    check = commands.add_parser("check", help="say which records are not restorable, and why", **_form(CHECK))
    check.add_argument("ids", metavar="ID", nargs="*", help="default: all records")
    check.add_argument("--project", metavar="PROJECT", help="all records of this project")
    check.add_argument("--records-only", action="store_true", help="ask S3 nothing, look at the records alone")
    check.set_defaults(run=run_check)
    for command in commands.choices.values():
        where = command.add_argument_group("where")
        where.add_argument("--connection", metavar="ID", help="Airflow connection of the catalogue (raw_files)")
        if command is not show:
            where.add_argument("--aws-connection", metavar="ID", help="Airflow connection of S3 (aws_default)")
            where.add_argument(
                "--endpoint-url", metavar="URL", default="", help="another S3 server than that of the connection"
            )
    wanted = parser.parse_args(argv)
    if wanted.run is run_add:
        _refuse_contradictions(add, wanted)
    if wanted.run is run_check and wanted.ids and wanted.project:
        check.error("give ids or --project, not both")
    return wanted


def _form(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "epilog": EPILOG,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }


def _add_parser(add: argparse.ArgumentParser) -> None:
    add.add_argument("source", metavar="SOURCE", help="s3://BUCKET/PREFIX, or a folder or file of this machine")
    add.add_argument("--project", metavar="PROJECT", required=True, help="the project; restored to <output>/PROJECT")
    add.add_argument("--id", metavar="ID", default="", help="the raw file's id; default: the last name of SOURCE")
    add.add_argument("--each", action="store_true", help="one raw file for each folder and file directly below SOURCE")
    add.add_argument(
        "--s3-path", metavar="S3PATH", help="where a folder was uploaded to: s3://BUCKET/PREFIX that stands for SOURCE"
    )
    add.add_argument("--replace", action="store_true", help="change records that are there and differ")
    add.add_argument("--dry-run", action="store_true", help="only say what would be added or changed")
    add.set_defaults(run=run_add)


def _refuse_contradictions(parser: argparse.ArgumentParser, wanted: argparse.Namespace) -> None:
    """Parses the paths of `add`, and exits with 2 where the options do not fit together."""
    wanted.place = wanted.upload = None
    try:
        if "://" in wanted.source:
            wanted.place = parse_upload_path(wanted.source)
        if wanted.s3_path is not None:
            wanted.upload = parse_upload_path(wanted.s3_path)
    except RecordUnusable as error:
        parser.error(f"{one_line(error.what)}; {error.to_do}")
    try:
        RawFile("ID", wanted.project, None, None, {}).project_folder()
    except RecordUnusable as error:
        what = one_line(error.what.removeprefix("raw file ID "))
        parser.error(f"--project: {what}; give the name of a folder below locations.output, such as PRID001")
    if wanted.each and wanted.id:
        parser.error("--id names one raw file; leave it out with --each")
    if wanted.place and wanted.upload:
        parser.error("--s3-path is for a folder; SOURCE says already where the objects are")


def configured(wanted: argparse.Namespace) -> Configuration:
    """The configuration, with the connections that the command line names. Raises ConfigurationError."""
    configuration = load()
    named = {"catalogue": wanted.connection, "connection": getattr(wanted, "aws_connection", None)}
    s3 = configuration.s3.model_copy(update={key: name for key, name in named.items() if name})
    return configuration.model_copy(update={"s3": s3})


def s3_of(configuration: Configuration, endpoint_url: str) -> S3Access:
    """S3 as the DAG reaches it, or another server. Raises DownloadError, Refusal."""
    refuse_switched_off(configuration)
    s3, stall = configuration.s3, configuration.transfer.stall_seconds
    return aws_access(s3.connection, s3.region, stall, endpoint_url)


def run_add(wanted: argparse.Namespace, configuration: Configuration) -> int:
    """Finds, looks, compares, writes. The exit code."""
    with _writable(configuration, dry_run=wanted.dry_run) as records:
        found = find(wanted, configuration)
        for name, why in found.left_out[:MOST_LEFT_OUT]:
            print(f"left out    {one_line(name)}: {why}", file=sys.stderr)
        if len(found.left_out) > MOST_LEFT_OUT:
            print(f"left out    {len(found.left_out) - MOST_LEFT_OUT:,} more", file=sys.stderr)
        adding = Adding(records, wanted.replace, wanted.dry_run)
        with found.raw_files(wanted.project) as raw_files:
            for raw_file in raw_files:
                print(adding.take(raw_file), flush=True)
    if wanted.dry_run:
        print("A dry run: nothing was written.")
    elif adding.added and found.s3_upload_path:
        conf = {"raw_file_id": adding.added[0]} if len(adding.added) == 1 else {"project_id": wanted.project}
        print(f"Restore with: airflow dags trigger s3_downloader --conf {shlex.quote(json.dumps(conf))}")
    elif adding.added:
        print("No restore is possible before the S3 path is known: add it again with --s3-path and --replace.")
    return 1 if adding.held_back else 0


def find(wanted: argparse.Namespace, configuration: Configuration) -> Found:
    """What SOURCE holds. Raises DownloadError, Refusal, OSError."""
    if wanted.place is not None:
        access = s3_of(configuration, wanted.endpoint_url)
        return find_in_bucket(access, wanted.place, wanted.id, RetryPolicy(), each=wanted.each)
    upload: UploadPath | None = wanted.upload
    text = None if upload is None else f"s3://{upload.bucket}/{upload.key('')}"
    return find_in_folder(Path(wanted.source), wanted.id, text, each=wanted.each)


@contextmanager
def _writable(configuration: Configuration, *, dry_run: bool) -> Iterator[Records | None]:
    """The catalogue; None for a dry run where there is none. Raises CatalogueError."""
    address = catalogue_address(configuration)
    if dry_run and is_sql(address) and not exists(address):
        yield None
        return
    with closing(open_records(address, make=not dry_run)) as records:
        yield records


def run_show(wanted: argparse.Namespace, configuration: Configuration) -> int:
    """Prints one record. The exit code."""
    with closing(open_catalogue(catalogue_address(configuration))) as records:
        raw_file = find_raw_file(records, wanted.id)
    print(as_json(raw_file) if wanted.json else "\n".join(lines_of(raw_file)), flush=True)
    return 0


def run_check(wanted: argparse.Namespace, configuration: Configuration) -> int:
    """Prints a line for each record, and the totals. The exit code."""
    totals: Counter[State] = Counter()
    with closing(open_catalogue(catalogue_address(configuration))) as records:
        access = None if wanted.records_only else s3_of(configuration, wanted.endpoint_url)
        checking = Checking(records, configuration, access)
        for raw_file_id in wanted.ids or each_id(records, wanted.project):
            state, sentence = checking.look(raw_file_id)
            totals[state] += 1
            print(f"{state:<15} {one_line(raw_file_id)}: {sentence}", flush=True)
    if not totals:  # a typing error must not read as if all were well
        of_it = f" of project {one_line(wanted.project)}; check the project's id" if wanted.project else ""
        raise Refusal(f"the catalogue has no raw file{of_it}")
    wrong = totals[State.WRONG]
    print(f"{totals.total():,} checked: {totals.total() - wrong:,} restorable, {wrong:,} not")
    return 1 if wrong else 0


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # what is wrong is told by the program's own lines
    sys.exit(main())
