"""The note of a run, as Airflow's scheduler comes by it: in its own transaction, which it alone may end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from airflow.models.dagrun import DagRun, DagRunNote
from airflow.utils.session import create_session
from airflow.utils.sqlalchemy import prohibit_commit
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunType
from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Connection

from downloader_tasks.run_names import RunNotes


class Started:
    """A run that the scheduler starts, in a session of its own."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def run(self, dag_id: str, conf: dict[str, Any], note: str | None = None) -> DagRun:
        run = DagRun(dag_id, "a_run", run_type=DagRunType.MANUAL, conf=conf, state=DagRunState.RUNNING)
        if note is not None:
            run.note = note
        self.session.add(run)
        self.session.commit()
        return run

    def notes(self) -> list[str | None]:
        return list(self.session.scalars(select(DagRunNote.content)))


@pytest.fixture
def started(airflow_database: None) -> Iterator[Started]:
    with create_session() as session:
        yield Started(session)
        session.rollback()
        for table in (DagRunNote, DagRun):
            session.execute(delete(table))


def scheduling(started: Started) -> Any:
    """Within it the scheduler alone may commit."""
    return prohibit_commit(started.session)  # type: ignore[no-untyped-call]


def begin(started: Started, run: DagRun) -> None:
    """As the scheduler does."""
    with scheduling(started) as guard:
        run.notify_dagrun_state_changed(msg="started")
        guard.commit()


def test_a_run_that_starts_gets_its_note(started: Started) -> None:
    run = started.run("s3_downloader", {"raw_file_id": "20250115_sample"})
    begin(started, run)
    assert started.notes() == ["restore 20250115_sample"]
    begin(started, run)
    assert started.notes() == ["restore 20250115_sample"], "cleared, it starts again"


@pytest.mark.parametrize("note", ["for Anna", ""])
def test_the_note_of_a_person_stays(started: Started, note: str) -> None:
    begin(started, started.run("s3_downloader", {"raw_file_id": "20250115_sample"}, note))
    assert started.notes() == [note]


def test_a_run_of_another_dag_gets_none(started: Started) -> None:
    begin(started, started.run("of_somebody_else", {"raw_file_id": "20250115_sample"}))
    assert started.notes() == []


def test_a_person_who_is_faster_does_not_disturb_the_scheduler(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started.run("minio_downloader", {})
    plain = Connection.begin_nested

    def late(connection: Connection) -> Any:
        connection.execute(insert(DagRunNote).values(dag_run_id=run.id, content="for Anna"))
        return plain(connection)

    monkeypatch.setattr(Connection, "begin_nested", late)
    run.state = DagRunState.SUCCESS
    with scheduling(started) as guard:
        RunNotes().on_dag_run_running(run, "started")
        guard.commit()
    assert started.notes() == ["for Anna"]
    assert started.session.scalar(select(DagRun.state)) == "success", "the scheduler's own work is kept"
