"""A manifest made of a folder and of the one before it: what is new, what stays, and that nothing known is lost."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from downloader.checksums import Checksum
from downloader.datasets.manifest import Dataset, Manifest, ManifestError, read_manifest
from downloader.datasets.merge import Found, Merged, What, merge_datasets
from downloader.datasets.paths import Places
from downloader.datasets.write import manifest_text, write_manifest
from downloader.errors import DiskError
from downloader.sources.drive.folder import FolderEntry
from downloader.sources.drive.key import DriveKey
from include.stand_ins.drive_server import file_id
from include.stand_ins.secrets import secret

OLD_KEY, NEW_KEY = secret("resource-old"), secret("resource-new")
SHA = {letter: letter * 64 for letter in "abc"}
MD5 = {letter: letter * 32 for letter in "abc"}


def entry(word: str, *folders: str, size: int | None = 5, name: str = "", **more: Any) -> FolderEntry:
    sums = tuple(Checksum(kind, more.pop(kind)) for kind in ("sha256", "md5") if kind in more)
    key = DriveKey(file_id(word), more.pop("export", ""), more.pop("resource_key", ""))
    return FolderEntry(key, name or f"{word}.dat", size=size, checksums=sums, folders=folders, **more)


def dataset(word: str, path: str = "", size: int | None = 5, **more: Any) -> Dataset:
    return Dataset(**{"id": file_id(word), "name": f"{word}.dat", "path": path or f"{word}.dat", "size": size, **more})


def merged(
    entries: Sequence[FolderEntry],
    earlier: Sequence[Dataset] = (),
    mapping: Mapping[str, str] | None = None,
    **more: Any,
) -> Merged:
    return merge_datasets(Found(entries), Places(mapping), earlier, **more)


def told(found: Merged) -> list[tuple[What, str, str]]:
    return [(change.what, change.path, change.detail) for change in found.changes]


def paths(found: Merged) -> list[str]:
    return [one.path for one in found.datasets]


# --- a first manifest -------------------------------------------------------------------------------------------------


def test_files_keep_their_places_and_get_those_of_the_mapping() -> None:
    found = merged(
        [entry("b", "old", "dir"), entry("a", md5=MD5["a"], sha256=SHA["a"], resource_key=OLD_KEY), entry("c", size=0)],
        mapping={"c.*": "evio/data/{stem}/"},
    )
    assert found.datasets == (
        dataset("a", sha256=SHA["a"], md5=MD5["a"], resource_key=OLD_KEY),
        dataset("c", "evio/data/c/c.dat", 0),
        dataset("b", "old/dir/b.dat"),
    )
    assert told(found) == [
        (What.ADDED, "a.dat", "5 bytes"),
        (What.ADDED, "evio/data/c/c.dat", "0 bytes"),
        (What.ADDED, "old/dir/b.dat", "5 bytes"),
    ]


def test_a_document_is_exported_and_has_no_size() -> None:
    documents = [
        entry("a", name="Notes", size=None, export="docx"),
        entry("b", name="Sums.XLSX", size=None, export="xlsx"),
    ]
    assert merged(documents).datasets == (
        dataset("a", "Notes.docx", None, name="Notes", export="docx"),
        dataset("b", "Sums.XLSX", None, name="Sums.XLSX", export="xlsx"),
    )


def test_hostile_names_get_safe_paths_and_are_shown() -> None:
    names = ["..", "a/../../b", "x\ny", "_download_status_x.txt", "n" * 1200, "lone\ud800"]
    found = merged([entry(f"w{number}", name=name) for number, name in enumerate(names)])
    assert {one.id for one in found.datasets} == {file_id(f"w{number}") for number in range(len(names))}
    assert {"_", "a_.._.._b", "x_y", "__download_status_x.txt"} <= set(paths(found))
    assert (What.ADDED, "_", "5 bytes, named ..") in told(found)
    assert [len(one.name) for one in found.datasets if one.name.startswith("n")] == [1000]


def test_two_files_of_one_name_get_two_paths_whatever_the_order() -> None:
    entries = [entry(word, "f", name="same.dat") for word in "cab"] + [entry("d", name="f")]
    expected = {"f/same.dat": "a", "f/same (2).dat": "b", "f/same (3).dat": "c", "f (2)": "d"}
    for seed in range(5):
        Random(seed).shuffle(entries)
        found = merged(entries)
        assert {one.path: one.id for one in found.datasets} == {p: file_id(w) for p, w in expected.items()}


# --- made again -------------------------------------------------------------------------------------------------------


def test_nothing_changed() -> None:
    entries = [entry("a", sha256=SHA["a"]), entry("b")]
    first = merged(entries)
    again = merged(list(reversed(entries)), first.datasets)
    assert again.datasets == first.datasets
    assert (again.changes, again.elsewhere) == ((), ())


def test_added_and_removed() -> None:
    found = merged([entry("a"), entry("c")], [dataset("a"), dataset("b", "x/b.dat", sha256=SHA["b"], md5=MD5["b"])])
    assert paths(found) == ["a.dat", "c.dat"]
    lost = f"5 bytes, sha256:{SHA['b']}, md5:{MD5['b']}, id {file_id('b')}"
    assert told(found) == [(What.ADDED, "c.dat", "5 bytes"), (What.REMOVED, "x/b.dat", lost)]
    assert found.totals == {What.ADDED: 1, What.REMOVED: 1}


def test_a_path_that_was_changed_by_hand_stays() -> None:
    earlier = [dataset("a", "by/hand.dat"), dataset("b")]
    found = merged([entry("a"), entry("b"), entry("c", "by", name="hand.dat")], earlier, {"b.dat": "mapped/"})
    assert {one.id: one.path for one in found.datasets} == {
        file_id("a"): "by/hand.dat",
        file_id("b"): "b.dat",
        file_id("c"): "by/hand (2).dat",
    }
    assert found.elsewhere == ("by/hand.dat", "b.dat")
    assert [what for what, *_ in told(found)] == [What.ADDED]


def test_remap_makes_all_paths_anew() -> None:
    earlier = [dataset("a", "by/hand.dat", sha256=SHA["a"]), dataset("b")]
    found = merged([entry("a"), entry("b")], earlier, {"b*": "mapped/"}, remap=True)
    assert paths(found) == ["a.dat", "mapped/b.dat"]
    assert found.datasets[0].sha256 == SHA["a"]
    assert found.elsewhere == ()
    assert told(found) == [(What.MOVED, "a.dat", "from by/hand.dat"), (What.MOVED, "mapped/b.dat", "from b.dat")]


def test_a_file_that_was_given_two_paths_keeps_both() -> None:
    earlier = [dataset("a", "one.dat"), dataset("a", "two.dat", sha256=SHA["a"])]
    found = merged([entry("a")], earlier)
    assert [(one.path, one.sha256) for one in found.datasets] == [("one.dat", None), ("two.dat", SHA["a"])]
    assert not found.changes
    anew = merged([entry("a")], earlier, remap=True)
    assert [(one.path, one.sha256) for one in anew.datasets] == [("a.dat", SHA["a"])]
    assert [what for what, *_ in told(anew)] == [What.MOVED, What.REMOVED]


def test_the_numbers_of_one_name_stay_with_their_files() -> None:
    first = merged([entry(word, name="same.dat") for word in "bc"])
    again = merged([entry(word, name="same.dat") for word in "abc"], first.datasets)
    assert {one.id: one.path for one in again.datasets} == {
        file_id("b"): "same.dat",
        file_id("c"): "same (2).dat",
        file_id("a"): "same (3).dat",
    }


def test_a_name_that_changed_at_its_source_is_told() -> None:
    found = merged([entry("a", name="new.dat")], [dataset("a")])
    assert (found.datasets[0].name, found.datasets[0].path) == ("new.dat", "a.dat")
    assert told(found) == [(What.RENAMED, "a.dat", "from a.dat to new.dat, at Google Drive")]


# --- sizes and checksums ----------------------------------------------------------------------------------------------


def test_a_checksum_that_is_known_stays_where_none_is_told() -> None:
    found = merged(
        [entry("a"), entry("b", md5=MD5["b"])], [dataset("a", sha256=SHA["a"]), dataset("b", sha256=SHA["b"])]
    )
    assert [(one.sha256, one.md5) for one in found.datasets] == [(SHA["a"], None), (SHA["b"], MD5["b"])]
    assert told(found) == [(What.LEARNT, "b.dat", "md5")]


def test_the_checksum_of_another_size_is_dropped_and_told() -> None:
    found = merged([entry("a", size=6, md5=MD5["b"])], [dataset("a", sha256=SHA["a"], md5=MD5["a"])])
    assert found.datasets == (dataset("a", size=6, md5=MD5["b"]),)
    lost = f"dropped, being of the old content: sha256:{SHA['a']}, md5:{MD5['a']}"
    assert told(found) == [(What.SIZE, "a.dat", f"from 5 bytes to 6 bytes; {lost}")]
    same = merged([entry("a", size=6, md5=MD5["a"])], [dataset("a", sha256=SHA["a"], md5=MD5["a"])])
    assert told(same)[0][2].endswith(f"of the old content: sha256:{SHA['a']}")
    bare = merged([entry("a", size=6)], [dataset("a")])
    assert told(bare) == [(What.SIZE, "a.dat", "from 5 bytes to 6 bytes")]


def test_a_checksum_that_contradicts_the_known_one_wins_and_is_told_loudly() -> None:
    found = merged([entry("a", md5=MD5["b"])], [dataset("a", md5=MD5["a"], sha256=SHA["a"])])
    assert found.datasets == (dataset("a", md5=MD5["b"], sha256=SHA["a"]),)
    ((what, path, detail),) = told(found)
    assert (what, path) == (What.CHECKSUM, "a.dat")
    assert what.word.isupper()
    assert detail == (
        f"md5 was {MD5['a']}, Google Drive says {MD5['b']}, at the same size; "
        "sha256 is kept, correct it by hand if the file was replaced"
    )
    both = merged([entry("a", md5=MD5["b"], sha256=SHA["b"])], [dataset("a", md5=MD5["a"], sha256=SHA["a"])]).changes[0]
    assert "is kept" not in both.detail
    assert SHA["a"] in both.detail


def test_what_was_written_by_hand_for_a_document_stays() -> None:
    old = dataset("a", size=9, export="docx", sha256=SHA["a"])
    assert merged([entry("a", size=None, export="docx")], [old]).datasets == (old,)


def test_what_else_changed_is_told() -> None:
    found = merged(
        [entry("a", resource_key=NEW_KEY), entry("b"), entry("c", size=None, export="docx")],
        [dataset("a", resource_key=OLD_KEY), dataset("b", resource_key=OLD_KEY), dataset("c")],
    )
    assert [one.resource_key for one in found.datasets] == [NEW_KEY, OLD_KEY, None]
    assert told(found) == [(What.ENTRY, "a.dat", "its resource key"), (What.ENTRY, "c.dat", "its export")]


def test_what_could_not_be_looked_at_stays_as_it_was() -> None:
    earlier = [dataset("a", sha256=SHA["a"]), dataset("b", "kept/b.dat", sha256=SHA["b"])]
    places = Places()
    found = merge_datasets(
        Found([entry("a"), entry("c", "kept", name="b.dat")], {file_id("b"), file_id("x")}), places, earlier
    )
    assert found.datasets == (earlier[0], dataset("c", "kept/b (2).dat", name="b.dat"), earlier[1])
    assert (What.KEPT, "kept/b.dat", "it is there, and its size is not known") in told(found)
    part = merge_datasets(Found([entry("a")], complete=False), places, earlier)
    assert part.datasets == tuple(earlier)
    assert told(part) == [(What.KEPT, "kept/b.dat", "not seen, and not all folders could be read")]


# --- the file ---------------------------------------------------------------------------------------------------------

FIRST = merged([entry("a", name="naïve\n.dat", md5=MD5["a"]), entry("b", "x", sha256=SHA["b"])])
MANIFEST = Manifest(version="1.0", source="https://x", generated="2026-02-07", datasets=FIRST.datasets)


def test_the_text_reads_well_and_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "datasets.json"
    write_manifest(MANIFEST, file)
    assert read_manifest(file) == MANIFEST
    text = file.read_text("utf-8")
    assert text == manifest_text(MANIFEST)
    first, second = json.loads(text)["datasets"]
    assert list(first) == ["id", "name", "path", "size", "sha256", "md5"]
    assert first["sha256"] == "", "to be filled in by hand"
    assert list(second) == ["id", "name", "path", "size", "sha256"]
    assert '      "name": "naïve\\n.dat",\n' in text
    assert [*tmp_path.iterdir()] == [file]


def test_what_would_not_be_read_back_replaces_nothing(tmp_path: Path) -> None:
    file = tmp_path / "datasets.json"
    file.write_text("the old one")
    twice = MANIFEST.model_copy(update={"datasets": (*FIRST.datasets, *FIRST.datasets)})
    with pytest.raises(ManifestError, match="would both be written"):
        write_manifest(twice, file)
    assert file.read_text() == "the old one"
    assert [*tmp_path.iterdir()] == [file]


def test_the_old_file_s_rights_and_links_stay(tmp_path: Path) -> None:
    held, link = tmp_path / "held.json", tmp_path / "link.json"
    held.write_text("old")
    held.chmod(0o640)
    link.symlink_to(held)
    write_manifest(MANIFEST, link)
    assert link.is_symlink()
    assert read_manifest(held) == MANIFEST
    assert stat.S_IMODE(held.stat().st_mode) == 0o640


def test_a_disk_that_refuses_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "datasets.json"
    file.write_text("the old one")

    def refuse(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("downloader.datasets.write.flush_file", refuse)
    with pytest.raises(DiskError) as caught:
        write_manifest(MANIFEST, file)
    assert caught.value.__cause__ is None
    assert file.read_text() == "the old one"
    assert [*tmp_path.iterdir()] == [file]
