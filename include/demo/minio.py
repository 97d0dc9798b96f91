"""The demo of `minio_downloader`: FHIR exports on the demo's own server, or on a MinIO server of the user's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from . import minio_settings, s3_server
from .fhir_exports import BROKEN, EXPORTS, SMALL, Export
from .home import PROJECT, Home, make_folder
from .local_copies import lay_out
from .minio_settings import BUCKET
from .s3_server import KEYS, S3Server
from .schedule import Schedule
from .screen import say
from .showing import Act, Demo, nothing

__all__ = ["opened"]

_DAG: Final = "minio_downloader"
_CONF: Final[Mapping[str, Any]] = {"organize": True, "check_ndjson": True}
_SEEN: Final = "See it in the browser: bash include/demo.sh minio --ui"
_FORM: Final = """All fields may stay as they are. Worth a try:

       A folder for each resource type   instead of one folder for all
       Check the content                 counts the resources, and finds what is broken
       Only these resource types         Patient, Observation
"""
_PATIENCE: Final = 8 * 3600.0
"""A bucket of the user may be of any size; a task may take no longer than this."""


@contextmanager
def opened(home: Home, *, small: bool = False) -> Iterator[Demo]:
    """The demo (see `showing.Opening`). What is measured is the demo's own server in any case."""
    settings = {} if small else minio_settings.given()
    if settings:
        yield _with_theirs(home, settings)
        return
    with s3_server.running(home, "server of FHIR exports") as server:
        yield _with_ours(home, server, [SMALL] if small else EXPORTS)


def _with_ours(home: Home, server: S3Server, exports: Sequence[Export]) -> Demo:
    login, password = KEYS
    settings = {"MINIO_ENDPOINT": server.address, "MINIO_ACCESS_KEY": login, "MINIO_SECRET_KEY": password}
    return Demo(
        dag_id=_DAG,
        variables=minio_settings.variables(settings),
        settings=minio_settings.configuration(settings, home.fhir),
        set_out=partial(_fill, home.fhir, server, exports),
        acts=_acts(home.fhir, server) if BROKEN in exports else [_small(home.fhir)],
        form=_FORM,
        places={"Files and reports": home.fhir},
        again=f"Run it again: correct files are skipped; the damaged and the half file are prepared again.\n{_SEEN}",
        schedule=Schedule("every_minute", _DAG, {"organize": True}) if BROKEN in exports else None,
    )


def _fill(folder: Path, server: S3Server, exports: Sequence[Export]) -> None:
    say("Uploading FHIR exports ...")
    server.make_bucket(BUCKET)
    server.upload_all(BUCKET, {export.key: export.content_there() for export in exports})
    for export in exports:
        if export.here:
            lay_out(folder / export.organized_path, export.content(), export.here)
    # An earlier demo has downloaded it.
    (folder / BROKEN.organized_path).unlink(missing_ok=True)


def _acts(folder: Path, server: S3Server) -> list[Act]:
    def write_anew() -> None:
        say(f"Uploading {BROKEN.key} again, complete this time ...")
        server.upload(BUCKET, BROKEN.key, BROKEN.content())

    return [
        Act(
            f"{len(EXPORTS)} exports, one truncated by its exporter; 2 others are complete, 1 damaged, 1 half there",
            _CONF,
            folder,
            BUCKET,
            "an export with a broken line is reported with the line, and never gets its final name",
        ),
        Act(
            "The exporter has written that file again: only it is downloaded",
            _CONF,
            folder,
            BUCKET,
            before=write_anew,
        ),
    ]


def _small(folder: Path) -> Act:
    return Act("One small export", {}, folder, BUCKET, brings=[folder / SMALL.key])


def _with_theirs(home: Home, settings: Mapping[str, str]) -> Demo:
    endpoint, bucket = settings["MINIO_ENDPOINT"], settings.get("MINIO_BUCKET_NAME", BUCKET)
    folder = PROJECT / Path(settings.get("DOWNLOAD_DIR", home.fhir)).expanduser()
    variables = minio_settings.variables(settings)
    say(f"MINIO_ENDPOINT is {endpoint}. For the demo's own server: MINIO_ENDPOINT= bash include/demo.sh minio")
    make_folder(folder, "set DOWNLOAD_DIR to a folder of yours")
    return Demo(
        dag_id=_DAG,
        variables=variables,
        settings=minio_settings.configuration(settings, folder),
        set_out=nothing,
        acts=[Act(f"The FHIR exports in {bucket}", _CONF, folder, bucket, patience=_PATIENCE)],
        form=_FORM,
        places={"Files and reports": folder},
        again=f"Run it again: correct files are skipped.\n{_SEEN}",
        servers="Airflow",
    )
