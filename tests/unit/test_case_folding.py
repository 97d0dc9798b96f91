"""Names that a disk which folds case could not keep apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from downloader.disk import case_folding as folding
from downloader.disk.case_folding import folds_case, refuse_folded
from downloader.errors import DiskError, NameCollision
from downloader.paths import safe_path
from downloader.remote_file import Planned, Refused, RemoteFile


def plan(*names: str) -> list[Planned]:
    return [RemoteFile(safe_path(name), 1, name) for name in names]


def refused(planned: list[Planned]) -> dict[str, type]:
    return {item.name: type(item.error) for item in planned if isinstance(item, Refused)}


def fold(_: Path, *, touch: bool) -> bool:
    return True


def test_this_disk_keeps_case_apart_and_the_look_leaves_nothing(tmp_path: Path) -> None:
    assert not folds_case(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_look_that_may_touch_nothing_goes_by_what_lies_there(tmp_path: Path) -> None:
    (tmp_path / "a.raw").touch()
    before = tmp_path.stat().st_mtime_ns
    assert not folds_case(tmp_path, touch=False)
    (planned,) = refuse_folded(plan("A.raw", "a.raw"), tmp_path, touch=False)[1:]
    assert not isinstance(planned, Refused)
    assert tmp_path.stat().st_mtime_ns == before


def test_a_disk_that_shows_the_other_spelling_folds_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda path: path.name.isupper())
    assert folds_case(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_the_disk_error_is_told(tmp_path: Path) -> None:
    with pytest.raises(DiskError):
        folds_case(tmp_path / "missing")


def test_all_are_kept_where_the_disk_keeps_them_apart(tmp_path: Path) -> None:
    planned = plan("A.raw", "a.raw")
    assert refuse_folded(planned, tmp_path) == planned


def test_the_disk_is_not_looked_at_without_need(tmp_path: Path) -> None:
    planned = plan("a.raw", "b.raw")
    assert refuse_folded(planned, tmp_path / "missing") is planned


@pytest.mark.parametrize(
    ("names", "lost"),
    [
        (("A.raw", "a.raw", "b.raw"), ["a.raw"]),
        (("d/X", "D/x"), ["D/x"]),
        (("\u00e9", "e\u0301"), ["e\u0301"]),
        (("stra\u00dfe", "STRASSE"), ["STRASSE"]),
    ],
)
def test_of_names_that_become_one_the_first_is_kept(
    names: tuple[str, ...], lost: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "folds_case", fold)
    judged = refuse_folded(plan(*names), tmp_path)
    assert refused(judged) == dict.fromkeys(lost, NameCollision)
    assert len(judged) == len(names)
