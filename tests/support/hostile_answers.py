"""Answers that were right once, with something in them replaced, removed or doubled, and what may be reported of them.

What is mutated stays near to what the code expects, and gets deeper into it than random bytes do. Both are made here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any, Final, TypeVar, cast
from unicodedata import category

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from downloader.errors import DownloadError
from support.secret_search import bears_secret

__all__ = ["ELSEWHERE", "cases", "damaged", "mutated_json", "mutated_markup", "on_one_line", "outcome", "presentable"]

T = TypeVar("T")

_LONGEST_SENTENCE: Final = 1_000
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_DEEP: Final = "@deep@"
_DEPTH: Final = 1_000
"""Brackets in brackets: JSON is still read, and Python's own recursion ends before."""
METADATA: Final = (
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "169.254.43518",
    "169.254.169.254.",
    "127.0.0.1@169.254.169.254",
    "drive.google.com@169.254.169.254",
    "drive.google.com:443@169.254.169.254",
    "169.254.169.254\\@drive.google.com",
    "169.254.169.254#@drive.google.com",
    "169.254.169.254?drive.google.com",
    "169.254.169.254%2f.slooh.com",
    "\u2460\u2465\u2468.254.169.254",
    "169\u3002254\u3002169\u3002254",
)
"""The address at which clouds give out credentials, in spellings that this or that parser reads as the same."""
ELSEWHERE: Final = (
    *(f"{scheme}//{host}/latest/meta-data/" for host in METADATA for scheme in ("http:", "https:", "")),
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "ftp://127.0.0.1/x",
    "gopher://127.0.0.1:6379/_x",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://evil.example/",
    "https://drive.google.com.evil.example/",
    "https://evil.example\\.slooh.com/",
    "http://[",
    "http://[::1",
    "https://\x00/",
    "https://a..b/",
    "https://" + "a" * 300 + "/",
    "http://" + "a/" * 20_000,
)
_ODD: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1.5, 1e308, 10**14, 10**18, 2**63, 2**64, 10**40),
    *("", " ", "\x00", "\r\nX: y", "\x1b[2J", "\u202e", "\ufeff", "true", "-5", "1_000", "\uff19", "1" * 5_000),
    *("x" * 2_000, "\xe4" * 300, "..", "../../etc/passwd", "/etc/passwd", "a/b", "CON", "a" * 255 + ".png", "&#" * 9),
    *([], {}, [[]], [None] * 50, {"a": {"b": []}}, _DEEP, [_DEEP], {"a": _DEEP}),
    *ELSEWHERE,
)
_BYTES: Final = (
    *(b"\x00", b"\xff", b"\xe4", b"\xed\xa0\x80", b'"', b"'", b"<", b">", b"&", b"{", b"[", b"\r", b"\n", b"\\", b"--"),
    *(b"<a ", b"<!--", b"</", b"]]>", b"&#", b"&#x110000;", b"&#" + b"9" * 5_000 + b";", b"\xc3\xa4" * 100),
)


def cases(count: int) -> settings:
    """So many examples, the same each time."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def on_one_line(text: str) -> bool:
    """Whether all of `text` is seen where it stands. What Python's Unicode tables do not know yet may be."""
    return not any(category(character) in _UNSEEN for character in text)


def presentable(error: DownloadError) -> None:
    """Asserts that `error` is one clear sentence, of bounded length, without a secret, and nothing else behind it."""
    text = str(error)
    assert on_one_line(text), ascii(text)
    assert len(text) <= _LONGEST_SENTENCE, ascii(text[:200])
    assert not bears_secret(text), "a secret is shown"
    behind = error.__cause__ or error.__context__
    while behind is not None:
        assert isinstance(behind, DownloadError), f"{type(behind).__name__} is handed on"
        behind = behind.__cause__ or behind.__context__


def outcome(action: Callable[[], T]) -> T | DownloadError:
    """What `action` answers, or the presentable error that it raises. Any other error is a traceback for users."""
    try:
        return action()
    except DownloadError as error:
        presentable(error)
        return error


