"""Names held against each other: what cannot stand side by side is refused, and nothing else."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.errors import CorruptRecord, DownloadError, NameCollision, PathConflict
from downloader.paths import is_plain, safe_path
from downloader.planning import case_collisions, local_name, refuse_conflicts, stand_apart
from downloader.remote_file import Planned, Refused, RemoteFile

SEGMENTS = st.sampled_from(["a", "A", "b", ".", "", "é", "e\u0301", "É", "ß", "ss"])
NAMES = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join)


def file(name: str) -> RemoteFile:
    return RemoteFile(safe_path(name), 1, f"prefix/{name}")


def files(*names: str) -> list[Planned]:
    return [file(name) for name in names]


def kept(planned: list[Planned]) -> list[str]:
    return [item.key for item in planned if isinstance(item, RemoteFile)]


def refused(planned: list[Planned]) -> dict[str, type]:
    return {item.name: type(item.error) for item in planned if isinstance(item, Refused)}


def is_safe(name: str) -> bool:
    return bool(name.strip("/.")) and not name.startswith("/") and not name.endswith("/")


def test_names_without_conflict_are_all_kept() -> None:
    planned = files("a", "b/a", "b/c/a", "B", "c.d")
    assert refuse_conflicts(planned) == planned


def test_of_two_names_that_become_one_the_plain_one_is_kept() -> None:
    planned = refuse_conflicts(files("a//b", "a/b", "a/./b", "c"))
    assert kept(planned) == ["prefix/a/b", "prefix/c"]
    assert refused(planned) == {"prefix/a//b": NameCollision, "prefix/a/./b": NameCollision}


def test_of_two_names_that_both_become_another_the_first_is_kept() -> None:
    assert kept(refuse_conflicts(files("a/./b", "a///b", "./a/b"))) == ["prefix/a/./b"]


def test_a_collision_names_both() -> None:
    collided = refuse_conflicts(files("a//b", "a/b"))[0]
    assert isinstance(collided, Refused)
    assert collided.error.what == "prefix/a//b and prefix/a/b would both be written to a/b"


def test_a_file_that_is_a_folder_for_others_is_refused_and_the_others_kept() -> None:
    planned = refuse_conflicts(files("x", "x/y/z", "x/y", "xy", "x.d/y"))
    assert kept(planned) == ["prefix/x/y/z", "prefix/xy", "prefix/x.d/y"]
    assert refused(planned) == {"prefix/x": PathConflict, "prefix/x/y": PathConflict}


def test_the_order_stays_and_what_was_refused_before_stays_refused() -> None:
    corrupt = Refused("x/y", CorruptRecord("its size is -1"))
    planned = refuse_conflicts([file("x"), corrupt, file("b"), file("b/c")])
    assert [local_name(item) for item in planned] == ["x", "x/y", "prefix/b", "b/c"]
    assert planned[1] is corrupt
    assert kept(planned) == ["prefix/x", "prefix/b/c"], "a file that is not tried needs no folder"


def test_the_caller_says_what_a_refused_file_is_called() -> None:
    planned = refuse_conflicts(files("a//b", "a/b"), lambda item: item.key.removeprefix("prefix/"))
    assert refused(planned) == {"a//b": NameCollision}


@given(st.lists(NAMES.filter(is_safe), unique=True))
def test_what_is_kept_can_all_stand_on_a_disk(names: list[str]) -> None:
    planned = refuse_conflicts(files(*names))
    assert len(planned) == len(names)
    paths = [item.path.text for item in planned if isinstance(item, RemoteFile)]
    assert len(set(paths)) == len(paths)
    folders = {path[:end] for path in paths for end, letter in enumerate(path) if letter == "/"}
    assert not folders & set(paths)
    assert len({local_name(item) if isinstance(item, Refused) else item.key for item in planned}) == len(names)


@given(st.lists(NAMES.filter(is_safe), unique=True))
def test_no_more_is_refused_than_must_be(names: list[str]) -> None:
    planned = refuse_conflicts(files(*names))
    every = {item.path.text for item in files(*names) if isinstance(item, RemoteFile)}
    free = {path for path in every if not any(other.startswith(f"{path}/") for other in every)}
    assert {item.path.text for item in planned if isinstance(item, RemoteFile)} == free


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["a", "b"], []),
        (["a/X", "a/x", "b"], [["a/X", "a/x"]]),
        (["A/x", "a/x", "a/y"], [["A/x", "a/x"]]),
        (["A/x", "a/y"], []),
        (["\u00e9", "e\u0301"], [["\u00e9", "e\u0301"]]),
        (["\u00c9", "e\u0301", "E\u0301"], [["\u00c9", "e\u0301", "E\u0301"]]),
        (["\u1fb4", "\u03b1\u0345\u0301"], [["\u1fb4", "\u03b1\u0345\u0301"]]),
        (["straße", "STRASSE"], [["straße", "STRASSE"]]),
        (["A", "a/x", "a/y"], [["a/x", "A"]]),
        (["A", "B", "a", "a.d", "b"], [["A", "a"], ["B", "b"]]),
    ],
)
def test_names_that_a_folding_disk_takes_for_one(names: list[str], groups: list[list[str]]) -> None:
    found = case_collisions(files(*names))
    assert [[path.text for path in group] for group in found] == groups


def test_a_file_that_is_a_folder_but_for_its_case_stands_behind_with_its_like() -> None:
    found = case_collisions(files("AB", "aB", "ab/x"))
    assert [[path.text for path in group] for group in found] == [["ab/x", "AB", "aB"]]


def test_what_is_refused_collides_with_nothing() -> None:
    assert case_collisions([file("a"), Refused("A", CorruptRecord("its size is -1"))]) == []


@given(st.lists(NAMES.filter(is_plain), unique=True))
def test_names_that_stand_apart_are_those_that_nothing_is_said_against(names: list[str]) -> None:
    planned = refuse_conflicts(files(*names))
    assert stand_apart(names) is (planned == files(*names) and not case_collisions(planned))


@given(st.text(min_size=1))
def test_all_unicode_forms_of_a_name_fold_to_one(text: str) -> None:
    forms = list(dict.fromkeys(normalize(form, text) for form in ("NFC", "NFD")))
    usable = [form for form in forms if _usable(form)]
    groups = case_collisions(files(*usable))
    assert len(groups) == (1 if len(usable) > 1 else 0)


def _usable(name: str) -> bool:
    try:
        return safe_path(name).text == name
    except DownloadError:
        return False


def test_many_conflicts_take_no_longer_each_than_few() -> None:
    """Were each held against all others, this would outlast the time limit of a test."""
    forms = ("x{}", "x{}/y", "x{}//y", "X{}/y")
    names = [form.format(number) for number in range(50_000) for form in forms]
    planned = refuse_conflicts(files(*names))
    assert len(kept(planned)) == 100_000
    assert len(case_collisions(planned)) == 50_000
