from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from downloader.checksums import Checksum
from downloader.disk.part_file import part_name
from downloader.errors import CorruptRecord
from downloader.paths import safe_path
from downloader.remote_file import Planned, Refused, RemoteFile
from downloader_tasks.failures import Refusal
from downloader_tasks.folders import Space


def file(name: str, size: int | None = 100) -> RemoteFile:
    return RemoteFile(safe_path(name), size, name, (Checksum("md5", "0" * 32),))


def bytes_to_come(files: list[Planned], folder: Path) -> int:
    return sum(share.size for share in Space().share(files, folder))


def test_all_of_it_comes_to_a_folder_that_is_not_there(tmp_path: Path) -> None:
    files: list[Planned] = [file("a"), file("d/b"), file("c", None), Refused("e", CorruptRecord("no entry"))]
    assert bytes_to_come(files, tmp_path / "PRID001" / "deeper") == 200


def test_what_is_there_need_not_come(tmp_path: Path) -> None:
    (tmp_path / "whole").write_bytes(b"x" * 100)
    (tmp_path / "short").write_bytes(b"x" * 60)
    (tmp_path / part_name("begun", file("begun").identity)).write_bytes(b"x" * 30)
    (tmp_path / part_name("other", "0" * 16)).write_bytes(b"x" * 30)
    (tmp_path / part_name("too much", file("too much").identity)).write_bytes(b"x" * 130)
    (tmp_path / "long").write_bytes(b"x" * 130)
    (tmp_path / "a file").write_bytes(b"")
    (tmp_path / "a folder").mkdir()
    assert bytes_to_come([file("whole")], tmp_path) == 0
    assert bytes_to_come([file("short")], tmp_path) == 100, "the old copy stays until the new one is whole"
    assert bytes_to_come([file("begun")], tmp_path) == 70
    assert bytes_to_come([file("other")], tmp_path) == 100
    assert bytes_to_come([file("too much")], tmp_path) == 0, "its room is taken already"
    assert bytes_to_come([file("long")], tmp_path) == 100
    assert bytes_to_come([file("a file/b")], tmp_path) == 100
    assert bytes_to_come([file("a folder")], tmp_path) == 100


def test_each_restore_takes_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=250))
    space = Space()
    space.promise(space.share([file("a")], tmp_path / "one"))
    space.promise(space.share([file("b")], tmp_path / "two"))
    with pytest.raises(Refusal, match=r"100 B are to be written to .*three, and only 50 B are free there; free 50 B"):
        space.share([file("c")], tmp_path / "three")
    assert [share.size for share in space.share([file("d", 50)], tmp_path / "four")] == [50]
