"""What a run is, in a few words, as the note that Airflow's pages show with it: ``restore 20250115_sample``.

No task can write a note, since the API that tasks have offers none. The scheduler, which starts the run, can.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from airflow.listeners import hookimpl

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

__all__ = ["RunNotes", "name_of", "note_of"]

_LONGEST: Final = 200
"""Characters of a name. Airflow's database has room for 1,000 in a note, and fails on more."""
_MARKDOWN: Final = re.compile(r"[\\`*\[\]<>~&|]|(?<![^\W_])_|_(?![^\W_])")
"""What may mean something in Markdown. An underscore within a word does not."""
_FEW: Final = 5
"""Things that are named one by one."""


def name_of(dag_id: str, conf: Mapping[str, Any]) -> str:
    """What a run of the DAG with these parameters is; "" for other DAGs. On one line, whatever was given."""
    words = _NAMES.get(dag_id)
    if words is None:
        return ""
    name = ("dry run: " if conf.get("dry_run") is True else "") + words(conf)
    # Halves of surrogate pairs and NUL, which JSON may hold, are not printable, and no database takes them.
    return "".join(letter if letter.isprintable() else " " for letter in name)[:_LONGEST].strip()


def note_of(name: str) -> str:
    """`name` as Markdown, which Airflow's pages show a note as: ``*.tdf, sample.d/*`` would lose its asterisks."""
    return _MARKDOWN.sub(r"\\\g<0>", name)


def _raw_files(conf: Mapping[str, Any]) -> str:
    ids = _several(conf.get("raw_file_id") or conf.get("raw_file_ids"))
    what = _few(ids) if len(ids) < 2 else f"{len(ids):,} raw files: {_few(ids)}"
    if conf.get("project_id"):
        what = f"project {conf['project_id']}"
    verb = "audit" if conf.get("audit") is True else "restore"
    return f"{verb} {what}{_only(conf.get('files'))}"


def _exports(conf: Mapping[str, Any]) -> str:
    places = [str(conf[key]) for key in ("bucket", "prefix") if conf.get(key)]
    of = f" of {' '.join(places)}" if places else ""
    verb = "audit" if conf.get("audit") is True else "download"
    return f"{verb} FHIR exports{of}{_only(conf.get('filter'))}"


def _data_sets(conf: Mapping[str, Any]) -> str:
    of = f" of {conf['manifest']}" if conf.get("manifest") else ""
    return f"download data sets{of}{_only(conf.get('datasets'))}"


def _pictures(conf: Mapping[str, Any]) -> str:
    select = conf.get("select") or "new"
    which = f"pictures of mission {conf.get('mission_id')}" if select == "mission" else f"{select} pictures"
    days = [f"{word} {conf[word]}" for word in ("since", "until") if conf.get(word)]
    lists = (_several(conf.get(key)) for key in ("telescopes", "objects", "file_types"))
    return f"download {which}{_only([*days, *map(_few, filter(None, lists))])}"


_NAMES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "s3_downloader": _raw_files,
    "minio_downloader": _exports,
    "drive_datasets": _data_sets,
    "slooh_images": _pictures,
}


def _several(value: object) -> list[str]:
    """A list of texts, or one text; anything else is refused later, by the task `validate`."""
    given = value if isinstance(value, list) else [value]
    return [str(one) for one in given if one]


def _few(names: list[str]) -> str:
    more = len(names) - _FEW
    return ", ".join(names[:_FEW]) + (f" and {more:,} more" if more > 0 else "")


def _only(values: object) -> str:
    """``: *.tdf, *.raw``; "" where nothing was chosen."""
    names = _several(values)
    return f": {_few(names)}" if names else ""


class RunNotes:
    """A listener of Airflow's scheduler: writes the note of each run that starts, unless it has one."""

    @hookimpl
    def on_dag_run_running(self, dag_run: DagRun, msg: str) -> None:
        """Called in the scheduler's own transaction, which must not fail for a note."""
        name = name_of(dag_run.dag_id, dag_run.conf or {})
        if not name:
            return
        from airflow.models.dagrun import DagRunNote
        from sqlalchemy import insert, select
        from sqlalchemy.exc import IntegrityError
        from sqlalchemy.orm import object_session

        session = object_session(dag_run)
        if session is None:
            return
        connection = session.connection()
        noted = select(DagRunNote.dag_run_id).where(DagRunNote.dag_run_id == dag_run.id)
        if connection.execute(noted).first() is not None:
            return
        # A savepoint of the connection: one of the session would be a commit, which the scheduler forbids here.
        with suppress(IntegrityError), connection.begin_nested():  # a person was faster
            connection.execute(insert(DagRunNote).values(dag_run_id=dag_run.id, content=note_of(name)))
