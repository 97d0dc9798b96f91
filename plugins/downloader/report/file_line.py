"""The result of one file as one line of the report, and back.

    NAME: OK - WORDS (CLAUSES) [FACTS]
    NAME: FAILURE - MESSAGE [FACTS]

The words are for people and follow from the result. The facts are exact, and hold what the words do not::

    [1294467072 bytes, fetched 524288 bytes, 45.2s, 1204 resources, retryable, md5:9b2c...]

The size is always given if the file has its final name. The other facts are given where the words do not imply them:
``fetched`` if it is not the size (for a skipped or failed file: not 0), the seconds if the words have none and they are
not 0, the resources if they were counted, ``retryable`` if the failure is, and the checksum if one was compared. An
empty bracket is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ..results import FORMS, SIZE_ONLY, UNVERIFIED, FileResult, Outcome, joined
from .escaping import escape, escape_assurance, escape_message, escape_name, unescape
from .quantities import shown_seconds, shown_size

__all__ = ["IS_FAILURE", "IS_OK", "parse_line", "render_line"]

_WORDS: Final = {
    Outcome.DOWNLOADED: "Downloaded",
    Outcome.RESUMED: "Resumed",
    Outcome.SELF_HEALED: "Self-healed",
    Outcome.SKIPPED: "Skipped",
    Outcome.INTACT: "Intact",
}
_OUTCOMES: Final = {words: outcome for outcome, words in _WORDS.items()}
_SAYS_TIME: Final = frozenset({Outcome.DOWNLOADED, Outcome.RESUMED, Outcome.INTACT})
_FETCHES_ALL: Final = frozenset({Outcome.DOWNLOADED, Outcome.RESUMED, Outcome.SELF_HEALED})

_WITHOUT_CHECKSUM: Final = {
    SIZE_ONLY: "size verified, no checksum available",
    UNVERIFIED: "not verified, neither size nor checksum known",
    **{form: f"{form}, no checksum available" for form in FORMS},
    "": "not verified, nothing recorded",
}
_ASSURANCES: Final = {words: assurance for assurance, words in _WITHOUT_CHECKSUM.items()}

IS_OK: Final = ": OK - "
IS_FAILURE: Final = ": FAILURE - "
"""Behind the name in a line. Names are escaped, so the first of the two decides."""
_FACTS = re.compile(
    r"(?:, ([0-9]+) bytes)?(?:, fetched ([0-9]+) bytes)?(?:, ([0-9]+\.[0-9])s)?(?:, ([0-9]+) resources)?"
    r"(, retryable)?(?:, ([^\[\]]+))?"
)
"""Each fact may be missing, and has its comma in front."""


def render_line(result: FileResult) -> str:
    """The line of `result`, without its line break. `parse_line` turns it back into an equal result."""
    name, ok = escape_name(result.name), result.ok
    proved = ok and result.assurance not in _WITHOUT_CHECKSUM
    facts = _facts(result, proved)
    if not ok:
        return f"{name}{IS_FAILURE}{escape_message(result.message)}" + (f" [{facts}]" if facts else "")
    return f"{name}{IS_OK}{_words(result, proved)} [{facts}]"


def parse_line(line: str) -> FileResult:
    """The result that `render_line` made `line` of.

    Accepts some lines that `render_line` would write in another way: the caller renders the result and compares.

    Raises:
        ValueError: `line` is not the line of a file.
    """
    name, is_ok, rest = line.partition(IS_OK)
    if is_ok and IS_FAILURE not in name:
        return _parse_ok(unescape(name), rest)
    name, is_failure, rest = line.partition(IS_FAILURE)
    if is_failure:
        return _parse_failure(unescape(name), rest)
    raise ValueError("neither OK nor FAILURE")


def _words(result: FileResult, proved: bool) -> str:
    outcome = result.outcome
    doubt = "" if proved else _WITHOUT_CHECKSUM[result.assurance]
    message = escape(result.message) if result.message else ""
    if outcome is Outcome.SELF_HEALED:
        clauses = joined(f"{message}, re-downloaded" if message else "re-downloaded", doubt)
    elif outcome is Outcome.SKIPPED:
        clauses = joined("already exists", doubt, message)
    elif doubt:
        clauses = joined(doubt, message)
    else:
        clauses = joined(f"{shown_size(result.size)} in {shown_seconds(result.seconds)}", message)
        if outcome is not Outcome.INTACT:
            return f"{_WORDS[outcome]} and verified ({clauses})"
        clauses = f"verified, {clauses}"
    return f"{_WORDS[outcome]} ({clauses})"


def _facts(result: FileResult, proved: bool) -> str:
    size, outcome = result.size, result.outcome
    failed = outcome is Outcome.FAILED
    facts = [] if failed and not size else [f"{size} bytes"]
    if result.fetched != (size if outcome in _FETCHES_ALL else 0):
        facts.append(f"fetched {result.fetched} bytes")
    if result.seconds and not (proved and outcome in _SAYS_TIME):
        facts.append(shown_seconds(result.seconds))
    if result.resources is not None:
        facts.append(f"{result.resources} resources")
    if result.retryable:
        facts.append("retryable")
    if proved or (failed and result.assurance):
        facts.append(escape_assurance(result.assurance))
    return ", ".join(facts)


def _parse_failure(name: str, rest: str) -> FileResult:
    message, facts = rest, ""
    if rest.endswith("]"):
        message, _, facts = rest[:-1].rpartition(" [")
    size, fetched, seconds, resources, retryable, assurance = _parse_facts(facts)
    return FileResult(
        name,
        Outcome.FAILED,
        int(size or 0),
        int(fetched or 0),
        float(seconds or 0),
        unescape(assurance or ""),
        unescape(message),
        retryable is not None,
        None if resources is None else int(resources),
    )


def _parse_ok(name: str, rest: str) -> FileResult:
    words, _, facts = rest[:-1].rpartition(") [")
    words, _, clauses = words.partition(" (")
    outcome = _OUTCOMES.get(words.removesuffix(" and verified"))
    if outcome is None:
        raise ValueError("OK, but not in the words of a report")
    size, fetched, seconds, resources, retryable, checksum = _parse_facts(facts)
    assurance, message, shown = _CLAUSES[outcome](clauses, checksum)
    return FileResult(
        name,
        outcome,
        int(size or 0),
        int(fetched or (size if outcome in _FETCHES_ALL else 0) or 0),
        float(seconds or shown or 0),
        unescape(assurance),
        unescape(message),
        retryable is not None,
        None if resources is None else int(resources),
    )


def _parse_facts(facts: str) -> tuple[str | None, ...]:
    """Size, fetched, seconds, resources, retryable, checksum, as they are written; None for those that are missing."""
    match = _FACTS.fullmatch(f", {facts}" if facts else "")
    if match is None:
        raise ValueError(f"[{facts}] does not hold the facts of a file")
    return match.groups()


_Clauses = tuple[str, str, str]
"""From between the parentheses: the assurance and the message, still escaped, and the seconds, ``""`` if not there."""


def _parse_download(clauses: str, checksum: str | None) -> _Clauses:
    amount, _, message = clauses.partition("; ")
    if checksum is None:
        return _assurance_of(amount), message, ""
    return checksum, message, amount.rpartition(" in ")[2].removesuffix("s")


def _parse_skip(clauses: str, checksum: str | None) -> _Clauses:
    _, _, rest = clauses.partition("; ")
    if checksum is None:
        doubt, _, message = rest.partition("; ")
        return _assurance_of(doubt), message, ""
    return checksum, rest, ""


def _parse_healing(clauses: str, checksum: str | None) -> _Clauses:
    if checksum is None:
        clauses, _, doubt = clauses.rpartition("; ")
        checksum = _assurance_of(doubt)
    return checksum, clauses.removesuffix("re-downloaded").removesuffix(", "), ""


def _assurance_of(doubt: str) -> str:
    assurance = _ASSURANCES.get(doubt)
    if assurance is None:
        raise ValueError("no checksum, and no words that say so")
    return assurance


_CLAUSES: Final[dict[Outcome, Callable[[str, str | None], _Clauses]]] = {
    Outcome.DOWNLOADED: _parse_download,
    Outcome.RESUMED: _parse_download,
    Outcome.SELF_HEALED: _parse_healing,
    Outcome.SKIPPED: _parse_skip,
    Outcome.INTACT: _parse_download,
}
