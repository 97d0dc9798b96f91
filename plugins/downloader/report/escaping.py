r"""Text that cannot break out of its line, and reads back as what it was.

A backslash begins an escape: ``\\``, ``\n``, ``\r``, ``\t``, ``\x1b``, ``\u2028``, ``\U000e0041``. Escaped is what
ends a line anywhere, what a terminal obeys, what is not seen or turns the order of what is seen around, and what UTF-8
cannot hold. All other characters, in any script, stay as they are.

The set is written out rather than asked from `str.isprintable`: that one changes with Python's Unicode tables, and a
report must read the same with the next Python.
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
    "unescape",
    "visible",
]

UNSAFE: Final = (
    "\\\\"
    "\x00-\x1f\x7f-\x9f"  # controls; among them every ASCII line break, and NEL
    "\xad\u180e\u200b\u2060-\u2065\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # invisible
    "\u2028\u2029"  # line and paragraph separators
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # the direction of text
    "\ud800-\udfff"  # lone surrogates: what Python makes of a file name that is no UTF-8
)
"""The inside of a regular expression's character class."""

_UNSAFE = re.compile(f"[{UNSAFE}]")
_UNSEEN = re.compile(rf"(?![\\\n])[{UNSAFE}]")
_ESCAPE = re.compile(r"\\(?:([\\nrt])|x([0-9a-f]{2})|u([0-9a-f]{4})|U(00(?:0[0-9a-f]|10)[0-9a-f]{4}))")
_SHORT: Final = {"\\": "\\\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
_LONG: Final = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}

_PASSES_FOR_A_STATUS = re.compile(r":(?= (?:OK|FAILURE) - )")
_CHECKSUM = re.compile(r"[a-z0-9-]+:[0-9a-z-]*")
_ALGORITHM = re.compile(r"[a-z0-9-]+:")


def escape(text: str) -> str:
    """`text` on one line, printable and encodable. `unescape` turns it back."""
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return _UNSAFE.sub(_escaped, text)


def escape_name(name: str) -> str:
    """A file's name, which ends where ``: OK - `` or ``: FAILURE - `` begins for the first time."""
    text = escape(name)
    return _PASSES_FOR_A_STATUS.sub(r"\\x3a", text) if ": " in text else text


def escape_label(label: str) -> str:
    """A head's or summary's label, which ends at the first ``: ``."""
    return escape(label).replace(": ", r"\x3a ")


def escape_message(message: str) -> str:
    """A failure's message, which may end its line: a ``]`` at its end would pass for the end of a bracket."""
    text = escape(message)
    return text[:-1] + r"\x5d" if text.endswith("]") else text


def escape_assurance(assurance: str) -> str:
    """An assurance, which is the last fact of a bracket.

    Checksums stay as they are. Whatever does not begin as one would pass for another fact, so its first character is
    escaped; brackets are in any case.
    """
    if _CHECKSUM.fullmatch(assurance):
        return assurance
    text = escape(assurance).replace("[", r"\x5b").replace("]", r"\x5d")
    if _ALGORITHM.match(text) or text.startswith("\\"):
        return text
    return _spelled(text[0]) + text[1:]


def visible(text: str) -> str:
    """`text` for people, of one line or several, with what is not seen or is obeyed spelled out. Does not read back."""
    return _UNSEEN.sub(_escaped, text)


def unescape(text: str) -> str:
    """The inverse of all the others. What is no escape stays as it is."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _escaped(match: re.Match[str]) -> str:
    return _SHORT.get(match[0]) or _spelled(match[0])


def _spelled(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _character(match: re.Match[str]) -> str:
    short, *codes = match.groups()
    return _LONG[short] if short else chr(int("".join(code or "" for code in codes), 16))
