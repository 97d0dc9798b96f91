"""The configuration: read with its defaults, and wrong in words that name file, line, key and remedy."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from downloader.transfer import TransferPolicy
from downloader_tasks.settings import configuration, service_options, transfer_options
from downloader_tasks.settings.configuration import (
    Configuration,
    ConfigurationError,
    LocationError,
    load,
    readable_location,
    writable_location,
)
from include.stand_ins.secrets import secret

INCLUDE = Path(__file__).parents[2] / "include"
Read = Callable[..., Configuration]

THREADS = "write a whole number from 1 to 256"
SECONDS = "write a number of seconds from 1 to 3600"
SPEED = "write 0 for no limit, or a number of MB a second from 0.01 to 100000"
DATABASE = "write the name of a database, or an empty text for that of the connection"
FOLDER = "write the absolute path of the folder for"
HOSTS = "write a list of host names, without https:// and path"
ADDRESS = "write an address that begins with https:// or http://, without a user and a password"
CALLABLE = "write the dotted path of a callable, such as package.module.name"
WHEN = "write a list of success, failure, deadline"
GROUP = "is not a group of keys; write its keys below it, each in a line of its own"
UNKNOWN = "is not a known key"
ALIAS = "is an alias (*name); write the value out"
NOT_SET = "needs the environment variable {name}, which is not set; set it, or write ${{{name}:-default}}"


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Writes a file and reads it as the configuration."""

    def write_and_read(text: str | bytes, **environ: str) -> Configuration:
        file = tmp_path / "config.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load({"DOWNLOADER_CONFIG": str(file), **environ})

    return write_and_read


def problems(read: Read, text: str | bytes, **environ: str) -> list[str]:
    """What is wrong with the file, a line each, without the file's name."""
    with pytest.raises(ConfigurationError) as caught:
        read(text, **environ)
    assert str(caught.value).startswith(str(caught.value.file))
    return [str(problem) for problem in caught.value.problems]


def one_problem(read: Read, text: str | bytes, **environ: str) -> str:
    (problem,) = problems(read, text, **environ)
    return problem


# What is read


def test_an_empty_file_means_the_defaults(read: Read) -> None:
    for text in ("", "# nothing\n", "{}", "s3:\nslooh:\n", "null"):
        assert read(text).model_dump() == Configuration().model_dump()


def test_the_defaults_are_those_of_the_contract() -> None:
    found = Configuration()
    assert found.s3.model_dump() == {
        "enabled": True, "connection": "aws_default", "catalogue": "raw_files", "region": "eu-central-1",
        "thaw_days": 7, "thaw_wait_hours": 72, "thaw_look_minutes": 30,
    }  # fmt: skip
    assert found.mongo.model_dump() == {
        "database": "", "collection": "raw_file", "id": "_id", "project_id": "project_id",
        "s3_upload_path": "s3_upload_path", "backup_status": "backup_status", "file_info": "file_info",
    }  # fmt: skip
    assert found.minio.model_dump() == {"connection": "minio_default", "bucket": "fhir-data"}
    assert found.drive.model_dump() == {
        "connection": "google_drive_default", "manifest": "include/datasets.json", "web_url": "https://drive.google.com",
        "download_url": "https://drive.usercontent.google.com", "api_url": "https://www.googleapis.com/drive/v3",
        "timeout": 300, "max_retries": 5, "retry_delay": 1,
    }  # fmt: skip
    assert found.slooh.model_dump() == {
        "connection": "slooh_default", "batch_size": 50, "threads": 4, "rate_limit": 30, "timeout": 300,
        "max_retries": 3, "retry_delay": 5, "image_hosts": ("astroimages.slooh.com",),
        "folder_template": "{object}/{telescope}/{format}", "filename_template": "{telescope}_{filename}",
        "unknown_object": "Unknown",
    }  # fmt: skip
    assert found.transfer.model_dump() == {
        "threads": 256, "range_size_mib": 4, "read_ahead": 32, "small_file_mib": 1, "stall_seconds": 60, "attempts": 6,
        "lock_wait_seconds": 30, "max_speed": 0,
    }  # fmt: skip
    assert found.shards.model_dump() == {"files": 5000, "size_gib": 50}
    assert found.notifier == ()
    assert set(found.locations.model_dump().values()) == {None}


