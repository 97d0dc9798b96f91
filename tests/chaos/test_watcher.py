"""The watcher sees every wrong file under a final name, whoever writes it, and no right one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from include.chaos.inotify import Inotify
from include.chaos.watcher import Sightings, Watcher, digest_of

RIGHT = {"a.bin": b"right", "folder/deep/b.bin": b"right as well", "empty": b""}
DIGESTS = {name: digest_of(data) for name, data in RIGHT.items()}


def seen(root: Path, act: Callable[[], object], before: Mapping[str, bytes] | None = None) -> Sightings:
    """What a watcher saw of what `act` did to `root`, in which `before` stood."""
    for name, data in (before or {}).items():
        (root / name).write_bytes(data)
    with Watcher(root, DIGESTS, {name: digest_of(data) for name, data in (before or {}).items()}) as watcher:
        act()
        watcher.settle()
    return watcher.result()


def commit(root: Path, name: str, data: bytes) -> None:
    """As the engine does it."""
    final = root / name
    final.parent.mkdir(parents=True, exist_ok=True)
    part = final.with_name(f".{final.name}.0123456789abcdef.part")
    part.write_bytes(data)
    part.rename(final)


def test_right_files_are_seen_and_nothing_is_wrong(tmp_path: Path) -> None:
    def act() -> None:
        for name, data in RIGHT.items():
            commit(tmp_path, name, data)

    found = seen(tmp_path, act)
    assert (found.looks, found.missed, found.wrong, found.gone) == (3, 0, [], [])
    assert 0 <= found.longest < 5


@pytest.mark.parametrize(("data", "wrong"), [(b"right", 0), (b"newer", 0), (b"mixed", 2)])
def test_where_two_contents_are_due_either_is_right(tmp_path: Path, data: bytes, wrong: int) -> None:
    due = {"a.bin": (DIGESTS["a.bin"], digest_of(b"newer"))}
    with Watcher(tmp_path, due, {}) as watcher:
        commit(tmp_path, "a.bin", data)
        watcher.settle()
    assert len(watcher.result().wrong) == wrong, "seen as it came, and once all was quiet"


@pytest.mark.parametrize("name", ["a.bin", "folder/deep/b.bin", "empty"])
def test_a_wrong_file_that_gets_its_name_as_a_right_one_does(tmp_path: Path, name: str) -> None:
    assert seen(tmp_path, lambda: commit(tmp_path, name, b"wrong")).wrong[0] == f"{name} (wrong)"


def test_a_file_that_is_written_under_its_final_name(tmp_path: Path) -> None:
    """Though it is right in the end."""

    def act() -> None:
        with (tmp_path / "a.bin").open("wb", buffering=0) as file:
            seen_by_all.wait(10)
            file.write(b"right")

    with Watcher(tmp_path, DIGESTS, {}) as watcher:
        seen_by_all = threading.Event()
        writing = threading.Thread(target=act)
        writing.start()
        assert watcher.wait_for(1, 10)
        seen_by_all.set()
        writing.join()
        watcher.settle()
    assert watcher.result().wrong == ["a.bin (wrong)"]


def test_a_file_that_is_overwritten_in_place(tmp_path: Path) -> None:
    def act() -> None:
        with (tmp_path / "a.bin").open("r+b", buffering=0) as file:
            file.write(b"wr")

    assert "a.bin (wrong)" in seen(tmp_path, act, {"a.bin": b"right"}).wrong


def test_a_file_that_nobody_planned(tmp_path: Path) -> None:
    assert seen(tmp_path, lambda: commit(tmp_path, "other", b"")).wrong[0] == "other (not planned)"


def test_a_link_to_a_right_file_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a").write_bytes(b"right")
    (tmp_path / "here").mkdir()
    found = seen(tmp_path / "here", lambda: os.symlink(tmp_path / "elsewhere" / "a", tmp_path / "here" / "a.bin"))
    assert found.wrong[0] == "a.bin (wrong)"


def test_a_damaged_file_may_stay_until_the_right_one_comes(tmp_path: Path) -> None:
    assert seen(tmp_path, lambda: None, {"a.bin": b"damaged"}).wrong == []
    assert seen(tmp_path, lambda: commit(tmp_path, "a.bin", b"right"), {"a.bin": b"damaged"}).wrong == []


def test_a_damaged_file_may_not_be_damaged_otherwise(tmp_path: Path) -> None:
    assert seen(tmp_path, lambda: commit(tmp_path, "a.bin", b"wrong"), {"a.bin": b"damaged"}).wrong
    assert seen(tmp_path, lambda: commit(tmp_path, "a.bin", b"damaged"), {"a.bin": b"damaged"}).wrong


@pytest.mark.parametrize("act", [lambda path: path.unlink(), lambda path: path.rename(path.with_name(".x.part"))])
def test_a_name_that_is_taken_away(tmp_path: Path, act: Callable[[Path], object]) -> None:
    found = seen(tmp_path, lambda: act(tmp_path / "a.bin"), {"a.bin": b"damaged"})
    assert found.gone == ["a.bin was taken away"]


def test_part_files_may_hold_anything(tmp_path: Path) -> None:
    found = seen(tmp_path, lambda: (tmp_path / ".a.bin.0123456789abcdef.part").write_bytes(b"wrong"))
    assert (found.looks, found.wrong) == (0, [])


def test_what_no_event_told_of_is_found_once_all_is_quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Inotify, "read", lambda self: [])
    found = seen(tmp_path, lambda: (tmp_path / "a.bin").write_bytes(b"wrong"))
    assert found.wrong == ["a.bin (there when the process had ended)"]


def test_an_appearance_that_was_over_before_the_look_is_counted(tmp_path: Path) -> None:
    """The watcher is held up while a wrong file comes and a right one takes its place."""
    watcher = Watcher(tmp_path, DIGESTS, {})
    with watcher:
        with watcher._turn:
            commit(tmp_path, "a.bin", b"wrong")
            commit(tmp_path, "a.bin", b"right")
        watcher.settle()
    found = watcher.result()
    assert (found.wrong, found.looks, found.missed) == ([], 1, 1)


def test_the_longest_wait_is_measured(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path, DIGESTS, {})
    with watcher:
        with watcher._turn:
            commit(tmp_path, "a.bin", b"right")
            threading.Event().wait(0.05)
        watcher.settle()
    assert 0.04 < watcher.result().longest < 5
