"""Scans one JSON value piece by piece, by the grammar of RFC 8259, and holds some hundred bytes of it.

For values that a parser cannot take: lines too long to be held in memory, and lines that the parser refuses though the
grammar allows them. Answers whether it is JSON, and the ``resourceType`` of an object; builds nothing.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Callable
from functools import cache
from typing import Final

__all__ = ["MISSING", "JsonScanner", "NotJson"]

MISSING: Final = object()
"""`JsonScanner.kind` of an object without a ``resourceType``."""

_MOST_DEPTH: Final = 1_000_000
"""Nested objects and arrays: each takes one byte of memory."""
_USUAL_DEPTH: Final = 1_000
"""Deeper ones are refused by many parsers."""
_MOST_DIGITS: Final = 400
"""A whole number of so many digits does not fit into a double."""
_CAPTURED: Final = 1_024
"""Bytes of a name or text that are kept, to be compared."""
_TYPE: Final = "resourceType"


def _repeated(choices: bytes) -> bytes:
    """The pattern of any number of them, possessive.

    Before Python 3.11.5 (Debian 12 has 3.11.2) such a repetition ends where its last round failed, not where the one
    before it ended: https://github.com/python/cpython/issues/106052. The last choice, ``(?!)``, fails where it began.
    """
    return b"(?:" + choices + b"|(?!))*+"


_SPACE: Final = rb"[ \t\r\n]*+"
_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
"""Escapes of the two halves of a character."""
_PLAIN: Final = _repeated(
    rb'[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u(?:[0-9abcefABCEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2})|' + (_HIGH + _LOW)
)
"""Characters of a string, but for halves of one."""
_SHORT: Final = rb"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?"
_SCALAR: Final = b'"' + _PLAIN + b'"|' + _SHORT + b"|true|false|null"
_FIELD: Final = b'"' + _PLAIN + b'"' + _SPACE + b":" + _SPACE
_NESTED: Final = 4


def _shallow(levels: int) -> bytes:
    """The pattern of a whole value with at most so many levels. Possessive, so that no byte is tried twice a level."""
    if not levels:
        return b"(?:" + _SCALAR + b")"
    inner = _shallow(levels - 1)
    item = inner + _SPACE + rb"(?:," + _SPACE + rb"(?![\]}])|(?=[\]}]))"
    fields = rb"\{" + _SPACE + _repeated(_FIELD + item) + rb"\}"
    items = rb"\[" + _SPACE + _repeated(item) + rb"\]"
    return b"(?:" + _SCALAR + b"|" + fields + b"|" + items + b")"


_WHOLE: Final = _shallow(_NESTED) + rb"(?=[ \t\r\n]*+[,\]}])"
_SKIPPED: Final = _USUAL_DEPTH - _NESTED
"""The depth up to which such values are not counted level by level."""
_COMMA: Final = _SPACE + b"," + _SPACE
_BLANK: Final = re.compile(_SPACE)
_TEXT: Final = re.compile(_PLAIN)
_HALF: Final = re.compile(_HIGH + b"|" + _LOW)
_ESCAPE: Final = 6
_NUMBER: Final = re.compile(rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
_BEGUN_NUMBER: Final = re.compile(rb"-?[0-9]*+(?:\.[0-9]*+)?(?:[eE][+-]?[0-9]*+)?")
_LONG_DIGITS: Final = re.compile(rb"[0-9]{%d,}" % _MOST_DIGITS)
_LITERALS: Final = (b"true", b"false", b"null")
_UNKNOWN_LITERALS: Final = (b"NaN", b"Infinity", b"-Infinity")

_OBJECT, _ARRAY = b"{"[0], b"["[0]


class NotJson(Exception):
    """The bytes are not JSON. Its text is a sentence without what stands in them."""


@cache
def _patterns() -> tuple[re.Pattern[bytes], re.Pattern[bytes], re.Pattern[bytes]]:
    """A value, and what follows in an object or an array, of few levels: most of a resource, taken in one step.

    Compiled where they are needed: that takes a quarter of the time in which all of the engine is imported.
    """
    fields = _repeated(_COMMA + _FIELD + _WHOLE)
    items = _repeated(_COMMA + _WHOLE)
    return re.compile(_WHOLE), re.compile(fields), re.compile(items)


class JsonScanner:
    """One value. `begun` and `ended`: how far it has come; `oddities`: what parsers refuse though it is JSON."""

    def __init__(self) -> None:
        self.begun = ""
        """``object``, ``array``, ``string``, ``number`` or ``literal``."""
        self.ended = False
        self.kind: object = MISSING
        """The ``resourceType`` of an object: the text of the last of that name, None if that is not text."""
        self.oddities: set[str] = set()
        self._shallow, self._fields, self._items = _patterns()
        self._stack = bytearray()
        self._rest = b""
        self._at = 0
        """Bytes before `_rest`."""
        self._final = False
        self._name = False
        """Whether the string that is being read is a name of an object."""
        self._captured: bytearray | None = None
        self._typed = False
        """Whether the value that comes is the ``resourceType``."""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_utf8 = True
        self._next: Callable[[int], int] = self._value

    @property
    def is_open(self) -> bool:
        """Whether the value is an object or an array that has not ended."""
        return bool(self._stack)

    @property
    def is_blank(self) -> bool:
        """Whether nothing but white space has come."""
        return not (self.begun or self._rest)

    def feed(self, data: bytes) -> None:
        """Takes the next bytes. Raises NotJson; must not be called again after that."""
        self._check_utf8(data)
        self._rest += data
        self._scan()

    def conclude(self) -> None:
        """Ends the bytes. Raises NotJson if the value has not ended, or is not UTF-8."""
        self._final = True
        self._check_utf8(b"")
        self._scan()
        if not self.ended:
            raise NotJson(f"it ends in the middle of a JSON {self.begun or 'value'}")
        if not self._is_utf8:
            raise NotJson("its text is not UTF-8; Latin-1 or Windows-1252, perhaps")

    def _check_utf8(self, data: bytes) -> None:
        if self._is_utf8:
            try:
                self._decoder.decode(data, self._final)
            except UnicodeDecodeError:
                self._is_utf8 = False

    def _scan(self) -> None:
        at, end = 0, len(self._rest)
        while at < end:
            before, state = at, self._next
            at = self._next(at)
            if at == before and state == self._next:
                break  # more bytes are needed
        self._rest = self._rest[at:]
        self._at += at

    def _unexpected(self, at: int) -> NotJson:
        place = f"byte {self._at + at + 1:,}"
        if self._rest.startswith(_UNKNOWN_LITERALS, at):
            return NotJson(f"it is not JSON (NaN or Infinity, {place})")
        if self.ended:
            return NotJson(f"more follows behind the JSON {self.begun} ({place})")
        return NotJson(f"it is not JSON (unexpected character, {place})")

    # Each of the following takes the position of what comes next in `_rest`, and returns the one behind it: the same
    # one if more bytes are needed to decide.

    def _blank(self, at: int) -> int:
        match = _BLANK.match(self._rest, at)
        return match.end() if match else at

    def _value(self, at: int) -> int:
        at = self._blank(at)
        if at == len(self._rest):
            return at
        whole = self._shallow.match(self._rest, at) if 0 < len(self._stack) <= _SKIPPED and not self._typed else None
        if whole:
            self._end_value()
            return whole.end()
        first = self._rest[at]
        if first in (_OBJECT, _ARRAY):
            self._begin("object" if first == _OBJECT else "array")
            self._open(first, at)
            return at + 1
        if first == b'"'[0]:
            self._begin("string")
            self._begin_string(name=False)
            return at + 1
        return self._number(at) if first in b"-0123456789" else self._literal(at)

    def _begin(self, what: str) -> None:
        self.begun = self.begun or what
        if self._typed:
            self.kind = None

    def _open(self, bracket: int, at: int) -> None:
        if len(self._stack) >= _MOST_DEPTH:
            raise NotJson(f"more than {_MOST_DEPTH:,} levels are nested (byte {self._at + at + 1:,})")
        self._stack.append(bracket)
        self._typed = False
        if len(self._stack) > _USUAL_DEPTH:
            self.oddities.add(f"more than {_USUAL_DEPTH:,} nested levels")
        self._next = self._first_name if bracket == _OBJECT else self._first_item

    def _close(self) -> None:
        self._stack.pop()
        self._end_value()

    def _end_value(self) -> None:
        self._typed = False
        self.ended = not self._stack
        self._next = self._behind if self._stack else self._nothing_more

    def _nothing_more(self, at: int) -> int:
        at = self._blank(at)
        if at < len(self._rest):
            raise self._unexpected(at)
        return at

    def _first_name(self, at: int) -> int:
        return self._or_close(at, b"}", self._name_of)

    def _first_item(self, at: int) -> int:
        return self._or_close(at, b"]", self._value)

    def _or_close(self, at: int, bracket: bytes, otherwise: Callable[[int], int]) -> int:
        at = self._blank(at)
        if at == len(self._rest):
            return at
        if self._rest.startswith(bracket, at):
            self._close()
            return at + 1
        self._next = otherwise
        return at

    def _name_of(self, at: int) -> int:
        at = self._blank(at)
        if at == len(self._rest):
            return at
        if not self._rest.startswith(b'"', at):
            raise self._unexpected(at)
        self._begin_string(name=True)
        return at + 1

    def _colon(self, at: int) -> int:
        at = self._blank(at)
        if at == len(self._rest):
            return at
        if not self._rest.startswith(b":", at):
            raise self._unexpected(at)
        self._next = self._value
        return at + 1

    def _behind(self, at: int) -> int:
        """Behind a value in an object or an array."""
        is_object = self._stack[-1] == _OBJECT
        # In the outermost object each name may be the one that is looked for.
        if is_object < len(self._stack) <= _SKIPPED:
            match = (self._fields if is_object else self._items).match(self._rest, at)
            at = match.end() if match else at
        at = self._blank(at)
        if at == len(self._rest):
            return at
        if self._rest.startswith(b"}" if is_object else b"]", at):
            self._close()
        elif self._rest.startswith(b",", at):
            self._next = self._name_of if is_object else self._value
        else:
            raise self._unexpected(at)
        return at + 1

    def _begin_string(self, *, name: bool) -> None:
        self._name = name
        self._captured = bytearray() if self._typed or (name and len(self._stack) == 1) else None
        self._next = self._string

    def _string(self, at: int) -> int:
        match = _TEXT.match(self._rest, at)
        end = match.end() if match else at
        self._capture(at, end)
        if end == len(self._rest):
            return end
        if self._rest.startswith(b'"', end):
            self._end_string()
            return end + 1
        return self._half(end)

    def _half(self, at: int) -> int:
        """What is no whole character: half of one, or one of which the rest has not come."""
        ends = self._rest.find(b'"', at + _ESCAPE) >= 0 or len(self._rest) - at >= 2 * _ESCAPE
        if self._rest.startswith(b"\\", at) and not (ends or self._final):
            return at
        found = _HALF.match(self._rest, at)
        if found is None:
            raise self._unexpected(at)
        self.oddities.add("half of a surrogate pair")
        self._capture(at, found.end())
        return found.end()

    def _capture(self, start: int, end: int) -> None:
        if self._captured is not None and len(self._captured) <= _CAPTURED:
            self._captured += self._rest[start : min(end, start + _CAPTURED + 1)]

    def _end_string(self) -> None:
        held, self._captured = self._captured, None
        text = None
        if held is not None and len(held) <= _CAPTURED:
            text = json.loads(b'"' + held.decode("utf-8", "replace").encode() + b'"')
        if self._name:
            self._typed = text == _TYPE
            self._next = self._colon
            return
        if self._typed:
            self.kind = "" if text is None else text
        self._end_value()

    def _number(self, at: int) -> int:
        self._begin("number")
        begun = _BEGUN_NUMBER.match(self._rest, at)
        if begun and begun.end() == len(self._rest) and not self._final:
            if len(self._rest) - at > 2 * _MOST_DIGITS:
                shorter = _shortened(self._rest[at:])
                self._at += len(self._rest) - at - len(shorter)
                self._rest = self._rest[:at] + shorter
            return at
        match = _NUMBER.match(self._rest, at)
        if match is None:
            raise self._unexpected(at)
        if math.isinf(float(_shortened(match[0]))):
            self.oddities.add("a number beyond the range of a double")
        self._end_value()
        return match.end()

    def _literal(self, at: int) -> int:
        for word in _LITERALS:
            if self._rest.startswith(word, at):
                self._begin("literal")
                self._end_value()
                return at + len(word)
            if not self._final and word.startswith(self._rest[at:]):
                return at
        raise self._unexpected(at)


def _shortened(number: bytes) -> bytes:
    """A number with fewer digits: to the grammar, and to the range of a double, it is as good as the longer one."""
    return _LONG_DIGITS.sub(b"9" * _MOST_DIGITS, number)
