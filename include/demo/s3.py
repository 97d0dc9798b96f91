"""The demo of `s3_downloader`: raw files, their backup, and the catalogue that records them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from . import s3_server
from .home import Home
from .raw_files import RAW_FILES, SMALL, DemoRawFile, set_out
from .s3_server import S3Server
from .screen import say
from .showing import Act, Demo

__all__ = ["opened"]


@contextmanager
def opened(home: Home, *, small: bool = False) -> Iterator[Demo]:
    """The demo (see `showing.Opening`)."""
    with s3_server.running(home, "S3 server") as server:
        yield _demo(home, server, (SMALL,) if small else RAW_FILES)


def _demo(home: Home, server: S3Server, raw_files: Sequence[DemoRawFile]) -> Demo:
    def fill() -> None:
        say("Uploading backups, writing the catalogue ...")
        set_out(home, server, raw_files)

    return Demo(
        dag_id="s3_downloader",
        variables=_connections(home, server),
        settings={"locations": {"output": str(home.output)}},
        set_out=fill,
        acts=[_act(home, raw_file) for raw_file in raw_files],
        form=_form(),
        places={"Files and reports": home.output, "Catalogue": home.catalogue},
        again="Run it again: correct files are skipped; the damaged and the half file are prepared again.\n"
        "See it in the browser: bash include/demo.sh --ui",
    )


def _connections(home: Home, server: S3Server) -> dict[str, str]:
    return {
        "AIRFLOW_CONN_AWS_DEFAULT": server.connection(),
        "AIRFLOW_CONN_RAW_FILES": json.dumps({"conn_type": "sqlite", "host": str(home.catalogue)}),
    }


def _act(home: Home, raw_file: DemoRawFile) -> Act:
    folder = home.output / raw_file.project
    shows = "bytes which do not match the catalogue are never kept" if raw_file.is_meant_to_fail else ""
    return Act(
        raw_file.story,
        {"raw_file_id": raw_file.id},
        folder,
        raw_file.id,
        shows,
        brings=[folder / path for path in raw_file.sizes],
    )


def _form() -> str:
    width = max(len(raw_file.id) for raw_file in RAW_FILES)
    choices = "\n".join(f"       {raw_file.id:{width}}  {raw_file.story}" for raw_file in RAW_FILES)
    return f"Fill in one of these as the raw file's id:\n\n{choices}\n"
