"""What is done with a file: the table, and what holds for every line that it could have."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from downloader.remote_file import RemoteFile
from downloader.results import Outcome
from downloader.transfer.decision import Action, Decision, Start, decide
from downloader.transfer.inspection import MISSING, Inspection, State
from support.restoring import content, file_for

FILE = file_for("x", content(100))
BARE = replace(FILE, checksums=())
UNSIZED = replace(FILE, checksums=(), size=None)

INTACT = Inspection(State.INTACT, 100, str(FILE.checksums[0]))
UNREAD = Inspection(State.UNREAD, 100)
PARTIAL = Inspection(State.PARTIAL, 40, reason="incomplete copy detected")
EMPTY = Inspection(State.PARTIAL, 0, reason="incomplete copy detected")
ALTERED = Inspection(State.ALTERED, 100, reason="hash mismatch detected")

KEEP, RESUME, HEAL, DOWNLOAD = Action
BEGINNING, PART_FILE, COPY = Start


@pytest.mark.parametrize(
    ("found", "file", "part", "expected"),
    [
        (INTACT, FILE, 0, (KEEP, "intact", BEGINNING, 100)),
        (INTACT, FILE, 30, (KEEP, "intact", BEGINNING, 100)),
        (MISSING, FILE, 0, (DOWNLOAD, "missing", BEGINNING, 0)),
        (MISSING, FILE, 30, (RESUME, "30 bytes are there", PART_FILE, 30)),
        (MISSING, FILE, 100, (RESUME, "100 bytes are there", PART_FILE, 100)),
        (MISSING, FILE, 101, (DOWNLOAD, "missing", BEGINNING, 0)),
        (MISSING, BARE, 30, (RESUME, "30 bytes are there", PART_FILE, 30)),
        (MISSING, UNSIZED, 30, (RESUME, "30 bytes are there", PART_FILE, 30)),
        (UNREAD, FILE, 0, (DOWNLOAD, "to be overwritten", BEGINNING, 0)),
        (UNREAD, FILE, 30, (RESUME, "30 bytes are there", PART_FILE, 30)),
        (PARTIAL, FILE, 0, (RESUME, "40 bytes are there", COPY, 40)),
        (PARTIAL, FILE, 30, (RESUME, "40 bytes are there", COPY, 40)),
        (PARTIAL, FILE, 40, (RESUME, "40 bytes are there", PART_FILE, 40)),
        (PARTIAL, FILE, 101, (RESUME, "40 bytes are there", COPY, 40)),
        (PARTIAL, BARE, 0, (HEAL, "incomplete copy detected", BEGINNING, 0)),
        (PARTIAL, BARE, 30, (RESUME, "30 bytes are there", PART_FILE, 30)),
        (EMPTY, FILE, 0, (HEAL, "incomplete copy detected", BEGINNING, 0)),
        (ALTERED, FILE, 0, (HEAL, "hash mismatch detected", BEGINNING, 0)),
        (ALTERED, FILE, 30, (HEAL, "hash mismatch detected", PART_FILE, 30)),
    ],
)
def test_the_table(found: Inspection, file: RemoteFile, part: int, expected: tuple[Action, str, Start, int]) -> None:
    assert decide(found, file, part) == Decision(*expected)


@pytest.mark.parametrize(
    ("found", "action", "reason"),
    [
        (INTACT, KEEP, "intact"),
        (MISSING, DOWNLOAD, "missing"),
        (UNREAD, DOWNLOAD, "to be overwritten"),
        (PARTIAL, HEAL, "incomplete copy detected"),
        (ALTERED, HEAL, "hash mismatch detected"),
    ],
)
@pytest.mark.parametrize("part", [0, 30, 100, 101])
def test_without_resuming_every_file_that_is_not_kept_starts_at_its_beginning(
    found: Inspection, action: Action, reason: str, part: int
) -> None:
    decision = decide(found, FILE, part, resumable=False)
    assert (decision.action, decision.reason, decision.start) == (action, reason, BEGINNING)
    assert decision.have == (100 if action is KEEP else 0)


@pytest.mark.parametrize(
    ("found", "file", "part", "resumable"),
    list(
        product(
            (INTACT, MISSING, UNREAD, PARTIAL, EMPTY, ALTERED),
            (FILE, BARE, UNSIZED),
            (0, 1, 40, 100, 101),
            (True, False),
        )
    ),
)
def test_what_holds_for_every_line(found: Inspection, file: RemoteFile, part: int, resumable: bool) -> None:
    decision = decide(found, file, part, resumable=resumable)
    assert (decision.action is KEEP) == (found.state is State.INTACT), "nothing but an intact file is kept"
    if decision.action is not KEEP:
        assert (decision.have > 0) == (decision.start is not BEGINNING), "what is resumed is counted, and nothing else"
    assert decision.have <= (file.size or 101), "no more than the whole file is resumed"
    assert (decision.action is RESUME) <= (decision.start is not BEGINNING)
    assert decision.reason


def test_each_action_has_an_outcome_of_its_own() -> None:
    outcomes = {Decision(action, "").outcome for action in Action}
    assert outcomes == set(Outcome) - {Outcome.FAILED, Outcome.INTACT}, "an audit decides nothing"
