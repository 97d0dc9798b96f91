"""One word for one thing: those that were replaced do not come back, neither into the documents nor into the code.

This is the one file that has them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.documents import DOCUMENTS

ROOT = Path(__file__).parents[2]

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
OTHERS = re.compile(r"\btarget(?:=|-version|: |s?\b(?=\"\]))|\bnode\.targets?\b|\bClaim ClaimResponse\b")
"""What others call so: Thread(target=...), a linter's option, mounts of compose, syntax trees, types of FHIR."""
FOLDERS = ("dags", "plugins", "include", "tests", ".ci", ".github")
TOP = ("pyproject.toml", "requirements.txt", "docker-compose.yaml", ".env.example", ".pre-commit-config.yaml")
ENDINGS = (".py", ".sh", ".md", ".yaml", ".yml", ".toml", ".txt", ".json", ".sql", ".ts", ".tsx", ".css", "run")


def sources() -> list[Path]:
    """The project's texts, without the locks, the frozen reports and this file."""
    found = [
        file
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and file.name.endswith(ENDINGS)
    ]
    left_out = {Path(__file__), ROOT / "include" / "constraints.txt", ROOT / "include" / "ui" / "package-lock.json"}
    others = {"fixtures", "node_modules"}
    return [file for file in found if file not in left_out and others.isdisjoint(file.parts)] + [
        ROOT / name for name in TOP
    ]


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.stem)
def test_a_document_has_no_retired_word(file: Path) -> None:
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
    assert [(number, word) for number, line in lines for word in WORDS.findall(line)] == []


def test_the_code_has_no_retired_word() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {word}"
        for file in sources()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        for word in WORDS.findall(OTHERS.sub("", line))
    ]
    assert found == []


def test_the_code_is_looked_through() -> None:
    assert len(sources()) > 400


@pytest.mark.parametrize("word", RETIRED)
def test_a_retired_word_is_seen(word: str) -> None:
    assert WORDS.search(f"A {word.upper()}s, here")
