"""What is JSON, and what is not: the scanner agrees with Python's own parser, however the bytes are cut."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from typing import Any, NoReturn

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from downloader.content.json_scanner import MISSING, JsonScanner, NotJson

HIGHEST = 0xFF


def not_json(constant: str) -> NoReturn:
    raise ValueError(constant)


def parsed(data: bytes) -> Any:
    """As Python parses it, by the grammar alone: numbers of any length, no NaN. Raises ValueError."""
    return json.loads(data.decode(), parse_int=lambda text: 0, parse_float=lambda text: 0.0, parse_constant=not_json)


def scanned(data: bytes, places: Iterable[int] = ()) -> JsonScanner:
    scanner = JsonScanner()
    ends = sorted(place % (len(data) + 1) for place in places)
    for start, stop in zip([0, *ends], [*ends, len(data)], strict=True):
        scanner.feed(data[start:stop])
    scanner.conclude()
    return scanner


def agree(data: bytes, places: Iterable[int] = ()) -> None:
    try:
        value = parsed(data)
    except ValueError:
        with pytest.raises(NotJson):
            scanned(data, places)
        return
    kind = value.get("resourceType", MISSING) if isinstance(value, dict) else MISSING
    scanner = scanned(data, places)
    assert (scanner.begun == "object") is isinstance(value, dict)
    assert scanner.kind == (kind if kind is MISSING or isinstance(kind, str) else None)


MARKS = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '""',
    '"',
    "\\",
    "\n",
    "\r",
    "\t",
    " ",
    "\0",
    "\u00a0",
    "\ufeff",
    "[[[[[[",
    "]]]]]]",
]
WORDS = ["null", "true", "false", "nul", "NaN", "Infinity", "-Infinity", "ä", "\u20ac"]
NUMBERS = ["0", "-0", "01", "1.", ".5", "1.5", "1e5", "1E+5", "1e", "-", "1" * 30, "9" * 500]
STRINGS = [
    '"a"',
    '"resourceType"',
    '"Patient"',
    '"ä"',
    '"\t"',
    r'"\n"',
    r'"\u00e4"',
    r'"\ud83d"',
    r'"\ud83d\ude00"',
    r'"\u12"',
]
TOKENS = [*MARKS, *WORDS, *NUMBERS, *STRINGS, r'"\x"']
places = st.lists(st.integers(0, 2**16), max_size=6)
letters = st.text(max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | letters,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(letters | st.sampled_from(["resourceType", "a"]), inner, max_size=4)
    ),
    max_leaves=30,
)


@given(st.lists(st.sampled_from(TOKENS), max_size=12), places)
@example(['{"resourceType":{"resourceType":"a"},"b":[{"resourceType":"c"}]}'], [1, 20])
@example(['{"resourceType":"Patient","resourceType":null}'], [30])
@example(["[1,2,", "]"], [3])
@example(['{"a":1,', "}"], [])
@example(['{"a":[1,{"b":2,', "}]}"], [])
def test_any_tokens(tokens: list[str], where: list[int]) -> None:
    agree("".join(tokens).encode(), where)


@given(values, places, st.sampled_from([None, 1]), st.booleans())
def test_any_value(value: Any, where: list[int], indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    agree(text.encode("utf-8", "replace"), where)


@given(values, st.integers(0, 2**16), st.integers(0, HIGHEST), places)
def test_any_value_with_a_byte_that_is_another(value: Any, at: int, byte: int, where: list[int]) -> None:
    data = bytearray(json.dumps({"a": value}, ensure_ascii=False).encode("utf-8", "replace"))
    data[at % len(data)] = byte
    agree(bytes(data), where)


@given(st.binary(max_size=20), places)
def test_any_bytes(data: bytes, where: list[int]) -> None:
    agree(data, where)


@pytest.mark.parametrize("seed", range(20))
def test_documents_cut_into_bytes(seed: int) -> None:
    draw = random.Random(seed)
    value = {"resourceType": "Patient", "x": [{"a": [1, [2, {"b": ["\U0001f600", draw.random()]}]]}] * 3, "y": None}
    for data in (json.dumps(value).encode(), json.dumps(value, indent=2, ensure_ascii=False).encode()):
        assert scanned(data, range(len(data))).kind == "Patient"
        at = draw.randrange(len(data))
        agree(data[:at] + data[at + 1 :], range(len(data)))
        agree(data[:at], range(len(data)))


def test_levels_are_counted_and_bounded() -> None:
    assert scanned(b"[" * 1000 + b"]" * 1000).oddities == set()
    assert scanned(b"[" * 1001 + b"]" * 1001).oddities == {"more than 1,000 nested levels"}
    with pytest.raises(NotJson, match=r"more than 1,000,000 levels are nested \(byte 1,000,001\)"):
        scanned(b"[" * 1_000_001)


def test_a_number_of_any_length_is_held_in_a_few_bytes() -> None:
    scanner = JsonScanner()
    for piece in [b"[0.", *[b"1234567890" * 10_000] * 50, b"e-", *[b"7" * 100_000] * 5]:
        scanner.feed(piece)
        assert len(scanner._rest) < 4_000
    scanner.feed(b"]")
    scanner.conclude()
    assert scanner.oddities == set()
