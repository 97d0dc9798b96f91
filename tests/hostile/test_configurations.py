"""Configuration files that are none, or nearly: read, or refused with line and key, in bounded time."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from downloader_tasks.settings.configuration import Configuration, ConfigurationError, load
from support.fast_folder import fast_folder
from support.hostile import CASES, VALUES, ZOO, assert_readable, damaged, held_against, mutated

pytestmark = pytest.mark.timeout(100, method="thread")

TEXT = b"""\
# Where things are
locations:
  output: ${OUT:-/data/output}
  slooh: "/data/slooh"
s3: {enabled: true, region: eu-central-1}
transfer:
  threads: 32
  stall_seconds: 60.5
slooh:
  image_hosts: [a.b, c.d]
  filename_template: "{telescope}_{filename}"
notifier: {callable: a.b.c, arguments: {to: [x, 1]}}
"""
GOOD: dict[str, Any] = {
    "locations": {"output": "/data/output"},
    "transfer": {"threads": 32, "stall_seconds": 1.5},
    "drive": {"web_url": "https://a.b"},
    "slooh": {"image_hosts": ["a.b"], "folder_template": "{object}/{format}"},
    "notifier": {"callable": "a.b", "arguments": {"to": ["x"]}},
}
_FOLDER = tempfile.TemporaryDirectory(dir=fast_folder())


def judged(text: bytes | str, environ: Mapping[str, str] | None = None) -> Configuration | ConfigurationError:
    """What a file comes to. What is reported of it can be shown, a problem a line."""
    file = Path(_FOLDER.name, "config.yaml")
    file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    try:
        return load({"DOWNLOADER_CONFIG": str(file), **(environ or {})})
    except ConfigurationError as error:
        refused = error
    sentences = str(refused).removeprefix(str(file))
    assert_readable(sentences, lines=22, most=20_000)
    assert all(len(line) < 1_000 for line in sentences.splitlines())
    assert refused.problems
    return refused


def word(found: Configuration | ConfigurationError) -> str:
    return "taken" if isinstance(found, Configuration) else "refused"


# --- thousands --------------------------------------------------------------------------------------------------------


@held_against(st.tuples(damaged(TEXT, most=2), st.sampled_from([*ZOO.values()])), ["taken", "refused"], CASES // 2)
def test_damaged_files(case: tuple[bytes, str]) -> str:
    text, variable = case
    return word(judged(text, {"X": variable, "OUT": variable}))


_short = [value for what, value in VALUES.items() if what not in ("a long list", "a long text", "a wide group")]


@held_against(mutated(GOOD, _short).map(json.dumps), ["taken", "refused"], CASES // 2)
def test_files_with_one_wrong_value(text: str) -> str:
    """JSON is YAML, but for a few of its words."""
    return word(judged(text))


# --- the nastiest -----------------------------------------------------------------------------------------------------

ROOM = 60_000
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("abcdefghij")
)
REFUSED: dict[str, str | bytes] = {
    "a billion laughs": LAUGHS,
    "an alias of itself": "s3: &a {region: *a}",
    "a merge": "s3: &a {region: x}\nminio:\n  <<: *a\n",
    "a merge of itself": "s3: &a {<<: *a}",
    "lists in lists": "[" * ROOM,
    "groups in groups": "{" * ROOM,
    "groups in groups, closed": "s3: " + "{a: " * (ROOM // 6) + "}" * (ROOM // 6),
    "a list a line": "[\n" * (ROOM // 2),
    "dashes": "- " * (ROOM // 2),
    "question marks": "? " * (ROOM // 2),
    "a staircase": "".join(f"{' ' * step}a:\n" for step in range(330)),
    "a list for a key": "? [a, b]\n: c\n",
    "a group for a key": "{a: b}: c",
    "an anchor on each": "&a " * (ROOM // 3),
    "a tag on each": "! " * (ROOM // 2),
    "an object": "s3: {region: !!python/object/apply:os.system [id]}",
    "a truth value that is none": "s3: {enabled: !!bool maybe}",
    "a number that is none": 'transfer: {threads: !!int ""}',
    "a fraction that is none": 'transfer: {stall_seconds: !!float ""}',
    "a number of 5,000 digits": f"transfer: {{threads: {'9' * 5_000}}}",
    "a number of 4,000 digits": f"transfer: {{threads: {'9' * 4_000}}}",
    "a number of 5,000 hex digits": f"transfer: {{threads: 0x{'f' * 5_000}}}",
    "a number to the base of sixty": f"%YAML 1.1\n---\ntransfer: {{threads: {'1:' * 20_000}1}}",
    "a version of 5,000 digits": f"%YAML {'9' * 5_000}.1\n---\ns3: {{}}",
    "a character beyond all": 's3: {region: "\\UFFFFFFFF"}',
    "half a pair": 's3: {region: "\\ud800"}',
    "a bad tag": "s3: {region: !<%ff> x}",
    "a key with line breaks": '"a\\nb: 1\\r": 1',
    "a key that is obeyed": '"\\e[2J\\u202e": 1',
    "a key of 50,000 letters": f"? {'a' * 50_000}\n: 1",
    "thousands of wrong keys": f"s3: {{{', '.join(f'k{number}: 1' for number in range(2_000))}}}",
    "thousands of equal keys": "a:\n" * 3_000,
    "thousands of open variables": f's3: {{region: "{"${A:-" * 10_000}"}}',
    "thousands of braces": f'slooh: {{folder_template: "{"{object" * 8_000}"}}',
    "a template up": 'slooh: {folder_template: "../{object}"}',
    "a NUL": "s3: \0",
    "tabs": "s3:\n\tregion: x",
    "two documents": "s3: {}\n---\ns3: {}",
    "no UTF-8": b"s3: \xe9",
    "UTF-16": "s3: {}".encode("utf-16"),
    "a picture": bytes(range(256)) * 10,
    "a megabyte": b"#" * 2**20,
    "a megabyte of text": b's3: {region: "' + b"x" * 2**20 + b'"}',
}
TAKEN: dict[str, str] = {
    "nothing": "",
    "a byte order mark": "\ufeffs3: {region: x}",
    "an anchor that nobody uses": "s3: &a {region: x}",
    "the end of a document": "s3: {region: x}\n...\n",
    "Windows' line ends": "s3:\r\n  region: x\r\n",
    "comments": "#" * ROOM,
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_configuration(what: str) -> None:
    assert isinstance(judged(REFUSED[what]), ConfigurationError)


def test_what_is_nested_without_end_is_called_that() -> None:
    assert str(judged("s3:\n  region: " + "[" * 300)).endswith(" is not valid YAML (it is nested without end)")


@pytest.mark.parametrize("what", TAKEN)
def test_what_is_one_all_the_same(what: str) -> None:
    assert isinstance(judged(TAKEN[what]), Configuration)


def test_many_problems_are_counted_and_the_first_are_told() -> None:
    found = judged(f"slooh: {{image_hosts: [{'x/, ' * 15_000}]}}")
    assert isinstance(found, ConfigurationError)
    assert len(found.problems) == 15_000
    assert "has 15,000 problems" in str(found)
    assert str(found).endswith("\n  and 14,980 more")


@pytest.mark.parametrize("what", ZOO)
def test_each_text_in_each_place(what: str) -> None:
    text = json.dumps(ZOO[what])
    for place in ("%s: 1", "s3: {%s: x}", "s3: {region: %s}", "locations: {output: %s}", "drive: {web_url: %s}",
                  "slooh: {image_hosts: [%s]}", "slooh: {unknown_object: %s}", "notifier: %s"):  # fmt: skip
        judged(place % text)
    judged("locations: {output: '${X}'}\ns3: {region: '${X}', enabled: '${X}'}", {"X": ZOO[what]})
