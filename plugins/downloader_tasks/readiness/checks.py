"""What each DAG needs besides its pool, looked at from this machine.

A folder or a file that is not there may be there for the workers: `State.UNSEEN` is no failure. What is wrong from
wherever it is read, such as a connection without a password, is a `State.PROBLEM`. No text holds a secret: they are the
sentences of `validate`, which stand in its logs.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from downloader.catalogue import CatalogueError
from downloader.datasets import ManifestError, read_manifest
from downloader.errors import DownloadError
from downloader.report import visible

from ..drive import api_key, empty_manifest, manifest_file
from ..failures import NotSetUp, Refusal, SetupError
from ..minio import minio_endpoint
from ..settings import (
    Configuration,
    ConfigurationError,
    LocationError,
    catalogue,
    find_connection,
    holds_aws_credentials,
    load,
    refuse_switched_off,
    s3_access,
    writable_location,
)
from ..slooh import account_of
from .lookout import Lookout

__all__ = ["CHECKS", "CheckResult", "State", "check_needs"]

_LITTLE: Final = 1_000_000_000
"""Bytes. With less free, a disk is as good as full."""
_API_SERVER: Final = "the machine of the API server"
_NO_ID: Final = "no raw file has this id"

log = logging.getLogger(__name__)


class State(StrEnum):
    """What is known of one thing that a DAG needs.

    LATE: nothing yet; a later look may tell. ABSENT: nobody has set it up, as where a lab has no use for the DAG.
    """

    READY = "ready"
    UNSEEN = "unseen"
    LATE = "late"
    ABSENT = "absent"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`sentence`: what is there, or what is wrong and what to do. `free`: bytes free, of a folder that is there."""

    state: State
    sentence: str
    free: int | None = None


Check = Callable[[Configuration], CheckResult]


def check_needs(
    dag_ids: Collection[str], lookout: Lookout[CheckResult], here: str = _API_SERVER
) -> dict[str, dict[str, CheckResult]]:
    """What is known of what each DAG needs, by the DAG and the name of the thing. `here`: from where it is seen."""
    try:
        configuration = load()
    except ConfigurationError as error:
        state = State.PROBLEM if error.file.exists() else State.UNSEEN
        return {dag_id: {"configuration": CheckResult(state, visible(str(error)))} for dag_id in dag_ids}
    wanted = {(dag_id, name): check for dag_id in dag_ids for name, check in CHECKS[dag_id].items()}
    questions: dict[Hashable, Callable[[], CheckResult]] = {
        key: partial(_found, check, configuration, here) for key, check in wanted.items()
    }
    answers = lookout.ask(questions)
    late = CheckResult(State.LATE, f"no answer yet on {here}; look again in a moment")
    return {dag_id: {name: answers[dag_id, name] or late for name in CHECKS[dag_id]} for dag_id in dag_ids}


def _found(check: Check, configuration: Configuration, here: str) -> CheckResult:
    """What `check` finds; its errors are results too."""
    try:
        result = check(configuration)
    except NotSetUp as error:
        result = CheckResult(State.ABSENT, str(error))
    except (SetupError, CatalogueError, DownloadError) as error:
        # The network, or a disk, may be another where the tasks run.
        seen_from_here = error.retryable or isinstance(error.__cause__, OSError)
        result = _unseen(str(error)) if seen_from_here else CheckResult(State.PROBLEM, str(error))
    except OSError as error:
        result = _unseen(f"it cannot be reached ({error.strerror})")
    except Exception:
        log.exception("What the DAGs need could not be looked at")
        result = _unseen("it could not be looked at; the log there says why")
    seen_from = f"seen from {here}: " if result.state is State.UNSEEN else ""
    return CheckResult(result.state, visible(seen_from + result.sentence), result.free)


def _unseen(sentence: str) -> CheckResult:
    return CheckResult(State.UNSEEN, sentence)


