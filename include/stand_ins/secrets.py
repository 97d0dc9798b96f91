"""Secrets of the tests. They are made here and nowhere else, so that each is known wherever it turns up.

A secret is what opens something: a password, a secret key, a session's token, an API key, the value of a cookie, the
signature of an address, the key of a shared link. What only names somebody is none: a login, an access key id, the name
of a cookie. Nor is what opens a door for a page's next entries (``NextContinuationToken``).

Each bears the same face at both ends, so that nobody has to list them, that those of other processes are known too,
and that half a secret is found as well. The face is of small letters: it looks the same quoted for an address, escaped
as JSON or behind a ``repr``.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Final

__all__ = ["bears_secret", "hidden", "secret", "shown_in", "told_of"]

_FACE: Final = "nevertobeshown"
_SHORTEST: Final = 12
"""A shorter one is found by chance."""
_AROUND: Final = 60
"""Characters that are shown on either side of a find."""
_HIDDEN: Final = "<a secret>"


def secret(what: str, odd: str = "") -> str:
    """A secret that opens nothing. `what` tells it from others; `odd` are signs that have to survive the journey."""
    return f"{_FACE}-{what}-{odd}{_FACE}"


def _base64(text: str) -> list[str]:
    """What base64 makes of `text` at each of the three places that it may have among other bytes."""
    data = text.encode()
    whole = [b64encode(bytes(before) + data).decode() for before in range(3)]
    return [one[-(-before * 8 // 6) : (before + len(data)) * 8 // 6] for before, one in enumerate(whole)]


_SIGNS: Final = (_FACE, *_base64(_FACE), _FACE.encode().hex())
_HALF: Final = rf"[A-Za-z0-9+/_-]*(?:{'|'.join(_SIGNS)})[A-Za-z0-9+/=_-]*"
_WHOLE: Final = re.compile(rf"{_FACE}(?:(?!{_FACE}).){{0,200}}{_FACE}|{_HALF}", re.DOTALL)
_SIGNED: Final = re.compile(r"(?<=ignature)\W{1,4}[0-9a-f]{64}")
"""What a client of S3 makes of a secret key: nobody hands it out, so it has no face."""
_others: list[str] = []


def told_of(*values: str) -> None:
    """Secrets that somebody else has made: the programs that the tests start. Sought from now on."""
    short = [value for value in values if len(value) < _SHORTEST]
    if short:
        raise ValueError(f"{len(short)} secrets of less than {_SHORTEST} characters would be found by chance")
    _others.extend(value for value in values if value not in _others)


def bears_secret(text: str) -> bool:
    """Whether a secret stands in `text`, as it is, or in base64 or hexadecimal digits."""
    return (
        any(sign in text for sign in _SIGNS)
        or any(other in text for other in _others)
        or ("ignature" in text and _SIGNED.search(text) is not None)
    )


def shown_in(text: str) -> str:
    """The first secret's surroundings, without any secret; empty where there is none."""
    if not bears_secret(text):
        return ""
    said = hidden(text)
    at = said.find(_HIDDEN)
    return said[max(at - _AROUND, 0) : at + len(_HIDDEN) + _AROUND]


def hidden(text: str) -> str:
    """`text` without any secret."""
    said = _SIGNED.sub(_HIDDEN, _WHOLE.sub(_HIDDEN, text))
    for other in _others:
        said = said.replace(other, _HIDDEN)
    return said