def test_the_shipped_file_holds_every_key_with_its_default() -> None:
    shipped = load({})
    assert shipped.file == INCLUDE / "config.yaml"
    assert shipped.model_dump(exclude={"locations"}) == Configuration().model_dump(exclude={"locations"})
    assert [str(path) for path in shipped.locations.model_dump().values()] == [
        "/data/output", "/data/fhir", "/data/datasets", "/data/slooh",
    ]  # fmt: skip
    text = shipped.file.read_text()
    for name, section in shipped:
        assert re.search(rf"^{name}:", text, re.MULTILINE), name
        for key in section.model_dump() if isinstance(section, BaseModel) else ():
            assert re.search(rf"^  {key}:", text, re.MULTILINE), f"{name}.{key}"


def test_the_shipped_locations_can_be_set_by_the_environment() -> None:
    assert load({"DOWNLOADER_OUTPUT": "/lab/output"}).locations.output == Path("/lab/output")


def test_what_is_written_replaces_the_default(read: Read) -> None:
    found = read("s3: {enabled: false, region: x}\ntransfer:\n  stall_seconds: 2.5\nslooh: {image_hosts: [a, b.c]}")
    assert (found.s3.enabled, found.s3.region, found.s3.catalogue) == (False, "x", "raw_files")
    assert found.transfer.stall_seconds == 2.5
    assert found.slooh.image_hosts == ("a", "b.c")


@pytest.mark.parametrize(
    ("written", "wanted", "holds"),
    [(0, None, 0), (0, 2.5, 2.5), (5, None, 5), (5, 2.5, 2.5), (2.5, 5, 2.5), (0.01, 100_000, 0.01)],
)
def test_the_lower_speed_holds(read: Read, written: float, wanted: float | None, holds: float) -> None:
    found = read(f"transfer: {{max_speed: {written}, threads: 7}}\nminio: {{bucket: b}}")
    slowed = found.slowed_to(wanted)
    assert slowed.transfer.max_speed == holds
    assert (slowed.transfer.threads, slowed.minio, slowed.file) == (7, found.minio, found.file)
    limits = [
        transfer_options(slowed.transfer).limits,
        service_options(slowed.transfer, TransferPolicy(), 3, 2, 1).limits,
    ]
    assert [each.max_speed for each in limits] == [holds * 1_000_000] * 2


def test_the_configuration_is_frozen(read: Read) -> None:
    found = read("")
    with pytest.raises(ValidationError):
        found.s3.region = "x"
    with pytest.raises(ValidationError):
        found.s3 = found.s3


def test_a_notifier_is_a_path_or_a_path_with_arguments(read: Read) -> None:
    assert read("notifier:").notifier == ()
    assert read("notifier: ${NOTIFIER:-}").notifier == ()
    (plain,) = read("notifier: lab.alerts.call").notifier
    assert (plain.callable, plain.arguments, plain.when) == ("lab.alerts.call", {}, ("failure",))
    (full,) = read(
        "notifier: {callable: lab.Mail, arguments: {to: [a, b], retries: 3, subject: '${WHO}'}}", WHO="me"
    ).notifier
    assert full.arguments == {"to": ["a", "b"], "retries": 3, "subject": "me"}


def test_there_may_be_several_notifiers(read: Read) -> None:
    found = read("notifier: [lab.call, {callable: lab.Mail, when: [success, deadline]}]").notifier
    assert [(each.callable, each.when) for each in found] == [
        ("lab.call", ("failure",)), ("lab.Mail", ("success", "deadline")),
    ]  # fmt: skip


def test_the_notifiers_that_the_shipped_file_shows_can_be_used(read: Read) -> None:
    shown = [line[5:] for line in (INCLUDE / "config.yaml").read_text().splitlines() if line.startswith("#     ")]
    mail, webhook = read("\n".join(line.removeprefix(" ") for line in shown)).notifier
    assert (mail.callable.rpartition(".")[2], mail.when) == ("SmtpNotifier", ("failure", "deadline"))
    assert (webhook.callable.rpartition(".")[2], webhook.when) == ("HttpNotifier", ("success", "failure", "deadline"))


# Which file


def test_the_file_that_is_named_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("minio: {bucket: mine}")
    found = load({"DOWNLOADER_CONFIG": str(file)})
    assert found.minio.bucket == "mine"
    assert found.file == file


@pytest.mark.parametrize("name", ["none.yaml", ""])
def test_a_file_that_is_not_there_names_the_variable(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"(does not exist|is a folder); correct .* variable DOWNLOADER_CONFIG"
    ):
        load({"DOWNLOADER_CONFIG": str(tmp_path / name)})