def _folder(configuration: Configuration, name: str) -> CheckResult:
    """The folder ``locations.<name>``."""
    path = getattr(configuration.locations, name)
    try:
        folder = writable_location(configuration, name)
    except LocationError as error:
        if path is None or os.path.exists(path):
            raise
        return _unseen(f"{error}; if it is there where the tasks run, all is well")
    free = shutil.disk_usage(folder).free
    if free < _LITTLE:
        return CheckResult(State.PROBLEM, f"the disk of {folder} is full; free room there", free)
    return CheckResult(State.READY, f"{folder} can be written to", free)


def _s3(configuration: Configuration) -> CheckResult:
    refuse_switched_off(configuration)
    found = _aws(configuration.s3.connection)
    if found is None:
        s3_access(configuration)
    return found or _filled_in(configuration.s3.connection)


def _minio(configuration: Configuration) -> CheckResult:
    connection_id = configuration.minio.connection
    connection = find_connection(connection_id)
    found = _aws(connection_id) if connection is not None and connection.conn_type == "aws" else None
    if found is None:
        minio_endpoint(configuration)
    return found or _filled_in(connection_id)


def _aws(connection_id: str) -> CheckResult | None:
    """What can be known of an AWS connection without asking for credentials; None if it holds them itself."""
    connection = find_connection(connection_id)
    if connection is None:
        return _unseen(
            f"there is no Airflow connection {connection_id}; make it (Admin, Connections; type Amazon Web Services), "
            "unless the workers have AWS credentials of their own (environment, profile, role)"
        )
    if bool(connection.login) != bool(connection.password):
        missing = "password" if connection.login else "login"
        raise Refusal(f"the connection {connection_id} has no {missing}; fill in both, or neither")
    if holds_aws_credentials(connection_id):
        return None
    return _unseen(
        f"the connection {connection_id} holds no keys, or a role or profile besides; where the tasks run, AWS is "
        "asked for credentials"
    )


def _filled_in(connection_id: str) -> CheckResult:
    return CheckResult(
        State.READY, f"the connection {connection_id} is filled in; a run tells whether the server agrees"
    )


def _catalogue(configuration: Configuration) -> CheckResult:
    connection_id = configuration.s3.catalogue
    try:
        with catalogue(configuration) as records:
            records.get(_NO_ID)
    except CatalogueError as error:
        if find_connection(connection_id) is None:
            raise NotSetUp(str(error)) from error
        raise
    return CheckResult(State.READY, f"the catalogue of the connection {connection_id} answers")


def _drive(configuration: Configuration) -> CheckResult:
    connection_id = configuration.drive.connection
    if api_key(connection_id):
        return CheckResult(
            State.READY, f"the connection {connection_id} holds an API key; a run tells whether it is valid"
        )
    return CheckResult(State.READY, "no connection is needed; public files are downloaded without an API key")


def _manifest(configuration: Configuration) -> CheckResult:
    try:
        file = manifest_file("", configuration)
    except Refusal as error:
        return _unseen(str(error))
    try:
        listed = len(read_manifest(file).datasets)
    except ManifestError as error:
        return CheckResult(State.PROBLEM, str(error))
    if not listed:
        raise empty_manifest(file)
    return CheckResult(State.READY, f"{file} lists {listed:,} data sets")


def _slooh(configuration: Configuration) -> CheckResult:
    account_of(configuration)
    return _filled_in(configuration.slooh.connection)


CHECKS: Final[Mapping[str, Mapping[str, Check]]] = {
    "s3_downloader": {"folder": partial(_folder, name="output"), "connection": _s3, "catalogue": _catalogue},
    "minio_downloader": {"folder": partial(_folder, name="minio"), "connection": _minio},
    "drive_datasets": {"folder": partial(_folder, name="datasets"), "connection": _drive, "manifest": _manifest},
    "slooh_images": {"folder": partial(_folder, name="slooh"), "connection": _slooh},
}
"""By the DAG and the name of what it needs."""
