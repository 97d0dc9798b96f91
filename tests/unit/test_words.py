"""One word for one thing: those that were replaced do not come back into the documents.

This is the one file that has them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.documents import DOCUMENTS

RETIRED = (
    "claim",
    "errand",
    "finding",
    "gate",
    "grounds",
    "handling",
    "in our words",
    "lasting",
    "leftover",
    "manner",
    "means",
    "outbox",
    "passing",
    "pin",
    "pinned",
    "remembered",
    "said",
    "servant",
    "shelf",
    "shelves",
    "target",
    "told to",
    "wares",
    "witness",
)
WORDS = re.compile(rf"\b(?:{'|'.join(RETIRED)})s?\b", re.IGNORECASE)


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.stem)
def test_a_document_has_no_retired_word(file: Path) -> None:
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
    assert [(number, word) for number, line in lines for word in WORDS.findall(line)] == []


@pytest.mark.parametrize("word", RETIRED)
def test_a_retired_word_is_seen(word: str) -> None:
    assert WORDS.search(f"A {word.upper()}s, here")
