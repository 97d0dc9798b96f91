"""The manifest of data sets: what is accepted, and what is reported of the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from downloader.checksums import Checksum
from downloader.datasets.manifest import Manifest, ManifestError, planned, read_manifest, select
from downloader.paths import SafePath
from downloader.remote_file import RemoteFile
from include.stand_ins.secrets import secret

RESOURCE_KEY = secret("resource")
ID = "18ORzE9_aHABYqOHzVdL0GANk_eIMaSuE"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
MD5 = "098f6bcd4621d373cade4e832627b4f6"

Write = Callable[[object], Path]


def entry(**more: object) -> dict[str, Any]:
    return {"id": ID, "name": "fan.dat", "path": "fan/fan.dat", "size": 5, **more}


def manifest(*entries: object, **more: object) -> dict[str, Any]:
    source = "https://drive.google.com/drive/folders/18ORzE9"
    return {"version": "1.0", "source": source, "generated": "2025-11-15", "datasets": list(entries), **more}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(held: object) -> Path:
        file = tmp_path / "datasets.json"
        file.write_text(held if isinstance(held, str) else json.dumps(held), "utf-8", "surrogatepass")
        return file

    return written


def problems(file: Path) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        read_manifest(file)
    assert str(caught.value).startswith(str(file))
    assert all(problem in str(caught.value) for problem in caught.value.problems[:20])
    return caught.value.problems


# --- what is taken ----------------------------------------------------------------------------------------------------


def test_a_manifest_becomes_a_plan(write: Write) -> None:
    held = read_manifest(
        write(manifest(entry(sha256=SHA256.upper(), md5=MD5), entry(path="./b//c", sha256="", md5=None)))
    )
    first, second = planned(held.datasets)
    sums = (Checksum("sha256", SHA256), Checksum("md5", MD5))
    assert first == RemoteFile(SafePath("fan/fan.dat"), 5, ID, sums)
    assert second == RemoteFile(SafePath("b/c"), 5, ID)
    assert planned(held.datasets, checksums=False)[0] == RemoteFile(SafePath("fan/fan.dat"), 5, ID)


def test_documents_and_old_links(write: Write) -> None:
    exported = {key: value for key, value in entry(export="docx", resource_key=RESOURCE_KEY).items() if key != "size"}
    (dataset,) = read_manifest(write(manifest(exported))).datasets
    file = dataset.remote_file()
    assert (file.key, file.size) == (f"{ID}?export=docx&resourcekey={RESOURCE_KEY}", None)


@pytest.mark.parametrize("version", ["1", "1.0", "1.2.3"])
def test_what_may_be_left_out(write: Write, version: str) -> None:
    assert read_manifest(write({"version": version, "datasets": [entry()]})).source == ""


def test_a_manifest_may_be_empty(write: Write) -> None:
    assert read_manifest(write(manifest())).datasets == ()


def test_a_byte_order_mark_is_borne(write: Write) -> None:
    assert read_manifest(write("\ufeff" + json.dumps(manifest(entry())))).datasets


def test_the_largest_and_the_smallest_size(write: Write) -> None:
    held = read_manifest(write(manifest(entry(size=0), entry(size=2**63 - 1, path="b"))))
    assert [dataset.size for dataset in held.datasets] == [0, 2**63 - 1]


# --- what is not ------------------------------------------------------------------------------------------------------

A_SIZE = "write the number of bytes, 0 or more"
AN_ID = f"write the id that stands in the file's address, such as {ID}"
A_PATH = 'write a path below the destination, such as "fan/fan_const_rpm.dat"'

WRONG: dict[str, tuple[dict[str, object], str]] = {
    "below zero": ({"size": -5}, f"size: is -5; {A_SIZE}"),
    "too large": ({"size": 2**63}, f"size: is 9223372036854775808; {A_SIZE}"),
    "a text": ({"size": "5"}, f'size: is "5"; {A_SIZE}'),
    "a fraction": ({"size": 5.0}, f"size: is 5.0; {A_SIZE}"),
    "true": ({"size": True}, f"size: is true; {A_SIZE}"),
    "null": ({"size": None}, f"size: is missing; {A_SIZE}"),
    "sign in id": ({"id": "abc/../def-12345"}, f'id: is "abc/../def-12345"; {AN_ID}'),
    "query in id": ({"id": "abcdefghijkl?export=docx"}, f'id: is "abcdefghijkl?export=docx"; {AN_ID}'),
    "key in id": (
        {"id": f"abcdefghijkl?resourcekey={RESOURCE_KEY}"},
        f'id: is "abcdefghijkl?resourcekey=***"; {AN_ID}',
    ),
    "short id": ({"id": "1abc"}, f'id: is "1abc"; {AN_ID}'),
    "line break in id": ({"id": ID + "\n"}, f'id: is "{ID}\\n"; {AN_ID}'),
    "placeholder": ({"id": "PLACEHOLDER_FAN_CONST"}, f"id: is a placeholder; {AN_ID}"),
    "absolute": ({"path": "/etc/passwd"}, f"path: '/etc/passwd' is an absolute path; {A_PATH}"),
    "out": ({"path": "a/../../b"}, f"path: 'a/../../b' would leave the destination; {A_PATH}"),
    "folder": ({"path": "a/"}, f"path: 'a/' names a folder, not a file; {A_PATH}"),
    "empty path": ({"path": ""}, f"path: the name is empty; {A_PATH}"),
    "report": ({"path": "_download_status_x.txt"}, f"path: '_download_status_x.txt' would pass for a report; {A_PATH}"),
    "path of a number": ({"path": 5}, f"path: is 5; {A_PATH}"),
    "surrogate": ({"path": "a\ud800"}, f"path: 'a\\ud800' cannot be written as UTF-8; {A_PATH}"),
    "no hex": ({"sha256": "x" * 64}, f'sha256: is "{"x" * 59}...; write 64 hex digits, or ""'),
    "short": ({"sha256": MD5}, f'sha256: is "{MD5}"; write 64 hex digits, or ""'),
    "cut": ({"sha256": "a3f5e8c9..."}, 'sha256: is "a3f5e8c9..."; write 64 hex digits, or ""'),
    "long md5": ({"md5": MD5 + "0"}, f'md5: is "{MD5}0"; write 32 hex digits, or ""'),
    "line break in md5": ({"md5": MD5 + "\n"}, f'md5: is "{MD5}\\n"; write 32 hex digits, or ""'),
    "export": (
        {"export": "pdf"},
        'export: is "pdf"; write docx, xlsx or pptx for a Google document, and leave it out for any other file',
    ),
    "resource key": (
        {"resource_key": secret("resource", " ")},
        "resource_key: is not valid; write what stands behind resourcekey= in the file's address",
    ),
    "no name": ({"name": ""}, "name: is \"\"; write the file's name at Google Drive"),
    "nearly a key": ({"sha_256": ""}, "sha_256: is not a known key; did you mean sha256?"),
    "no key at all": ({"colour": 1}, "colour: is not a known key; remove it"),
    "an odd key": ({"a b\n": 1}, '"a b\\n": is not a known key; remove it'),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_with_an_entry_is_told_by_entry_and_field(write: Write, what: str) -> None:
    wrong, sentence = WRONG[what]
    given = {**entry(path="other"), **wrong}
    expected = f"datasets[1] {json.dumps(given['name'])}, {sentence}"
    assert problems(write(manifest(entry(), given))) == [expected]


def test_all_is_told_at_once_and_not_too_much_of_it(write: Write) -> None:
    file = write(manifest(*[entry(size=-1, sha256="x") for _ in range(50)], version="2"))
    found = problems(file)
    assert len(found) == 101
    with pytest.raises(ManifestError) as caught:
        read_manifest(file)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{file} has 101 problems:"
    assert (len(lines), lines[-1]) == (22, "  and 81 more")


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        (manifest(entry(), version="2.0"), 'version: is "2.0"; write "1.0"'),
        (manifest(entry(), version=1.0), 'version: is 1.0; write "1.0"'),
        ({"datasets": [entry()]}, 'version: is missing; write "1.0"'),
        (manifest(datasets={}), "datasets: is a group of keys; write a list of entries such as"),
        ({"version": "1"}, "datasets: is missing; write a list of entries such as"),
        (manifest(5), "datasets[0]: is 5; write an entry such as"),
        (manifest(entry(), "x"), 'datasets[1]: is "x"; write an entry such as'),
        (manifest(entry(), files=[]), "files: is not a known key; remove it"),
        (manifest(entry(), generated=5), "generated: is 5; write a date as a text"),
    ],
)
def test_what_is_wrong_with_the_whole(write: Write, held: object, sentence: str) -> None:
    (problem,) = problems(write(held))
    assert problem.startswith(sentence)


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        ("", "line 1, column 1: is not valid JSON"),
        ('{"version": "1.0",\n "datasets": [}', "line 2, column 15: is not valid JSON"),
        ("[]", 'is not a manifest; write {"version": "1.0", "datasets": [...]}'),
        ("5", 'is not a manifest; write {"version": "1.0", "datasets": [...]}'),
        ("[" * 100_000, "is not a manifest: it holds lists nested without end"),
        (
            '{"version": ' + "9" * 5000 + "}",
            "is not a manifest: it holds lists nested without end, or an invalid number",
        ),
    ],
)
def test_what_is_no_manifest(write: Write, held: str, sentence: str) -> None:
    (problem,) = problems(write(held))
    assert problem.startswith(sentence)


def test_a_key_that_stands_twice_is_refused(write: Write) -> None:
    twice = '{"version": "1.0", "datasets": [{"id": "%s", "name": "fan.dat", "path": "a", "size": 1, "size": 2}]}' % ID  # noqa: UP031
    assert problems(write(twice)) == ['the key "size" of "fan.dat" is given more than once; keep one']
    assert problems(write('{"version": "1.0", "version": "1.0"}')) == [
        'the key "version" is given more than once; keep one'
    ]


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems(tmp_path / "missing.json") == ["cannot be read (No such file or directory)"]
    assert problems(tmp_path) == ["cannot be read (Is a directory)"]
    (tmp_path / "latin.json").write_bytes(b'{"version": "\xe9"}')
    assert problems(tmp_path / "latin.json") == ["is not written in UTF-8; save it in that encoding"]
    large = tmp_path / "large.json"
    large.write_bytes(b" " * (32 * 1024 * 1024 + 1))
    assert problems(large) == ["has more than 32 MiB; split it into several manifests"]


# --- entries that do not go together ----------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["a/b", "a//b", "./a/b"])
def test_two_entries_for_one_path_are_refused(write: Write, other: str) -> None:
    file = write(manifest(entry(path="x"), entry(path="a/b"), entry(path=other, name="two.dat")))
    assert problems(file) == [
        'datasets[2] "two.dat", path: datasets[2] and datasets[1] would both be written to a/b; write another path'
    ]


def test_a_path_that_is_a_folder_for_others_is_refused(write: Write) -> None:
    (problem,) = problems(write(manifest(entry(path="a/b/c"), entry(path="a"), entry(path="b"))))
    assert problem == 'datasets[1] "fan.dat", path: a is a file, and a folder for a/b/c; write another path'


# --- what is selected -------------------------------------------------------------------------------------------------

THREE = Manifest.model_validate(
    manifest(
        entry(name="fan.dat", path="fan/one.dat"),
        entry(name="fan [old].dat", path="fan/two.dat"),
        entry(name="city.glb", path="models/city.glb"),
    )
)


@pytest.mark.parametrize(
    ("patterns", "paths"),
    [
        ([], ["fan/one.dat", "fan/two.dat", "models/city.glb"]),
        (["fan.dat"], ["fan/one.dat"]),
        (["fan [old].dat"], ["fan/two.dat"]),
        (["models/city.glb"], ["models/city.glb"]),
        (["fan/*"], ["fan/one.dat", "fan/two.dat"]),
        (["*.glb", "fan.dat", "fan*"], ["fan/one.dat", "fan/two.dat", "models/city.glb"]),
        (["c?ty.glb", "city.glb"], ["models/city.glb"]),
    ],
)
def test_names_paths_and_globs_select(patterns: list[str], paths: list[str]) -> None:
    assert [dataset.path for dataset in select(THREE, patterns, Path("m.json"))] == paths


def test_what_means_nothing_is_told_with_what_there_is() -> None:
    with pytest.raises(ManifestError) as caught:
        select(THREE, ["fan.dat", "FAN.dat", "*.raw"], Path("m.json"))
    idle = "matches no data set; there are fan.dat, fan [old].dat, city.glb"
    assert caught.value.problems == [f'"FAN.dat" {idle}', f'"*.raw" {idle}']


def test_of_many_names_some_are_told() -> None:
    many = Manifest.model_validate(manifest(*[entry(name=f"{number}.dat", path=str(number)) for number in range(30)]))
    with pytest.raises(ManifestError, match=r"19\.dat and 10 more$"):
        select(many, ["x"], Path("m.json"))
