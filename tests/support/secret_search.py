"""Finds the secrets of the tests in any text: see `include.stand_ins.secrets` for what a secret is."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Final

from include.stand_ins.secrets import MARK

__all__ = ["bears_secret", "hidden", "shown_in", "told_of"]

_SHORTEST: Final = 12
"""A shorter one is found by chance."""
_AROUND: Final = 60
"""Characters that are shown on either side of a find."""
_HIDDEN: Final = "<a secret>"


def _base64(text: str) -> list[str]:
    """What base64 makes of `text` at each of the three places that it may have among other bytes."""
    data = text.encode()
    whole = [b64encode(bytes(before) + data).decode() for before in range(3)]
    return [one[-(-before * 8 // 6) : (before + len(data)) * 8 // 6] for before, one in enumerate(whole)]


_MARKS: Final = (MARK, *_base64(MARK), MARK.encode().hex())
_HALF: Final = rf"[A-Za-z0-9+/_-]*(?:{'|'.join(_MARKS)})[A-Za-z0-9+/=_-]*"
_WHOLE: Final = re.compile(rf"{MARK}(?:(?!{MARK}).){{0,200}}{MARK}|{_HALF}", re.DOTALL)
_SIGNED: Final = re.compile(r"ignature\W{1,4}[0-9a-f]{64}")
"""What a client of S3 makes of a secret key: nobody hands it out, so it bears no mark. Begins with letters: they are
found fast."""
_others: list[str] = []


def told_of(*values: str) -> None:
    """Adds secrets that the programs which the tests start have made: they are sought from now on."""
    short = [value for value in values if len(value) < _SHORTEST]
    if short:
        raise ValueError(f"{len(short)} secrets of less than {_SHORTEST} characters would be found by chance")
    _others.extend(value for value in values if value not in _others)


def bears_secret(text: str) -> bool:
    """Whether a secret stands in `text`, as it is, or in base64 or hexadecimal digits."""
    return (
        any(mark in text for mark in _MARKS)
        or any(other in text for other in _others)
        or _SIGNED.search(text) is not None
    )


def shown_in(text: str) -> str:
    """The first secret's surroundings, without any secret; empty where there is none."""
    if not bears_secret(text):
        return ""
    shown = hidden(text)
    at = shown.find(_HIDDEN)
    return shown[max(at - _AROUND, 0) : at + len(_HIDDEN) + _AROUND]


def hidden(text: str) -> str:
    """`text` without any secret."""
    shown = _SIGNED.sub(f"ignature{_HIDDEN}", _WHOLE.sub(_HIDDEN, text))
    for other in _others:
        shown = shown.replace(other, _HIDDEN)
    return shown
