r"""Escapes text so that it cannot leave its line, without loss.

A backslash starts an escape: ``\\``, ``\n``, ``\r``, ``\t``, ``\x1b``, ``\u2028``, ``\U000e0041``. Escaped are line
breaks of any kind, control characters, invisible characters, those that change the direction of text, and those that
UTF-8 cannot encode. All other characters, in any script, stay as they are.

The set is written out because `str.isprintable` changes with Python's Unicode tables, and a report has to read the same
with the next version of Python.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "UNSAFE",
    "escape",
    "escape_assurance",
    "escape_label",
    "escape_message",
    "escape_name",
    "quoted",
    "unescape",
    "visible",
]

UNSAFE: Final = (
    "\\\\"
    "\x00-\x1f\x7f-\x9f"  # controls; among them every ASCII line break, and NEL
    "\xad\u180e\u200b\u2060-\u2065\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # invisible
    "\u2028\u2029"  # line and paragraph separators
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # the direction of text
    "\ud800-\udfff"  # lone surrogates, as in a file name that is not valid UTF-8
)
"""The characters to escape, for use inside the character class of a regular expression."""

_UNSAFE = re.compile(f"[{UNSAFE}]+")
_UNSAFE_BUT_BREAKS = re.compile(rf"(?:(?![\\\n])[{UNSAFE}])+")
_ESCAPE = re.compile(r"\\(?:([\\nrt])|x([0-9a-f]{2})|u([0-9a-f]{4})|U(00(?:0[0-9a-f]|10)[0-9a-f]{4}))")
_SHORT: Final = {"\\": "\\\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
_LONG: Final = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}

_LOOKS_LIKE_A_STATUS = re.compile(r":(?= (?:OK|FAILURE) - )")
_LONGEST_QUOTED: Final = 120
_CHECKSUM = re.compile(r"[a-z0-9-]+:[0-9a-z-]*")
_ALGORITHM = re.compile(r"[a-z0-9-]+:")


def escape(text: str) -> str:
    """`text` on one line, printable and encodable. `unescape` reverses it."""
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return _UNSAFE.sub(_escaped, text)


def escape_name(name: str) -> str:
    """The name of a file, which ends at the first ``: OK - `` or ``: FAILURE - ``."""
    text = escape(name)
    return _LOOKS_LIKE_A_STATUS.sub(r"\\x3a", text) if ": " in text else text


def escape_label(label: str, reserved: str) -> str:
    """A label of the head or the summary, which ends at the first ``: ``.

    `reserved`: the label of a line that the report itself writes. Another line that has it must not be taken for that
    one, so its first character is escaped.
    """
    text = escape(label).replace(": ", r"\x3a ")
    return _spelled(text[0]) + text[1:] if label == reserved else text


def escape_message(message: str) -> str:
    """The message of a failure. It may end the line, where a ``]`` would be read as the end of the facts."""
    text = escape(message)
    return text[:-1] + r"\x5d" if text.endswith("]") else text


def escape_assurance(assurance: str) -> str:
    """An assurance, the last fact of a bracket.

    Checksums stay as they are. Anything that does not start like one could be read as another fact, so its first
    character is escaped. Brackets always are.
    """
    if _CHECKSUM.fullmatch(assurance):
        return assurance
    text = escape(assurance).replace("[", r"\x5b").replace("]", r"\x5d")
    if _ALGORITHM.match(text) or text.startswith("\\"):
        return text
    return _spelled(text[0]) + text[1:]


def visible(text: str) -> str:
    """`text` for people, of one or more lines, with unsafe characters escaped. Cannot be reversed."""
    return _UNSAFE_BUT_BREAKS.sub(_escaped, text)


def unescape(text: str) -> str:
    """The inverse of the `escape` functions. A backslash that starts no escape stays as it is."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def quoted(text: str) -> str:
    """The beginning of `text` in quotes, on one line, for a message."""
    return repr(text[:_LONGEST_QUOTED])


def _escaped(match: re.Match[str]) -> str:
    """A run of unsafe characters, for what somebody hostile writes has thousands of them."""
    return match[0].translate(_ESCAPES)


class _Escapes(dict[int, str]):
    """By the code of the character, each made when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = shown = _SHORT.get(character) or _spelled(character)
        return shown


_ESCAPES: Final = _Escapes()


def _spelled(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _character(match: re.Match[str]) -> str:
    short, *codes = match.groups()
    return _LONG[short] if short else chr(int("".join(code or "" for code in codes), 16))
