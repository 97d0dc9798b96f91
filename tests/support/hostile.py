"""Input that wants to do harm: named cases as data, good input with one thing in it replaced, and who counts the cases.

Random text is refused at its first character. What is nearly right gets much further, so most cases are that.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any, Final, TypeVar
from unicodedata import category

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

__all__ = [
    "CASES",
    "NAMES",
    "SNIPPETS",
    "VALUES",
    "ZOO",
    "assert_readable",
    "damaged",
    "held_against",
    "mutated",
    "names",
]

CASES: Final = 2_000
"""Cases that each property is held against, at the least."""
Case = TypeVar("Case")
_HIDDEN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of what ends a line, is obeyed by a terminal, or cannot be written."""
_TURNING: Final = frozenset("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
Way = tuple[str | int, ...]
"""Keys and indexes that lead to a value."""

# --- named cases ------------------------------------------------------------------------------------------------------

_PART: Final = "0123456789abcdef.part"

ZOO: Final[Mapping[str, str]] = {
    "nothing": "",
    "a dot": ".",
    "the folder above": "..",
    "three dots": "...",
    "a slash": "/",
    "a space": " ",
    "a trailing dot": "a.",
    "a trailing space": "a ",
    "a leading space": " a",
    "a backslash": "\\",
    "backslashes up": "..\\..\\x",
    "a drive": "C:",
    "a drive and a path": "C:\\windows\\x",
    "a share": "\\\\host\\share\\x",
    "a device": "CON",
    "a device with a suffix": "nul.txt",
    "a stream": "a.txt::$DATA",
    "a home": "~",
    "an option": "-rf",
    "a command": "$(id)`id`;id|id&",
    "a variable": "${HOME}",
    "a glob": "*[a]?",
    "a NUL": "a\0b",
    "a line feed": "a\nb",
    "a carriage return": "a\rb",
    "both": "a\r\nb",
    "a tab": "a\tb",
    "a bell": "a\x07b",
    "an escape sequence": "\x1b[2J\x1b]0;x\x07",
    "a C1 control": "a\x9b2Jb",
    "a delete": "a\x7fb",
    "a next line": "a\x85b",
    "a line separator": "a\u2028b",
    "a paragraph separator": "a\u2029b",
    "right to left": "a\u202etxt.exe",
    "isolates": "a\u2066b\u2069",
    "a zero width space": "a\u200bb",
    "a byte order mark": "\ufeffa",
    "a tag character": "a\U000e0041",
    "half a pair": "a\ud800",
    "the other half": "\udfffa",
    "an undecodable byte": os.fsdecode(b"a\xff"),
    "a full-width slash": "..\uff0fx",
    "a division slash": "..\u2215x",
    "a fraction slash": "..\u2044x",
    "full-width dots": "\uff0e\uff0e",
    "a two dot leader": "\u2025",
    "encoded dots": "%2e%2e",
    "an encoded slash": "..%2fx",
    "encoded twice": "%252e%252e%252fx",
    "an overlong slash": "..%c0%afx",
    "an encoded NUL": "a%00b",
    "composed": "\u00e9",
    "decomposed": "e\u0301",
    "upper case": "A",
    "lower case": "a",
    "a sharp s": "ß",
    "two s": "SS",
    "a dotted I": "İ",
    "a ligature": "ﬁ",
    "255 bytes": "x" * 255,
    "256 bytes": "x" * 256,
    "256 bytes in 86 letters": "€" * 86,
    "a long stem": "x" * 300 + ".ndjson",
    "our report": "_download_status_x_20250101_000000.txt",
    "nearly our report": "_download_status_",
    "our part file": f".a.{_PART}",
    "our part file of a broken name": f".a\nb.{_PART}",
    "our hidden report": f"._download_status_x.{_PART}",
    "our probe": ".case-0123.part",
    "any part file": "a.part",
    "a forged success": "a: OK - Skipped (already exists) [5 bytes, md5:0]",
    "a forged line": "a\nb: OK - Skipped (already exists) [5 bytes, md5:0]",
    "a forged failure": "a: FAILURE - x",
    "a forged summary": "a\n\nSummary:\n--------\nTotal files: 0",
    "an escape of ours": "a\\nb\\x3a",
    "a home's key": ".ssh/authorized_keys",
    "a format": "%s%n{0}{x!r}",
    "markup": "<b>&amp;]]>",
    "a quote": "'\"`",
}  # fmt: skip
"""What a name, or one segment of a path, may hold."""

NAMES: Final[Mapping[str, str]] = {
    **ZOO,
    "absolute": "/etc/passwd",
    "absolute, twice": "//etc/passwd",
    "up": "../x",
    "up and down": "a/../../x",
    "up though it stays": "a/../x",
    "up at the end": "a/..",
    "up behind a dot": "./../x",
    "up behind nothing": "a//../..//x",
    "far up": "../" * 50 + "etc/passwd",
    "a folder": "a/",
    "a folder, twice": "a//",
    "an empty segment": "a//b",
    "a dot segment": "./a/./b",
    "a folder that is a file too": "lower/x",
    "the file that is a folder too": "lower",
    "the process's own files": "/proc/self/fd/1",
    "a path of 3,501 bytes": "/".join(["x" * 249] * 14) + "/y",
    "255 folders": "a/" * 255 + "x",
    "256 folders": "a/" * 256 + "x",
    "1,700 folders": "a/" * 1700 + "x",
    "10,000 components": "a/" * 10_000 + "x",
    "10,000 ups": "../" * 10_000 + "x",
    "16 KiB": "x" * 2**14,
    "16 KiB of slashes": "/" * 2**14,
    "16 KiB of dots": "." * 2**14,
    "16 KiB of NULs": "\0" * 2**14,
    "16 KiB of half pairs": "\ud800" * 2**14,
    "a part file below": f"a/.a.{_PART}",
    "a report below": "a/_download_status_x_20250101_000000.txt",
}
"""Whole paths and keys."""

_DEEP: Final = json.loads("[" * 200 + "]" * 200)

VALUES: Final[Mapping[str, object]] = {
    "null": None,
    "true": True,
    "zero": 0,
    "below zero": -1,
    "beyond 63 bits": 2**63,
    "4,000 digits": 10**3999,
    "a fraction": 1.5,
    "a whole fraction": 5.0,
    "beyond all fractions": 1e308,
    "not a number": float("nan"),
    "without end": float("inf"),
    "an empty list": [],
    "an empty group": {},
    "a list": [1, "a", None],
    "a group": {"a": 1},
    "a deep list": _DEEP,
    "a long list": [0] * 2_000,
    "a wide group": {f"k{number}": number for number in range(500)},
    "a long text": "x" * 100_000,
    "an object of Python": {"__class__": "os.system", "py/object": "os.system"},
    **{f"the text {what}": text for what, text in ZOO.items()},
}
"""What may stand where something else is due."""

SNIPPETS: Final[Sequence[bytes]] = (
    *(text.encode("utf-8", "surrogateescape" if what == "an undecodable byte" else "surrogatepass")
      for what, text in ZOO.items()),
    b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xfe\xff", b"\xef\xbb\xbf", b"\0", b"\n", b"\r\n", b"\t", b" ", b"  ",
    b"    ",
    b"{", b"}", b"[", b"]", b"(", b")", b",", b":", b": ", b"; ", b"\"", b"'", b"\\", b"#", b"-", b"- ", b"? ", b"|",
    b">",
    b"&a ", b"*a", b"!!int ", b"!!python/object:os.system ", b"!!bool ", b"!!float ", b"!!binary ", b"!x ",
    b"<<: *a", b"%YAML 1.1\n---\n",
    b"---\n", b"...\n", b"${", b"${X", b"${X}", b"${X:-", b"${X:-${X}}", b"$$", b"\"\\ud800\"", b"\"\\UFFFFFFFF\"",
    b"\"\\x00\"",
    b"NaN", b"-Infinity", b"1e999", b"9" * 5_000, b"0x" + b"f" * 5_000, b"1:1:1:1:1", b"0o777", b"0" * 100, b"-",
    b"[" * 300, b"{\"a\":" * 300,
    b"\"a\": 1, \"a\": 2", b"null", b"true", b"\"__proto__\": {}", b" [5 bytes]", b" bytes", b"]\n", b": OK - ",
    b": FAILURE - ",
    b"OK - Skipped (already exists) [5 bytes, md5:0]\n", b"Status: SUCCESS\n", b"Summary:\n--------\n",
    b"Files:\n------\n",
)  # fmt: skip
"""What may come into a text of any kind."""


# --- strategies -------------------------------------------------------------------------------------------------------

_segments: Final = st.sampled_from([*ZOO.values(), "a", "b", "a", "b", "lower"])
_joined: Final = st.lists(_segments, min_size=1, max_size=4).map("/".join)
_run_together: Final = st.lists(_segments, min_size=2, max_size=3).map("".join)
_handy: Final = st.sampled_from([name for name in NAMES.values() if len(name) < 500])
names: Final = st.one_of(_joined, _run_together, _handy, st.text(max_size=8))
"""Paths and keys, most of them made of the pieces above, and none of megabytes."""


@st.composite
def mutated(draw: st.DrawFn, good: Any, odd: Sequence[object] = (*VALUES.values(),)) -> Any:
    """`good`, a value of JSON, with something in it replaced, taken away, doubled or added."""
    way = draw(st.sampled_from(list(_ways(good))))
    how = draw(st.sampled_from(["replace", "replace", "replace", "remove", "double", "add"]))
    return _changed(good, way, how, draw(st.sampled_from(odd)))


def _ways(value: Any, way: Way = ()) -> Iterator[Way]:
    yield way
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in inside:
        yield from _ways(held, (*way, key))


def _changed(value: Any, way: Way, how: str, odd: object) -> Any:
    if not way:
        return _added(value, odd) if how == "add" else odd
    key, *rest = way
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    if rest or how in ("replace", "add"):
        copy[key] = _changed(value[key], tuple(rest), how, odd)
    elif how == "remove":
        del copy[key]
    elif isinstance(copy, dict):
        copy[f"{key}{key}"] = value[key]
    else:
        copy.insert(int(key), value[int(key)])
    return copy


def _added(value: Any, odd: object) -> Any:
    if isinstance(value, dict):
        return {**value, odd if isinstance(odd, str) else "odd": odd}
    return [*value, odd] if isinstance(value, list) else odd


@st.composite
def damaged(draw: st.DrawFn, good: bytes, most: int = 3) -> bytes:
    """`good` with up to `most` injuries: cut off, a piece put in, taken out or repeated, a byte changed."""
    for _ in range(draw(st.integers(1, most))):
        at = draw(st.integers(0, len(good)))
        end = min(len(good), at + draw(st.sampled_from([1, 1, 2, 5, 20, 100])))
        how = draw(st.sampled_from(["put in", "put in", "put in", "replace", "replace", "take out", "repeat", "cut"]))
        snippet = draw(st.sampled_from(SNIPPETS)) if how in ("put in", "replace") else b""
        middle = {"put in": good[at:end], "repeat": good[at:end] * 2}.get(how, b"")
        good = good[:at] + snippet + middle + (b"" if how == "cut" else good[end:])
    return good


# --- holding ----------------------------------------------------------------------------------------------------------


def held_against(
    cases: st.SearchStrategy[Case], outcomes: Collection[str], count: int = CASES
) -> Callable[[Callable[[Case], str]], Callable[[], None]]:
    """Makes a test of a function that holds one case and answers, in a word, what became of it.

    The same cases each time, and `count` of them really run to their end; each of `outcomes` is that of one in fifty at
    least, so that a generator whose cases all end at the first look does not pass for a proof.
    """

    def decorate(check: Callable[[Case], str]) -> Callable[[], None]:
        @wraps(check)
        def test() -> None:
            seen: Counter[str] = Counter()

            @settings(
                max_examples=count,
                derandomize=True,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(cases)
            def run(case: Case) -> None:
                seen[check(case)] += 1

            run()
            assert seen.total() >= count, seen
            assert seen.keys() <= set(outcomes), seen
            assert all(seen[outcome] >= count // 50 for outcome in outcomes), seen

        del test.__dict__["__wrapped__"]  # pytest would look for fixtures of its arguments' names
        return test

    return decorate


def assert_readable(sentence: str, *, lines: int = 1, most: int = 2_000) -> None:
    """A sentence can be shown to people as it is: not too long, nothing hidden in it, and no line too many."""
    assert 0 < len(sentence) <= most
    assert len(sentence.splitlines()) <= lines
    hidden = {letter for letter in sentence if category(letter) in _HIDDEN} | (set(sentence) & _TURNING)
    assert hidden <= {"\n"}, ascii(sentence)
    sentence.encode()
