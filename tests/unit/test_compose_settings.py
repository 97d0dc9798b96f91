"""What stands in .env becomes the connections and the password that Airflow takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from include.compose.settings import Mistake, connections, passwords
from include.stand_ins.secrets import secret
from support.compose import COMPOSE_FOLDER, filled, made_env, read, values_of

SECRET = secret("env")
ODD = secret("minio", "'\"\\$")
SEED = {
    "MINIO_ENDPOINT": "localhost:9000",
    "MINIO_ACCESS_KEY": "minioadmin",
    "MINIO_SECRET_KEY": ODD,
    "MINIO_SECURE": "false",
}


def test_the_seeds_settings_become_the_connection_to_minio() -> None:
    assert connections(SEED) == {
        "minio_default": {
            "conn_type": "generic",
            "host": "localhost",
            "port": 9000,
            "login": "minioadmin",
            "password": ODD,
            "extra": {"secure": False},
        }
    }


@pytest.mark.parametrize(
    ("endpoint", "secure", "expected"),
    [
        ("minio.example.org", "true", ("minio.example.org", None, True)),
        ("minio.example.org", "", ("minio.example.org", None, True)),
        ("https://minio.example.org:9443/", "", ("minio.example.org", 9443, True)),
        ("http://10.0.0.7:9000", "", ("10.0.0.7", 9000, False)),
        ("[::1]:9000", "No", ("::1", 9000, False)),
    ],
)
def test_an_endpoint_may_be_written_in_several_ways(
    endpoint: str, secure: str, expected: tuple[str, int | None, bool]
) -> None:
    found: Any = connections({**SEED, "MINIO_ENDPOINT": endpoint, "MINIO_SECURE": secure})["minio_default"]
    assert (found["host"], found["port"], found["extra"]["secure"]) == expected


@pytest.mark.parametrize("endpoint", ["", "localhost:port", "http://", "ftp://minio:9000", "a@minio:9000", "minio:9/b"])
def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(Mistake, match="MINIO_ENDPOINT is not the address of a server"):
        connections({**SEED, "MINIO_ENDPOINT": endpoint})


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"MINIO_ACCESS_KEY": SECRET}, "MINIO_ACCESS_KEY is set and MINIO_SECRET_KEY is empty"),
        ({"SLOOH_PASSWORD": SECRET}, "SLOOH_PASSWORD is set and SLOOH_LOGIN is empty"),
        ({**SEED, "MINIO_SECURE": SECRET}, "MINIO_SECURE is neither true nor false"),
        ({"AIRFLOW_CONN_AWS_DEFAULT": f"{{{SECRET}"}, "AIRFLOW_CONN_AWS_DEFAULT is not valid JSON"),
    ],
)
def test_a_mistake_is_named_without_what_it_holds(settings: dict[str, str], problem: str) -> None:
    with pytest.raises(Mistake, match=problem) as mistake:
        connections(settings)
    assert SECRET not in str(mistake.value)


def test_what_env_does_not_give_is_left_alone() -> None:
    assert connections(dict.fromkeys([*SEED, "AWS_ACCESS_KEY_ID", "CATALOGUE_PASSWORD", "SLOOH_LOGIN"], "")) == {}


def test_the_other_connections() -> None:
    found = connections(
        {
            "AWS_ACCESS_KEY_ID": "AKIATEST",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "eu-west-3",
            "AWS_ENDPOINT_URL": "http://s3-server:9000",
            "CATALOGUE_ADDRESS": "postgres:5432",
            "CATALOGUE_PASSWORD": SECRET,
            "GOOGLE_DRIVE_API_KEY": SECRET,
            "AIRFLOW_CONN_SLOOH_DEFAULT": f"generic://star:{SECRET}@",
        }
    )
    path_style = {"s3": {"addressing_style": "path"}}
    server = {"region_name": "eu-west-3", "endpoint_url": "http://s3-server:9000", "config_kwargs": path_style}
    reader = {"login": "downloader", "password": SECRET}
    assert found == {
        "aws_default": {"conn_type": "aws", "login": "AKIATEST", "password": SECRET, "extra": server},
        "raw_files": {"conn_type": "postgres", "host": "postgres", "port": 5432, "schema": "catalogue", **reader},
        "google_drive_default": {"conn_type": "generic", "password": SECRET},
        "slooh_default": f"generic://star:{SECRET}@",
    }


def test_a_connection_given_as_a_whole_goes_before() -> None:
    whole = {"conn_type": "aws", "extra": {"endpoint_url": "https://minio.example.org"}}
    assert connections({**SEED, "AIRFLOW_CONN_MINIO_DEFAULT": json.dumps(whole)}) == {"minio_default": whole}


def test_every_connection_that_the_configuration_names_can_be_given() -> None:
    from downloader_tasks.settings.configuration import Configuration

    settings = Configuration()
    sections = (settings.s3, settings.minio, settings.drive, settings.slooh)
    named = {section.connection for section in sections} | {settings.s3.catalogue}
    given = {f"AIRFLOW_CONN_{name.upper()}": f"generic://{name}" for name in named}
    assert given.keys() <= read()["services"]["init"]["environment"].keys()
    assert connections(given).keys() == named


def test_what_env_sh_makes_becomes_connections_that_airflow_takes(tmp_path: Path) -> None:
    from airflow.secrets.local_filesystem import _create_connection

    init = filled(read(), values_of(made_env(tmp_path).read_text()))["services"]["init"]
    found = connections(init["environment"])
    assert found.keys() == {"raw_files", "minio_default"}
    minio = _create_connection("minio_default", found["minio_default"])
    assert (minio.host, minio.port, minio.extra_dejson) == ("s3-server", 9000, {"secure": False})


def test_the_password_of_the_page() -> None:
    assert passwords({"AIRFLOW_ADMIN_PASSWORD": SECRET}) == {"admin": SECRET}
    with pytest.raises(Mistake, match="AIRFLOW_ADMIN_PASSWORD is empty"):
        passwords({})


def test_a_mistake_ends_the_script_in_one_sentence() -> None:
    script = [sys.executable, str(COMPOSE_FOLDER / "settings.py"), "connections"]
    done = subprocess.run(script, env={"SLOOH_LOGIN": "star"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == (
        "Mistake in .env: SLOOH_LOGIN is set and SLOOH_PASSWORD is empty; write both, or leave both empty"
    )
