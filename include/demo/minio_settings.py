"""A MinIO server of the user's own, as the environment or the file .env at the top level names it.

    MINIO_ENDPOINT      host:port, or an address; if missing or empty, the demo starts a server of its own
    MINIO_ACCESS_KEY    with MINIO_SECRET_KEY: who reads there
    MINIO_BUCKET_NAME   the bucket (fhir-data)
    MINIO_SECURE        true for https
    DOWNLOAD_DIR        the folder that files are downloaded to (the demo's own)

The environment takes precedence over .env, even with an empty value.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from ..compose.settings import Mistake, connections
from ..processes import ProgramError
from .home import PROJECT

__all__ = ["BUCKET", "configuration", "given", "variables"]

BUCKET: Final = "fhir-data"
_NAMES: Final = (
    "MINIO_ENDPOINT",
    "MINIO_ACCESS_KEY",
    "MINIO_SECRET_KEY",
    "MINIO_BUCKET_NAME",
    "MINIO_SECURE",
    "DOWNLOAD_DIR",
)
_OF_COMPOSE: Final = "s3-server:9000"
"""The server of docker-compose.yaml, under a name that only its own network knows."""


def given(environ: Mapping[str, str] = os.environ, file: Path = PROJECT / ".env") -> dict[str, str]:
    """The settings above that are given and not empty; none at all where no MINIO_ENDPOINT is. Raises ProgramError."""
    found = {**_read(file), **environ}
    if found.get("MINIO_ENDPOINT", "").strip() in ("", _OF_COMPOSE):
        return {}
    return {name: found[name] for name in _NAMES if found.get(name)}


def variables(settings: Mapping[str, str]) -> dict[str, str]:
    """The connection for Airflow. Raises ProgramError where a setting is invalid."""
    try:
        connection = connections({name: settings[name] for name in _NAMES if name in settings})["minio_default"]
    except KeyError:
        raise ProgramError("MINIO_ENDPOINT is set; set MINIO_ACCESS_KEY and MINIO_SECRET_KEY as well") from None
    except Mistake as mistake:
        raise ProgramError(str(mistake)) from None
    return {"AIRFLOW_CONN_MINIO_DEFAULT": json.dumps(connection)}


def configuration(settings: Mapping[str, str], folder: Path) -> dict[str, dict[str, str]]:
    """The folder and the bucket, as the configuration has them."""
    bucket = settings.get("MINIO_BUCKET_NAME", BUCKET)
    return {"locations": {"minio": str(folder)}, "minio": {"bucket": bucket}}


def _read(file: Path) -> dict[str, str]:
    """The lines ``NAME=value`` of a file, which may be missing. Other lines are ignored. Raises ProgramError."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeError) as error:
        raise ProgramError(f"{file} cannot be read ({type(error).__name__}); make it readable, or remove it") from None
    found = dotenv_values(stream=StringIO(text), interpolate=False)  # a dollar in a password is a dollar
    return {name: value for name, value in found.items() if value is not None}