# --- JSON -------------------------------------------------------------------------------------------------------------

_Path = tuple[str | int, ...]


def mutated_json(good: Any) -> st.SearchStrategy[bytes]:
    """`good` as JSON, one to three of its nodes replaced, removed or doubled."""
    places = list(_places(good))
    change = st.tuples(st.sampled_from(places), st.sampled_from(["replace", "replace", "remove", "double"]), _values())
    return st.lists(change, min_size=1, max_size=3).map(lambda changes: _encoded(_changed(good, changes)))


def _values() -> st.SearchStrategy[Any]:
    return st.sampled_from(_ODD) | st.text(max_size=20) | st.integers()


def _places(node: Any, path: _Path = ()) -> Iterator[_Path]:
    yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in children:
        yield from _places(child, (*path, name))


def _changed(good: Any, changes: Sequence[tuple[_Path, str, Any]]) -> Any:
    held = {"": deepcopy(good)}
    for path, how, value in changes:
        _change(held, ("", *path), how, value)
    return held.get("")


def _change(node: Any, path: _Path, how: str, value: Any) -> None:
    """One change, where its place is still there. A text has letters at places, and none of them can be changed."""
    *above, last = cast(tuple[Any, ...], path)
    try:
        for step in above:
            node = node[step]
        node[last]  # is it there?
    except (KeyError, IndexError, TypeError):
        return
    if isinstance(node, str):
        return
    if how == "remove" and path != ("",):
        del node[last]
    elif how == "double" and type(node) is list:
        node.extend([node[last]] * 3)
    else:
        node[last] = value


def _encoded(held: Any) -> bytes:
    text = json.dumps(held).encode("utf-8", "replace")
    return text.replace(f'"{_DEEP}"'.encode(), b"[" * _DEPTH + b"]" * _DEPTH)


# --- markup, and any bytes --------------------------------------------------------------------------------------------

_OFTEN: Final = 5_000
"""Bytes of what is repeated."""
_TOKEN: Final = re.compile(rb'(<[^<>]*>|"[^"]*")')


def mutated_markup(good: bytes, more: Sequence[bytes] = ()) -> st.SearchStrategy[bytes]:
    """`good`, one to four of its tags, attributes' values and texts replaced, removed, doubled, or repeated often.

    `more`: what may stand in their places, besides what always may.
    """
    tokens = _TOKEN.split(good)
    value = st.sampled_from([*_BYTES, *more, *(f'"{one}"'.encode() for one in ELSEWHERE)])
    where = st.integers(0, len(tokens) - 1)
    how = st.sampled_from(["replace", "replace", "remove", "double", "often", "swap"])
    changes = st.lists(st.tuples(where, how, value), min_size=1, max_size=4)
    return changes.map(lambda found: b"".join(_retold(list(tokens), found)))


def _retold(tokens: list[bytes], changes: Sequence[tuple[int, str, bytes]]) -> list[bytes]:
    for where, how, value in changes:
        held = tokens[where]
        also = (where * 7 + 3) % len(tokens)
        often = held * (_OFTEN // max(len(held), 1))
        tokens[where] = {"replace": value, "remove": b"", "double": held * 2, "often": often}.get(how, held)
        if how == "swap":
            tokens[where], tokens[also] = tokens[also], held
    return tokens


def damaged(good: bytes) -> st.SearchStrategy[bytes]:
    """`good`, cut short, with bytes put in or taken out; or bytes that never were anything."""
    where = st.integers(0, len(good))
    value = st.sampled_from(_BYTES) | st.binary(max_size=8)
    changes = st.lists(st.tuples(where, st.sampled_from([0, 0, 1, 40]), value), min_size=1, max_size=4)
    return changes.map(lambda found: _spliced(good, found)) | where.map(lambda at: good[:at]) | st.binary(max_size=200)


def _spliced(good: bytes, changes: Sequence[tuple[int, int, bytes]]) -> bytes:
    for where, gone, value in changes:
        good = good[:where] + value + good[where + gone :]
    return good
