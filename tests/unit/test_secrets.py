"""No secret of the tests is shown, and that is watched over: see `support.secret_guard`."""

from __future__ import annotations

import dataclasses
import importlib
import os
import pkgutil
import re
import subprocess
import sys
import uuid
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import downloader
import downloader_tasks
from downloader.catalogue import CatalogueAddress
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.sources.drive import DriveAccess
from downloader.sources.drive.key import DriveKey
from downloader.sources.drive.pages import Link, WayOn
from downloader.sources.http.request import HttpRequest
from downloader.sources.slooh.client import Account
from include.stand_ins.secrets import secret
from support.minio import minio_at
from support.secret_literals import secret_literals
from support.secret_search import bears_secret, shown_in, told_of

ROOT = Path(__file__).parents[2]
SECRET = secret("sample", "+/= ä'\"")
HIDDEN = "<a secret>"

# --- what a secret looks like -----------------------------------------------------------------------------------------

DISGUISES = {
    "as it is": SECRET,
    "its first half": SECRET[: len(SECRET) // 2],
    "its second half": SECRET[len(SECRET) // 2 :],
    "quoted for an address": quote(SECRET, safe=""),
    "as JSON": ascii(SECRET),
    "as a header of basic authentication": b64encode(f"me:{SECRET}".encode()).decode(),
    "base64, one byte further": b64encode(f"you:{SECRET}".encode()).decode(),
    "base64, two bytes further": b64encode(f"them:{SECRET}".encode()).decode(),
    "in hexadecimal digits": SECRET.encode().hex(),
    "as the signature of a request": f"X-Amz-Signature={'0a' * 32}",
    "as the signature in a header": f"Credential=AKIA/1/s3, Signature={'0a' * 32}",
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_secret_is_known_in_every_disguise(disguise: str) -> None:
    assert bears_secret(f"before {DISGUISES[disguise]} behind")
    assert HIDDEN in shown_in(f"before {DISGUISES[disguise]} behind")
    assert not bears_secret(shown_in(f"before {DISGUISES[disguise]} behind"))


@pytest.mark.parametrize(
    "text", ["never to be shown", "md5:0cc175b9c0f1b6a831c399e269772661", "Signature=", "sha256 " + "0a" * 32, ""]
)
def test_what_is_none_is_not_taken_for_one(text: str) -> None:
    assert not bears_secret(text)
    assert shown_in(text) == ""


def test_secrets_of_others_are_sought_once_they_are_told_of() -> None:
    made = f"made-by-a-program-{uuid.uuid4()}"
    assert not bears_secret(f"x {made} y")
    told_of(made)
    assert shown_in(f"x {made} y") == f"x {HIDDEN} y"
    with pytest.raises(ValueError, match="found by chance"):
        told_of("short")


# --- the guard itself -------------------------------------------------------------------------------------------------

LEAKS = """
import json, logging, os, shutil, sqlite3, subprocess, sys, tempfile, traceback
from contextlib import closing, suppress
from pathlib import Path

import pytest

from downloader.errors import NetworkError
from include.stand_ins.secrets import secret

SECRET = secret("leak")
log = logging.getLogger("downloader.leaking")


@pytest.fixture(scope="session")
def airflow_database():
    with closing(sqlite3.connect(Path(os.environ["AIRFLOW_HOME"], "airflow.db"))) as database, database:
        database.execute("CREATE TABLE xcom (run_id, task_id, key, value)")
        database.execute("CREATE TABLE connection (conn_id, password)")
        database.execute("INSERT INTO connection VALUES ('a', ?)", (SECRET,))


def test_clean(airflow_database, tmp_path, caplog):
    log.debug("nothing")
    (tmp_path / "config.yaml").write_text(SECRET)
    (tmp_path / "_download_status_a.txt").write_text("OK")

def test_debug(): log.debug("the password is %s", SECRET)

def test_extra(): log.warning("failed", extra={"address": SECRET})

def test_logged_cause():
    try:
        try:
            raise ValueError(SECRET)
        except ValueError:
            raise KeyError("nothing in it")
    except KeyError:
        logging.getLogger("another").exception("failed")

def test_printed(): print(SECRET)

def test_printed_and_taken(capsys):
    print(SECRET)
    assert capsys.readouterr().out

def test_program(): subprocess.run([sys.executable, "-c", f"print({SECRET!r})"], capture_output=True)

def test_unseen():
    with suppress(NetworkError):
        raise NetworkError(f"{SECRET} was refused")

def test_cause_unseen():
    with suppress(NetworkError):
        raise NetworkError("it broke") from ValueError(SECRET)

def test_hidden_cause_unseen():
    with suppress(NetworkError):
        try:
            raise ValueError(SECRET)
        except ValueError:
            raise NetworkError("it broke") from None

class Shown(Exception):
    def __str__(self): return SECRET

def test_text_of_cause_unseen():
    with suppress(NetworkError):
        raise NetworkError("it broke") from Shown()

def test_group_unseen():
    with suppress(NetworkError):
        raise NetworkError("it broke") from ExceptionGroup("several", [Shown()])

def noted(error):
    error.add_note(SECRET)
    return error

def test_note_unseen():
    with suppress(NetworkError):
        raise noted(NetworkError("it broke"))

def addressed(error):
    error.url = f"https://host/?Signature={SECRET}"
    return error

def test_attribute_unseen():
    with suppress(NetworkError):
        raise addressed(NetworkError("it broke"))

def test_in_a_circle():
    try:
        raise NetworkError(SECRET)
    except NetworkError as error:
        kept = error

def test_raised():
    with pytest.raises(OSError):
        raise OSError(SECRET)

def test_report(tmp_path): (tmp_path / "_download_status_b.txt").write_text(f"a: FAILURE - {SECRET}")

def test_task_log(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "attempt=1").write_text(SECRET)

def test_name(tmp_path): (tmp_path / f"{SECRET}.part").touch()

def test_deleted():
    folder = tempfile.mkdtemp()
    Path(folder, "worker.log").write_text(SECRET)
    shutil.rmtree(folder)

def test_xcom(airflow_database):
    with closing(sqlite3.connect(Path(os.environ["AIRFLOW_HOME"], "airflow.db"))) as database, database:
        database.execute("INSERT INTO xcom VALUES ('run', 'validate', 'plan', ?)", (json.dumps([SECRET]),))

def test_clean_again(airflow_database, tmp_path): pass

def test_nobodys(tmp_path_factory): (tmp_path_factory.mktemp("server") / "server.log").write_text(SECRET)
"""

COMPLAINTS = {
    "debug": r"log of downloader\.leaking \(.*test_leaks\.py:\d+\): 'the password is <a secret>'",
    "extra": r"log of downloader\.leaking",
    "logged_cause": r"log of another .*<a secret>",
    "printed": r"Captured stdout call: '<a secret>",
    "printed_and_taken": r"captured stdout: '<a secret>",
    "program": r"stdout of .*python.*: '<a secret>",
    "unseen": r"NetworkError raised at .*test_leaks\.py:\d+: .*<a secret> was refused",
    "cause_unseen": r"NetworkError raised at .*ValueError: <a secret>",
    "text_of_cause_unseen": r"NetworkError raised at .*Shown: <a secret>",
    "group_unseen": r"NetworkError raised at .*<a secret>",
    "hidden_cause_unseen": r"NetworkError raised at .*<a secret>",
    "note_unseen": r"NetworkError raised at .*<a secret>",
    "attribute_unseen": r"NetworkError raised at .*Signature=<a secret>",
    "raised": r"OSError raised at .*test_leaks\.py:\d+: \"OSError: <a secret>",
    "report": r"test_report0/_download_status_b\.txt: 'a: FAILURE - <a secret>'",
    "task_log": r"logs/attempt=1: '<a secret>'",
    "name": r"a name in .*test_name0: '<a secret>\.part'",
    "deleted": r"worker\.log: '<a secret>'",
    "xcom": r"Airflow's table xcom \(run_id=run task_id=validate key=plan\): .*<a secret>",
}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest says of `LEAKS`."""
    folder = tmp_path_factory.mktemp("leaks")
    (folder / "test_leaks.py").write_text(LEAKS)
    done = _pytest(folder, "test_leaks.py")
    # Past the guard of these tests, which would find them all once more.
    subprocess.run(["rm", "-r", str(folder / "tmp")], check=True)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def _pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in (".", "plugins", "tests")),
        "AIRFLOW_HOME": str(folder),
    }
    command = [sys.executable, "-m", "pytest", "-p", "support.secret_guard", "-p", "no:cacheprovider", "--basetemp=tmp"]
    return subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("leak", COMPLAINTS)
def test_each_leak_is_found_where_it_is(complaints: str, leak: str) -> None:
    _, _, printed = complaints.partition(f"ERROR at teardown of test_{leak} _")
    assert re.search(COMPLAINTS[leak], printed.partition("\n_____")[0]), complaints


def test_what_leaks_nothing_is_left_alone_and_no_secret_is_repeated(complaints: str) -> None:
    assert f"{len(COMPLAINTS) + 4} passed, {len(COMPLAINTS)} errors" in complaints
    late = complaints.partition("no test is known to have done it")[2]
    assert re.search(r"server0/server\.log: '<a secret>'", late)
    assert re.search(r"NetworkError raised at .*test_leaks\.py:\d+: .*<a secret>", late)
    assert not bears_secret(complaints)


def test_a_name_of_a_test_that_shows_a_secret_needs_an_id(tmp_path: Path) -> None:
    (tmp_path / "test_name.py").write_text(
        "import pytest\nfrom include.stand_ins.secrets import secret\n\n"
        "@pytest.mark.parametrize('case', [secret('case')])\ndef test(case): pass\n"
    )
    done = _pytest(tmp_path, "test_name.py")
    assert done.returncode == 4
    assert "give the case an id: test_name.py::test[<a secret>]" in done.stderr


# --- every secret comes from one place --------------------------------------------------------------------------------

WRITTEN_OUT = {
    "an entry": 'connection = {"conn_type": "aws", "password": "hunter2"}',
    "an argument": 'connect(password="hunter2")',
    "a default": 'def connect(*, api_key="hunter2"): ...',
    "a field": 'class Server:\n    secret: str = "hunter2"',
    "a constant": 'SESSION_TOKEN = "hunter2"',
    "a header": 'script(Set_Cookie="a=hunter2; Path=/")',
    "a variable": 'patch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")',
    "a place in the environment": 'environ["GOOGLE_API_KEY"] = "hunter2"',
    "a signed query": 'get("https://host/a.png?Expires=1&Signature=hunter2")',
    "a login in an address": 'get("https://me:hunter2@host/")',
    "JSON": """send('{"password": "hunter2"}')""",
    "a part of a text": 'send(f"{url}?token=hunter2")',
}


@pytest.mark.parametrize("how", WRITTEN_OUT)
def test_a_secret_that_is_written_out_is_noticed(how: str) -> None:
    assert secret_literals(WRITTEN_OUT[how]) != []


def test_one_that_is_made_is_not() -> None:
    program = (
        'connect(password=secret("a"), token=f"{TOKEN}", secret="")\n'
        'url = f"https://me:{PASSWORD}@host/?Signature={SECRET}"\n'
        'def ask(password: str | None = None, nextPageToken="2"): ...\n'
    )
    assert secret_literals(program) == []


def programs() -> Iterator[Path]:
    yield from (ROOT / "tests").rglob("*.py")
    for folder in ("chaos", "stand_ins"):
        yield from (ROOT / "include" / folder).rglob("*.py")


def test_no_test_writes_a_secret_out() -> None:
    """Those of these very tests are none; `include.stand_ins.secrets.secret` makes all others."""
    found = {file: secret_literals(file.read_text()) for file in programs() if file != Path(__file__)}
    assert {str(file.relative_to(ROOT)): lines for file, lines in found.items() if lines} == {}


# --- values that carry secrets ----------------------------------------------------------------------------------------

CARRIERS: dict[str, object] = {
    "the catalogue's address": CatalogueAddress("postgres", password=SECRET, options={"sslpassword": SECRET}),
    "MinIO's server": minio_at("http://127.0.0.1:9", secret=SECRET),
    "access to Drive": DriveAccess(key=SECRET),
    "an account at Slooh": Account("https://app.slooh.com", "me", SECRET),
    "a request": HttpRequest(f"https://host/?sig={SECRET}", "a.png", {"k": SECRET}, private={"Cookie": SECRET}),
    "a posted login": HttpRequest("https://host/", "a.png", method="POST", json={"passwd": SECRET}),
    "a posted form": HttpRequest("https://host/", "a.png", method="POST", form={"passwd": SECRET}),
    "a way on": WayOn(f"/download?confirm={SECRET}", fields={"uuid": SECRET}),
    "a link of a page": Link(f"/open?id=1abc&resourcekey={SECRET}", "fan.dat"),
    "a shared file": RemoteFile(safe_path("a"), 1, str(DriveKey("1abc", resource_key=SECRET))),
    "the key of a shared file": DriveKey("1abc", resource_key=SECRET),
}


@pytest.mark.parametrize("what", CARRIERS)
def test_no_repr_shows_a_secret(what: str) -> None:
    assert not bears_secret(repr(CARRIERS[what]))


OPENS = re.compile(r"(^|_)(password|secret|token|cookies?|private|json|options|addresses|resource_key)$")
"""Fields by these names may hold what opens something, or addresses that are signed."""
SHOWN_ON_PURPOSE = {
    "Hosts.addresses",  # those of the configuration
    "Held.is_private",  # a part file's
    "HeldBy.token",  # what part files are called by
    "RestoreOperator.doc_json",  # Airflow's, of every task
}


def modules() -> Iterator[Any]:
    for package in (downloader, downloader_tasks):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)


def test_no_field_that_may_hold_a_secret_is_in_a_repr() -> None:
    shown = {
        f"{kind.__name__}.{field.name}"
        for module in modules()
        for kind in vars(module).values()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__
        for field in dataclasses.fields(kind)
        if field.repr and OPENS.search(field.name) and field.type != "TransferOptions"  # threads, retries, policies
    }
    assert shown - SHOWN_ON_PURPOSE == set()
