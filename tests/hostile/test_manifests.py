"""Manifests as somebody else may have written them: taken as a whole, or refused in sentences that hide nothing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from downloader.datasets.manifest import Manifest, ManifestError, planned, read_manifest, select
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from support.fast_folder import fast_folder
from support.hostile import CASES, NAMES, VALUES, ZOO, assert_readable, damaged, held_against, mutated, names

pytestmark = pytest.mark.timeout(100, method="thread")

ID = "18ORzE9_aHABYqOHzVdL0GANk_eIMaSuE"
GOOD: dict[str, Any] = {
    "version": "1.0",
    "source": "https://drive.google.com/drive/folders/18ORzE9",
    "generated": "2025-11-15",
    "datasets": [
        {"id": ID, "name": "fan.dat", "path": "fan/fan.dat", "size": 5, "sha256": "0" * 64, "md5": "0" * 32},
        {"id": ID, "name": "plan.docx", "path": "plan.docx", "export": "docx", "resource_key": "0-abc"},
    ],
}
TEXT = json.dumps(GOOD).encode()

Judge = Callable[[bytes], "Manifest | ManifestError"]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    return lambda data: judged(data, tmp_path / "datasets.json")


def judged(data: bytes, file: Path) -> Manifest | ManifestError:
    """What a manifest comes to. What is reported of it can be shown, a problem a line."""
    file.write_bytes(data)
    try:
        manifest = read_manifest(file)
    except ManifestError as error:
        sentences = str(error).removeprefix(str(file))
        assert_readable(sentences, lines=22, most=20_000)
        assert all(len(line) < 1_000 for line in sentences.splitlines())
        return error
    for item in planned(manifest.datasets):
        assert isinstance(item, RemoteFile)
        assert safe_path(item.path.text) == item.path
    return manifest


def word(found: Manifest | ManifestError) -> str:
    return "taken" if isinstance(found, Manifest) else "refused"


# --- thousands --------------------------------------------------------------------------------------------------------

texts = st.one_of(
    damaged(TEXT),
    mutated(GOOD).map(lambda held: json.dumps(held).encode()),
    mutated(GOOD).map(lambda held: json.dumps(held, ensure_ascii=False).encode("utf-8", "surrogatepass")),
)


@held_against(texts, ["taken", "refused"])
def test_manifests(text: bytes) -> str:
    return word(judged(text, _file()))


@held_against(st.lists(names, min_size=1, max_size=2, unique=True), ["taken", "refused"], CASES // 4)
def test_paths_of_a_manifest(paths: list[str]) -> str:
    entries = [{"id": ID, "name": "x", "path": path, "size": 1} for path in paths]
    return word(judged(json.dumps({"version": "1.0", "datasets": entries}).encode(), _file()))


def _file() -> Path:
    return Path(_FOLDER.name, "datasets.json")


_FOLDER = tempfile.TemporaryDirectory(dir=fast_folder())


# --- the nastiest -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["id", "name", "path", "size", "sha256", "md5", "export", "resource_key"])
def test_each_value_in_each_field(judge: Judge, field: str) -> None:
    for value in (*VALUES.values(), *(name for name in NAMES.values() if len(name) < 30_000)):
        entry = {**GOOD["datasets"][0], field: value}
        judge(json.dumps({**GOOD, "datasets": [entry]}).encode())


@pytest.mark.parametrize("field", ["version", "source", "generated", "datasets"])
def test_each_value_above_the_data_sets(judge: Judge, field: str) -> None:
    for value in VALUES.values():
        judge(json.dumps({**GOOD, field: value}).encode())


def test_each_name_as_a_key(judge: Judge) -> None:
    for name in ZOO.values():
        assert isinstance(judge(json.dumps({**GOOD, name: 1}).encode()), ManifestError)
        entry = {**GOOD["datasets"][0], name: 1}
        found = judge(json.dumps({**GOOD, "datasets": [entry]}).encode())
        assert isinstance(found, ManifestError)
        assert "datasets[0]" in str(found)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe{\x00}\x00",
        b"\0" * 1_000,
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
        b'{"version": ' + b"9" * 1_000_000 + b"}",
        b'{"version": -' + b"9" * 4_299 + b"}",
        b'{"version": "' + b"\\ud800" * 100_000 + b'"}',
        b'{"version": 1e' + b"9" * 100_000 + b"}",
        b'"' * 1_000_001,
        b"\\" * 1_000_000,
        b"{" + b'"a":1,' * 300_000 + b'"a":1}',
        b"{" + b",".join(b'"%d":1' % number for number in range(300_000)) + b',"0":1}',
        b"{" + b",".join(b'"%d":1' % number for number in range(300_000)) + b"}",
        b'{"version": "1.0", "datasets": [' + b"1," * 3_000_000 + b"1]}",
        b'{"version": "1.0", "datasets": [' + b"{}," * 90_000 + b"{}]}",
        b'{"version": "1.0", "datasets": [{' + b",".join(b'"%d":1' % number for number in range(300_000)) + b"}]}",
    ],
    ids=lambda text: f"{len(text)} of {text[:20]!r}",
)
def test_bombs(judge: Judge, text: bytes) -> None:
    """Millions of faults are counted, and not put into words one by one."""
    assert isinstance(judge(text), ManifestError)


@pytest.mark.parametrize("depth", [*range(900, 1_000, 9)])
def test_nested_nearly_as_deep_as_can_be_read(judge: Judge, depth: int) -> None:
    for deep in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        for field in ("id", "size", "name", "more"):
            text = '{"version": "1.0", "datasets": [{"%s": %s}]}' % (field, deep)  # noqa: UP031 braces all over
            assert isinstance(judge(text.encode()), ManifestError)


def test_names_that_are_listed_hide_nothing() -> None:
    named = [name for name in ZOO.values() if name and not any("\ud800" <= letter <= "\udfff" for letter in name)]
    entries = [{"id": ID, "name": name, "path": f"{at}", "size": 1} for at, name in enumerate(named)]
    manifest = Manifest.model_validate({"version": "1.0", "datasets": entries})
    told = 0
    for pattern in ZOO.values():
        try:
            select(manifest, [pattern], Path("m.json"))
        except ManifestError as error:
            told += 1
            assert_readable(str(error), most=10_000)
    assert told
