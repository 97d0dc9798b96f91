"""A preview decides as the run behind it does, from names and sizes, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import pytest

from downloader.checksums import Checksum
from downloader.errors import Archived, CorruptRecord, DownloadError, NetworkError
from downloader.paths import safe_path
from downloader.remote_file import Planned, Refused, RemoteFile
from downloader.results import Outcome
from downloader.source import Capabilities
from downloader.sources.memory import MemoryObject, MemorySource
from downloader.transfer import Action, Prospect, Questions, Start, TransferPolicy, foresee, restore
from support.restoring import KIB, content, file_for, part_path, transfer_options, tree

DATA: Final = {size: content(size) for size in (1000, 20 * KIB)}
ONE_LANE: Final = Capabilities(connections=3, parallel_ranges=1)
NO_RANGES: Final = Capabilities(ranges=False, parallel_ranges=1)
LEFT: Final[dict[str, tuple[float, float]]] = {
    "nothing": (-1, -1),
    "intact": (1, -1),
    "intact, and a part file": (1, 0.3),
    "part file": (-1, 0.3),
    "part file, too long": (-1, 1.2),
    "short copy": (0.4, -1),
    "short copy, longer part file": (0.4, 0.7),
    "short copy, shorter part file": (0.4, 0.2),
    "long copy": (1.5, -1),
    "long copy, and a part file": (1.5, 0.3),
}
"""What lies under the final name and in the part file, as shares of the whole; negative: nothing."""
WAYS: Final[dict[str, tuple[int, Capabilities]]] = {
    "small": (1000, Capabilities()),
    "large": (20 * KIB, Capabilities()),
    "one lane": (1000, ONE_LANE),
    "no ranges": (20 * KIB, NO_RANGES),
}


def leave(folder: Path, file: RemoteFile, data: bytes, copy: float, part: float) -> None:
    for path, share in ((folder / file.path.text, copy), (part_path(folder, file), part)):
        if share >= 0:
            path.write_bytes((data * 2)[: int(len(data) * share)])


def prospect_of(file: Planned, source: MemorySource, folder: Path, policy: TransferPolicy | None = None) -> Prospect:
    options = replace(transfer_options(), policy=policy or TransferPolicy())
    (found,) = foresee([file], source, folder, options, Questions(10))
    return found


@pytest.mark.parametrize("policy", [TransferPolicy(), TransferPolicy(overwrite=True), TransferPolicy(resume=False)])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("left", LEFT)
def test_a_run_does_what_its_preview_says(left: str, way: str, policy: TransferPolicy, tmp_path: Path) -> None:
    size, capabilities = WAYS[way]
    source, file = MemorySource({"x": DATA[size]}, capabilities), file_for("x", DATA[size])
    leave(tmp_path, file, DATA[size], *LEFT[left])
    before = tree(tmp_path)
    prospect = prospect_of(file, source, tmp_path, policy)
    assert tree(tmp_path) == before

    (result,) = restore([file], source, tmp_path, replace(transfer_options(), policy=policy))
    assert prospect.decision is not None
    sample = prospect.decision.have if prospect.decision.start is Start.COPY else 0  # its end is compared first
    assert (prospect.decision.outcome, prospect.to_fetch + sample) == (result.outcome, result.fetched)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("left", LEFT)
def test_a_file_without_a_recorded_checksum_is_asked_about(left: str, known: bool, tmp_path: Path) -> None:
    data = DATA[20 * KIB]
    recorded = file_for("x", data)
    source = MemorySource({"x": MemoryObject(data, checksums=recorded.checksums if known else ())})
    file = replace(recorded, checksums=())
    leave(tmp_path, source.describe(file), data, *LEFT[left])
    prospect = prospect_of(file, source, tmp_path)
    (result,) = restore([file], source, tmp_path, transfer_options())
    assert prospect.decision is not None
    assert prospect.decision.outcome is result.outcome


def test_what_is_in_the_way_fails_and_a_link_is_replaced(tmp_path: Path) -> None:
    data = DATA[1000]
    source, file = MemorySource({"x": data}), file_for("x", data)
    (tmp_path / "x").mkdir()
    prospect = prospect_of(file, source, tmp_path)
    assert prospect.decision is None
    assert "is a folder" in str(prospect.error)
    (tmp_path / "x").rmdir()
    (tmp_path / "x").symlink_to("y" * 1000)
    prospect = prospect_of(file, source, tmp_path)
    assert prospect.decision is not None
    assert (prospect.decision.action, prospect.decision.reason) == (Action.HEAL, "not a regular file")
    refused = Refused("y", CorruptRecord("no entry"))
    assert prospect_of(refused, source, tmp_path) == Prospect("y", None, None, refused.error)


def test_a_destination_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    file = file_for("a/b/x", DATA[1000])
    prospect = prospect_of(file, MemorySource({"a/b/x": DATA[1000]}), tmp_path / "new")
    assert prospect.decision is not None
    assert (prospect.decision.outcome, prospect.to_fetch) == (Outcome.DOWNLOADED, 1000)
    assert tree(tmp_path) == {}


@dataclass
class Talkative(MemorySource):
    """Answers a question with an error, where `answers` has one, and counts the questions."""

    answers: Callable[[str], DownloadError | None]
    asked: list[str] = field(default_factory=list)
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(connections=1))

    def describe(self, file: RemoteFile) -> RemoteFile:
        self.asked.append(file.key)
        error = self.answers(file.key)
        if error is not None:
            raise error
        return file


FIVE = [RemoteFile(safe_path(name), 10, name, (Checksum("md5", "0" * 32),)) for name in "abcde"]


def outlook(source: Talkative, folder: Path, questions: Questions) -> list[str]:
    return [
        str(one.error or (one.decision and one.decision.action))
        for one in foresee(FIVE, source, folder, transfer_options(), questions)
    ]


def test_what_the_source_refuses_fails_and_what_is_kept_is_not_asked_about(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"0123456789")
    source = Talkative(lambda key: Archived("frozen", "restore it") if key == "b" else None)
    questions = Questions(3)
    assert outlook(source, tmp_path, questions) == [
        "download",
        "Archived: frozen; restore it",
        "keep",
        *2 * ["download"],
    ]
    assert source.asked == ["a", "b", "d"]
    assert questions == Questions(0, asked=3, unasked=1)


def test_a_source_that_does_not_answer_is_asked_no_more(tmp_path: Path) -> None:
    source = Talkative(lambda key: NetworkError("nobody is there") if key == "b" else None)
    questions = Questions(100)
    assert outlook(source, tmp_path, questions) == 5 * ["download"]
    assert source.asked.count("a") == 1
    assert set(source.asked) == {"a", "b"}
    assert questions == Questions(0, asked=1, unasked=4)


def test_a_bug_of_a_source_is_a_failure_of_one_file(tmp_path: Path) -> None:
    def breaks(key: str) -> DownloadError | None:
        return 1 / 0 if key == "e" else None  # type: ignore[return-value]

    *fine, broken = outlook(Talkative(breaks), tmp_path, Questions(100))
    assert fine == 4 * ["download"]
    assert broken.startswith("Unexpected error: ZeroDivisionError")