@pytest.fixture
def no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the shipped file would be, in a deployment that leaves the folder `include` out."""
    monkeypatch.setattr(configuration, "PROJECT", tmp_path)
    return tmp_path / "include" / "config.yaml"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"DOWNLOADER_OUTPUT": "/lab/output", "DOWNLOADER_MINIO": "/lab/fhir", "DOWNLOADER_SLOOH": ""},
        {"DOWNLOADER_DATASETS": "/lab/$$sets", "DOWNLOADER_SLOOH": "/lab/pictures", "MINIO_BUCKET_NAME": "exports"},
    ],
)
def test_without_a_file_holds_what_the_shipped_one_says(no_file: Path, environ: dict[str, str]) -> None:
    found = load(environ)
    assert found.model_dump() == load({**environ, "DOWNLOADER_CONFIG": str(INCLUDE / "config.yaml")}).model_dump()
    assert found.file == no_file


def test_without_a_file_a_folder_that_cannot_be_used_names_its_variable(no_file: Path, tmp_path: Path) -> None:
    found = load({"DOWNLOADER_MINIO": str(tmp_path / "none"), "DOWNLOADER_OUTPUT": str(tmp_path)})
    assert writable_location(found, "output") == tmp_path, "a run asks for its own folder only"
    with pytest.raises(LocationError, match=r"create it, or set DOWNLOADER_MINIO in the environment of .* folder$"):
        writable_location(found, "minio")


def test_without_a_file_a_wrong_variable_is_named_and_no_line(no_file: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({"DOWNLOADER_SLOOH": "pictures"})
    assert str(caught.value) == (
        f"{no_file} locations.slooh: is filled from ${{DOWNLOADER_SLOOH:-/data/slooh}}; "
        "write the absolute path of the folder for Slooh's pictures"
    )


def test_a_folder_in_the_place_of_the_file_is_told(no_file: Path) -> None:
    no_file.mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="is a folder; write a file there"):
        load({})


def test_an_empty_variable_names_no_file() -> None:
    assert configuration.configuration_file({"DOWNLOADER_CONFIG": ""}) == INCLUDE / "config.yaml"


# The environment


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${A}", "x"),
        ("${A}-${A}", "x-x"),
        ("<${A}>", "<x>"),
        ("${A:-y}", "x"),
        ("${NONE:-y}", "y"),
        ("${EMPTY:-y}", "y"),
        ("${NONE:-a:-b/c d}", "a:-b/c d"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$${A}", "$x"),
        ("a$b", "a$b"),
        ("$A", "$A"),
        ("5$", "5$"),
        ("${RAW}", "${A} $$ $A"),
    ],
)
def test_variables_are_filled_in_once(read: Read, written: str, value: str) -> None:
    found = read(f'minio: {{bucket: "{written}"}}', A="x", EMPTY="", RAW="${A} $$ $A")
    assert found.minio.bucket == value


@pytest.mark.parametrize("quotes", ["", '"', "'"])
@pytest.mark.parametrize(
    "value", ["x, region: evil", "x\ns3: {region: evil}", "&a [*a]", "{a: b}", "'", '"', "# x", "!!int 5"]
)
def test_a_variable_cannot_bring_in_yaml(read: Read, value: str, quotes: str) -> None:
    found = read(f"s3:\n  connection: {quotes}${{A}}{quotes}", A=value)
    assert found.s3.connection == value
    assert found.s3.region == "eu-central-1"


def test_a_variable_fills_numbers_and_truth_values(read: Read) -> None:
    found = read("s3: {enabled: '${ON}'}\ntransfer: {threads: '${N}', stall_seconds: '${F:-1.5}'}", ON="false", N="7")
    assert (found.s3.enabled, found.transfer.threads, found.transfer.stall_seconds) == (False, 7, 1.5)


def test_keys_are_not_filled_in(read: Read) -> None:
    assert one_problem(read, "${A}: 5", A="s3").startswith("line 1, ${A}: is not a known key")


def test_a_variable_that_is_not_set_names_key_line_and_remedy(read: Read) -> None:
    problem = one_problem(read, "# first\nlocations:\n  output: ${LAB}/output")
    assert problem == f"line 3, locations.output: {NOT_SET.format(name='LAB')}"


@pytest.mark.parametrize("written", ["${", "${}", "${1A}", "${A", "${A:x}", "${A:-${B}}", "${A B}"])
def test_a_variable_that_is_misspelt_says_how_to_write_it(read: Read, written: str) -> None:
    problem = one_problem(read, f"minio:\n  bucket: '{written}'", A="x", B="y")
    assert problem.startswith("line 2, minio.bucket: has `${` without a name; write ${NAME}, ${NAME:-default}, or $$")


def test_what_a_variable_holds_is_not_shown(read: Read) -> None:
    problem = one_problem(read, "transfer: {threads: '${N}'}", N="hunter2")
    assert problem == "line 1, transfer.threads: is filled from ${N}; write a whole number from 1 to 256"


@given(value=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_value_of_the_environment_arrives_as_it_is(value: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text("minio:\n  bucket: ${A}\n")
        assert load({"DOWNLOADER_CONFIG": str(file), "A": value}).minio.bucket == value


# What is wrong


@pytest.mark.parametrize(
    ("text", "line", "key", "what"),
    [
        ("transfer:\n  threads: 0", 2, "transfer.threads", f"is 0; {THREADS}"),
        ("transfer: {threads: 257}", 1, "transfer.threads", f"is 257; {THREADS}"),
        ("transfer: {threads: 1.5}", 1, "transfer.threads", f"is 1.5; {THREADS}"),
        ("transfer: {threads: true}", 1, "transfer.threads", f"is true; {THREADS}"),
        ("transfer: {threads: many}", 1, "transfer.threads", f"is 'many'; {THREADS}"),
        ("transfer: {threads: }", 1, "transfer.threads", f"is null; {THREADS}"),
        ("transfer: {threads: [1]}", 1, "transfer.threads", f"is [1]; {THREADS}"),
        ("transfer: {stall_seconds: .nan}", 1, "transfer.stall_seconds", f"is nan; {SECONDS}"),
        ("transfer: {stall_seconds: .inf}", 1, "transfer.stall_seconds", f"is inf; {SECONDS}"),
        ("transfer: {max_speed: -1}", 1, "transfer.max_speed", f"is -1; {SPEED}"),
        ("transfer: {max_speed: 0.001}", 1, "transfer.max_speed", f"is 0.001; {SPEED}"),
        ("transfer: {max_speed: 1.0e+300}", 1, "transfer.max_speed", f"is 1e+300; {SPEED}"),
        ("transfer: {max_speed: .nan}", 1, "transfer.max_speed", f"is nan; {SPEED}"),
        ("transfer: {max_speed: true}", 1, "transfer.max_speed", f"is true; {SPEED}"),
        ("transfer: {max_speed: fast}", 1, "transfer.max_speed", f"is 'fast'; {SPEED}"),
        ("transfer: {max_speed: }", 1, "transfer.max_speed", f"is null; {SPEED}"),
        ("shards: {size_gib: 0}", 1, "shards.size_gib", "is 0; write a number of GiB above 0, at most 1000000"),
        ("s3: {enabled: maybe}", 1, "s3.enabled", "is 'maybe'; write true or false"),
        ("s3: {region: 5}", 1, "s3.region", "is 5; write an AWS region, in quotes"),
        ("s3: {region: ''}", 1, "s3.region", "is ''; write an AWS region"),
        ("minio: {bucket: 2020-01-01}\ns3: 5", 2, "s3", GROUP),
        ("s3:\n  conection: x", 2, "s3.conection", f"{UNKNOWN}; did you mean connection?"),
        ("shard: {files: 5}", 1, "shard", f"{UNKNOWN}; did you mean shards?"),
        ("minio: {zzz: 5}", 1, "minio.zzz", f"{UNKNOWN}; remove it, or use one of connection, bucket"),
        ("shards: {5: x}", 1, "shards.5", f"{UNKNOWN}; remove it, or use one of files, size_gib"),
        ("locations: {output: data}", 1, "locations.output", f"is 'data'; {FOLDER} raw files"),
        ("locations: {output: ~/data}", 1, "locations.output", f"is '~/data'; {FOLDER} raw files"),
        ("locations: {slooh: 5}", 1, "locations.slooh", f"is 5; {FOLDER} Slooh's pictures"),
        ("slooh:\n  image_hosts:\n    - ok\n    - x/y", 4, "slooh.image_hosts[1]", f"is 'x/y'; {HOSTS}"),
        ("mongo: {file_info: a.b}", 1, "mongo.file_info", "is 'a.b'; write the name of a field, without dots"),
        ("mongo: {id: $id}", 1, "mongo.id", "is '$id'; write the name of a field, without dots"),
        ("mongo: {collection: ''}", 1, "mongo.collection", "is ''; write the name of a collection"),
        ("mongo: {database: a.b}", 1, "mongo.database", f"is 'a.b'; {DATABASE}"),
        ("slooh: {image_hosts: []}", 1, "slooh.image_hosts", f"is []; {HOSTS}"),
        ("slooh: {image_hosts: a.b}", 1, "slooh.image_hosts", f"is 'a.b'; {HOSTS}"),
        ("drive: {web_url: ftp://x}", 1, "drive.web_url", f"is 'ftp://x'; {ADDRESS}"),
        pytest.param(
            f"drive: {{web_url: 'https://me:{secret('drive', '@')}@x'}}",
            1,
            "drive.web_url",
            f"is 'https://***@x'; {ADDRESS}",
            id="a login in an address",
        ),
        ("notifier: {arguments: {}}", 1, "notifier.callable", f"is missing; {CALLABLE}"),
        ("notifier: mail", 1, "notifier.callable", f"is 'mail'; {CALLABLE}"),
        ("notifier: {callable: a.b, arguments: [1]}", 1, "notifier.arguments", GROUP),
        ("notifier: 5", 1, "notifier", GROUP),
        ("notifier: {callable: a.b, when: success}", 1, "notifier.when", f"is 'success'; {WHEN}"),
        ("notifier: {callable: a.b, when: []}", 1, "notifier.when", f"is []; {WHEN}"),
        ("notifier:\n- a.b\n- {callable: a.b, when: [failed]}", 3, "notifier[1].when[0]", f"is 'failed'; {WHEN}"),
        ("notifier:\n- a.b\n- mail", 3, "notifier[1].callable", f"is 'mail'; {CALLABLE}"),
        ("notifier:\n- a.b\n- 5", 3, "notifier[1]", GROUP),
        ("notifier: [{callable: a.b, whn: [failure]}]", 1, "notifier[0].whn", "is not a known key; did you mean when?"),
        ("s3: {region: a}\n\nminio:\ns3: {region: b}", 4, "s3", "is given again here, first in line 1; keep one"),
        ("s3:\n  region: a\n  region: a", 3, "s3.region", "is given again here, first in line 2; keep one"),
        ("s3: &x {region: a}\nminio: *x", 2, "minio", ALIAS),
        ("slooh: &x {image_hosts: [*x]}", 1, "slooh.image_hosts[0]", ALIAS),
        ("s3: {region: !!python/name:os.x x}", 1, "s3.region", "has the type !!python/name:os.x; write a plain value"),
        ("s3: {region: !lab x}", 1, "s3.region", "has the type !lab; write a plain value"),
        ("s3: {region: !!int x}", 1, "s3.region", "is 'x', which cannot be read; put it in quotes if it is a text"),
        pytest.param(
            f"s3: {{region: !!int 'https://me:{secret('region', '@')}@x'}}",
            1,
            "s3.region",
            "is 'https://***@x', which cannot be read; put it in quotes if it is a text",
            id="a login in what is no number",
        ),
    ],
)
def test_each_mistake_names_its_line_its_key_and_what_to_write(
    read: Read, text: str, line: int, key: str, what: str
) -> None:
    assert one_problem(read, text) == f"line {line}, {key}: {what}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a", "line 1: is not a group of keys; write it as `section:` with `key: value` below"),
        ("text", "line 1: is not a group of keys; write it as `section:` with `key: value` below"),
        ("s3: {region: [}", "line 1: is not valid YAML (expected the node content, but found '}')"),
        ("s3:\n\tregion: x", "line 2: is not valid YAML (found character '\\t' that cannot start any token)"),
        ("a: 1\n---\nb: 2", "line 2: is not valid YAML (but found another document)"),
        ("minio: *x", "line 1: is not valid YAML (found undefined alias 'x')"),
        (b"s3: \xff", "is not written in UTF-8; save it in that encoding"),
        ("s3: \0", "is not valid YAML (unacceptable character #x0000: special characters are not allowed)"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_says_where(read: Read, text: str | bytes, problem: str) -> None:
    assert one_problem(read, text) == problem


def test_all_problems_are_said_at_once_in_the_order_of_the_file(read: Read, tmp_path: Path) -> None:
    text = "transfer:\n  threads: 0\n  reed_ahead: 1\nlocations:\n  output: ${NONE}\ns3:\n  enabled: 5\n  enabled: 6\n"
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    assert str(caught.value).splitlines() == [
        f"{tmp_path / 'config.yaml'} has 4 problems:",
        "  line 2, transfer.threads: is 0; write a whole number from 1 to 256",
        "  line 3, transfer.reed_ahead: is not a known key; did you mean read_ahead?",
        f"  line 5, locations.output: {NOT_SET.format(name='NONE')}",
        "  line 8, s3.enabled: is given again here, first in line 7; keep one",
    ]


def test_a_single_problem_is_one_line(read: Read, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read("s3: 5")
    assert str(caught.value).startswith(f"{tmp_path / 'config.yaml'}, line 1, s3: is not a group of keys")
    with pytest.raises(ConfigurationError) as caught:
        read(b"\xff")
    assert str(caught.value).startswith(f"{tmp_path / 'config.yaml'} is not written in UTF-8")


@given(st.text(st.sampled_from("a:{}[]-?*&!|>'\"#%@`$~ \n\t,0s3minio"), max_size=40))
def test_no_text_brings_anything_but_a_configuration_or_its_error(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(text)
        try:
            load({"DOWNLOADER_CONFIG": str(file)})
        except ConfigurationError as error:
            refused = error
        else:
            return
    assert refused.problems


# Locations


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user can reach."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def located(path: Path | str) -> Configuration:
    return Configuration(locations={"output": path})  # type: ignore[arg-type]


def test_a_folder_that_can_be_written_to_is_answered(folder: Path) -> None:
    assert writable_location(located(folder), "output") == folder
    assert list(folder.iterdir()) == [], "asking writes nothing"


def test_a_location_that_is_not_set_names_its_key_and_file(read: Read, tmp_path: Path) -> None:
    found = read("locations: {output: '', slooh: }")
    for name in ("output", "minio", "slooh"):
        with pytest.raises(LocationError) as caught:
            writable_location(found, name)
        assert (
            str(caught.value)
            == f"locations.{name} is not set in {tmp_path / 'config.yaml'}: write the path of a folder there"
        )


def test_a_location_that_is_not_there_or_no_folder_says_what_to_do(folder: Path) -> None:
    file = folder / "file"
    file.touch()
    for path, why in (
        (folder / "none", "does not exist: create it"),
        (file, "is not a folder: move that file away"),
    ):
        with pytest.raises(LocationError) as caught:
            writable_location(located(path), "output")
        assert str(caught.value).startswith(f"locations.output is {path}, which {why}, or change locations.output in ")


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Gives up root's rights, where there are any, for as long as the test runs."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_location_without_rights_says_whose_are_missing(
    folder: Path, mode: int, request: pytest.FixtureRequest
) -> None:
    closed = folder / "closed"
    closed.mkdir()
    closed.chmod(mode)
    request.getfixturevalue("as_nobody")
    with pytest.raises(LocationError, match=f"may not be written to by the user with the id {os.geteuid()}: give"):
        writable_location(located(closed), "output")


def test_a_location_is_judged_by_the_rights_of_the_user_that_runs(folder: Path, request: pytest.FixtureRequest) -> None:
    opened = folder / "open"
    opened.mkdir()
    opened.chmod(0o777)
    request.getfixturevalue("as_nobody")
    assert writable_location(located(opened), "output") == opened


def test_a_location_that_is_only_read_need_not_be_writable(folder: Path, request: pytest.FixtureRequest) -> None:
    closed = folder / "closed"
    closed.mkdir()
    folder.chmod(0o555)
    closed.chmod(0o000)
    request.getfixturevalue("as_nobody")
    assert readable_location(located(folder), "output") == folder
    with pytest.raises(LocationError, match=f"may not be entered by the user with the id {os.geteuid()}: give"):
        readable_location(located(closed), "output")
    with pytest.raises(LocationError, match="does not exist: create it"):
        readable_location(located(folder / "none"), "output")


def test_a_location_that_cannot_be_reached_says_so(folder: Path, request: pytest.FixtureRequest) -> None:
    inside = folder / "closed" / "inside"
    inside.mkdir(parents=True)
    inside.parent.chmod(0o000)
    request.getfixturevalue("as_nobody")
    with pytest.raises(LocationError, match=r"cannot be reached \(Permission denied\): see that its disk is mounted"):
        writable_location(located(inside), "output")


def test_a_disk_mounted_read_only_is_noticed_even_by_root(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel says of such a disk, while the rights of the folder allow all."""
    real = os.statvfs(folder)
    fields = [getattr(real, name) for name in ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail")]
    fields += [real.f_files, real.f_ffree, real.f_favail, real.f_flag | os.ST_RDONLY, real.f_namemax]
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(fields))
    with pytest.raises(LocationError, match="is on a disk mounted read-only: mount it for writing"):
        writable_location(located(folder), "output")
