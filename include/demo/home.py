"""The one folder that the demo writes to, and the environment that keeps its programs in there."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..processes import ProgramError

__all__ = ["PROJECT", "Home", "make_folder"]

PROJECT = Path(__file__).resolve().parents[2]

_NOT_OURS = ("AIRFLOW", "AWS_", "DOWNLOADER_", "MINIO_", "OTEL_", "PYTHON")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Home:
    """`.demo`, or another folder: Airflow's home, the logs, the catalogue, and the downloaded files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.airflow = folder / "airflow"
        self.logs = folder / "logs"
        self.output = folder / "output"
        self.fhir = folder / "fhir"
        self.catalogue = folder / "catalogue.db"
        self._prepared = self.airflow / "prepared"

    def make(self) -> None:
        """Makes the folders. Raises ProgramError."""
        for folder in (self.airflow, self.logs, self.output, self.fhir):
            make_folder(folder, "set DEMO_HOME to a folder of yours")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps a second demo out of this folder. Raises ProgramError where one is in it."""
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                advice = "Stop it (Ctrl-C), or give this one a folder of its own: DEMO_HOME=/another/folder"
                raise ProgramError(f"Another demo is running in {self.folder}. {advice}") from None
            yield

    def is_prepared(self) -> bool:
        """Whether the database was made by this very set-up."""
        return self._prepared.is_file() and self._prepared.read_text() == _set_up()

    def note_prepared(self) -> None:
        """Records that the database is made."""
        self._prepared.write_text(_set_up())

    def secret(self, name: str) -> str:
        """A secret that the first demo generates and this folder keeps."""
        file = self.airflow / f"{name}.secret"
        if not file.is_file():
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
                opened.write(secrets.token_hex(32))
        return file.read_text()

    def write_settings(self, name: str, values: Mapping[str, Any]) -> Path:
        """Writes the `DOWNLOADER_CONFIG` of a demo as JSON, which is YAML too."""
        file = self.folder / f"{name}.yaml"
        # A dollar would stand for a variable.
        file.write_text(json.dumps(values, indent=2).replace("$", "$$"), encoding="utf-8")
        return file

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """What the demo's programs see: `extra`, and nothing of this user's own Airflow, AWS account or proxies."""
        kept = {key: value for key, value in os.environ.items() if not _is_disturbing(key)}
        return kept | {
            "AIRFLOW_HOME": str(self.airflow),
            "HOME": str(self.folder),
            "NO_PROXY": "*",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **extra,
        }


def make_folder(folder: Path, advice: str) -> None:
    """Makes a folder that may be there already. Raises ProgramError, with the advice."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProgramError(f"{folder} cannot be made ({error.strerror}); {advice}") from error


def _is_disturbing(variable: str) -> bool:
    return variable.startswith(_NOT_OURS) or variable.lower() in _PROXIES


def _set_up() -> str:
    """Stands for the version of Airflow and the pools."""
    files = (PROJECT / "include" / "constraints.txt", PROJECT / "include" / "pools.json")
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
