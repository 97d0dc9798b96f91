"""Names and paths as long as a disk takes them, and longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from downloader.source import Capabilities
from downloader.sources.memory import MemorySource
from support.restoring import KIB, content, files_for, restored, tree

pytestmark = pytest.mark.timeout(60, method="thread")

MOST = 4095
"""Bytes of a path."""
TOO_LONG = "is too long for this file system; shorten the remote name: a name may have 255 bytes, a path 4,096"

ways = pytest.mark.parametrize(
    ("size", "capabilities"),
    [
        (1000, Capabilities()),
        (1000, Capabilities(connections=3)),
        (200 * KIB, Capabilities()),
        (200 * KIB, Capabilities(parallel_ranges=1)),
    ],
    ids=["small", "small, one by one", "ranged", "stream"],
)


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A destination that is deep itself, so that paths which are allowed below it become too long."""
    folder = tmp_path.joinpath(*["r" * 200] * 5)
    folder.mkdir(parents=True)
    return folder


def reaching(folder: Path, length: int) -> str:
    """A relative path that makes `length` bytes of an absolute one below `folder`."""
    rest = length - len(str(folder)) - 1
    segments = "/".join(["d" * 200] * (rest // 201))
    name = "n" * (rest - len(segments) - 1)
    return f"{segments}/{name}" if name else f"{segments[:-2]}/n"


@ways
def test_the_longest_names_come_home(tmp_path: Path, size: int, capabilities: Capabilities) -> None:
    names = ["x" * 255, "€" * 85, "f" * 255 + "/" + "y" * 255, "x" * 232, "x" * 233]
    objects = {name: content(size, number) for number, name in enumerate(names)}
    results = restored(MemorySource(objects, capabilities), tmp_path, files_for(objects))
    assert {result.message for result in results.values() if not result.ok} == set()
    assert {name: data for name, data in tree(tmp_path).items() if data != "folder"} == objects


@ways
def test_a_path_that_is_too_long_fails_alone(deep: Path, size: int, capabilities: Capabilities) -> None:
    fits, no_room_for_its_part_file = reaching(deep, MOST - 60), reaching(deep, MOST)
    too_long, folder_too_long = reaching(deep, MOST + 1), reaching(deep, MOST + 210)
    objects = {name: content(size, len(name)) for name in (fits, too_long, folder_too_long, no_room_for_its_part_file)}
    results = restored(MemorySource(objects, capabilities), deep, files_for(objects))
    assert {name for name, result in results.items() if result.ok} == {fits}
    for name, result in results.items():
        assert result.ok or result.message.startswith("Name too long: d")
        assert result.ok or result.message.endswith(f"... {TOO_LONG}")
        assert len(result.message) < 250, name
    assert {name: data for name, data in tree(deep).items() if data != "folder"} == {fits: objects[fits]}


@ways
def test_a_folder_that_is_too_long_fails_alone(deep: Path, size: int, capabilities: Capabilities) -> None:
    """All of it exists but the last step, so that the look at the way there is what fails."""
    folder = deep
    while len(str(folder)) + 201 <= MOST:
        folder /= "d" * 200
    folder.mkdir(parents=True)
    objects = {"x": content(size), f"{folder.relative_to(deep)}/{'e' * 200}/x": content(size)}
    fine, failed = restored(MemorySource(objects, capabilities), deep, files_for(objects)).values()
    assert fine.ok
    assert failed.message.startswith("Name too long: d")
    assert failed.message.endswith(TOO_LONG)
