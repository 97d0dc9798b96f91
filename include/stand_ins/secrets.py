"""Secrets that the stand-ins and the tests use. They are made here and nowhere else, so that a test can find them.

A secret is what opens something: a password, a secret key, a session's token, an API key, the value of a cookie, the
signature of an address, the key of a shared link. A login, an access key id or the name of a cookie only names
somebody and is no secret; nor is a ``NextContinuationToken``, which opens nothing but the next page.

Each secret begins and ends with the same mark, so that nobody has to list them, that those of other processes are
recognised too, and that half a secret is found as well. The mark consists of small letters: it looks the same quoted
for an address, escaped as JSON or in a ``repr``.
"""

from __future__ import annotations

from typing import Final

__all__ = ["MARK", "secret"]

MARK: Final = "nevertobeshown"


def secret(what: str, odd: str = "") -> str:
    """A secret that opens nothing. `what` distinguishes it from others; `odd`: characters that must survive quoting."""
    return f"{MARK}-{what}-{odd}{MARK}"
