"""Paths made of names that anyone may have written: where they lead, that they are safe, and that no two are one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.datasets.paths import MappingError, PathReservations, Places, tidy_path
from downloader.paths import MAX_NAME_BYTES, MAX_PATH_BYTES, safe_path
from downloader.planning import refuse_conflicts
from downloader.remote_file import RemoteFile

HEX = "0123456789abcdef"


@pytest.mark.parametrize(
    ("names", "path"),
    [
        (["fan", "fan.dat"], "fan/fan.dat"),
        (["ünïcode", "日本 (1).tar.gz"], "ünïcode/日本 (1).tar.gz"),
        ([".hidden", ".a"], ".hidden/.a"),
        ([".."], "_"),
        (["..", "...", "."], "_/_/_"),
        ([""], "_"),
        (["", "a"], "a"),
        (["a/../b", "/etc/passwd"], "a_.._b/_etc_passwd"),
        (["a\\b"], "a_b"),
        (["a\nb\x00c\x1b[31m\u2028"], "a_b_c_[31m_"),
        (["\u202egnp.exe"], "gnp.exe"),
        (["  spaced  "], "spaced"),
        (["_download_status_x.txt"], "__download_status_x.txt"),
        (["a", "_download_status_x.txt"], "a/_download_status_x.txt"),
        ([f".x.{HEX}.part"], f"_.x.{HEX}.part"),
        (["a", f".x.{HEX}.part"], f"a/_.x.{HEX}.part"),
        (["lone \ud800"], "lone _"),
    ],
)
def test_names_become_paths(names: list[str], path: str) -> None:
    assert tidy_path(names).text == path


def test_long_names_are_cut_and_stay_distinct() -> None:
    first, second = (tidy_path(["é" * 200 + end + ".dat"]).text for end in "ab")
    assert first != second
    for name in (first, second):
        assert len(name.encode()) <= MAX_NAME_BYTES
        assert name.startswith("é" * 100)
        assert name.endswith(".dat")
    assert len(tidy_path(["x." + "y" * 300]).text.encode()) == MAX_NAME_BYTES
    reserved = tidy_path(["_download_status_" + "x" * 300]).text
    assert reserved.startswith("__download_status_")


def test_a_path_that_is_too_long_keeps_the_file_s_name() -> None:
    paths = {tidy_path([*["x" * 250] * 20, folder, "fan.dat"]).text for folder in "ab"}
    assert len(paths) == 2
    assert all(len(path) < 50 and path.endswith("/fan.dat") for path in paths)


names = st.text(st.characters(categories=["L", "N", "Cc", "Cf", "Cs", "Zs", "P"]), max_size=300)
hostile = st.one_of(names, st.sampled_from(["", ".", "..", "a/b", "_download_status_", f".x.{HEX}.part", "a" * 255]))


@given(st.lists(hostile, max_size=30))
def test_whatever_the_names_the_path_is_safe(given_names: list[str]) -> None:
    path = tidy_path(given_names)
    assert safe_path(path.text) == path
    assert len(path.text.encode()) <= MAX_PATH_BYTES
    assert tidy_path(path.text.split("/")) == path, "what is good is not touched"


# --- the mapping ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mapping", "path"),
    [
        ({}, "fan/const/fan.tar.gz"),
        ({"*.gz": "a.gz"}, "a.gz"),
        ({"*.dat": "a"}, "fan/const/fan.tar.gz"),
        ({"fan.tar.gz": "data/"}, "data/fan.tar.gz"),
        ({"fan/const/fan.tar.gz": "data/{name}"}, "data/fan.tar.gz"),
        ({"fan/*": "evio/{folder}/{stem}-old{suffix}"}, "evio/fan/const/fan.tar-old.gz"),
        ({"*": "first/", "*.gz": "second/"}, "first/fan.tar.gz"),
        ({"FAN*": "a"}, "fan/const/fan.tar.gz"),
    ],
)
def test_a_mapping_places_names(mapping: dict[str, str], path: str) -> None:
    assert Places(mapping).path_of(["fan", "const"], "fan.tar.gz").text == path


def test_a_mapping_s_patterns_mean_raw_names_and_safe_ones() -> None:
    places = Places({"a:\n*": "one/", "x_y": "two/", "[z]": "three/"})
    assert places.path_of([], "a:\nb").text == "one/a:_b"
    assert places.path_of([], "x/y").text == "two/x_y"
    assert places.path_of([], "[z]").text == "three/[z]"


def test_a_placeholder_cannot_lead_out() -> None:
    places = Places({"*": "in/{folder}/{stem}/{name}"})
    assert places.path_of(["..", "/"], "...txt").text == "in/_/_/_/...txt"
    assert places.path_of([], "_download_status_x.txt").text == "in/__download_status_x/__download_status_x.txt"


def test_patterns_that_fit_nothing_are_known() -> None:
    places = Places({"*.dat": "a/", "*.raw": "b/", "fan*": "c/"})
    places.path_of([], "fan.dat")
    assert places.idle == ["*.raw", "fan*"]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (
            "../{name}",
            "'*': '../x' would leave the destination; write a path below the destination, such as fan/{name}",
        ),
        ("/data/", "'*': '/data/x' is an absolute path; write"),
        ("", "'*': the name is empty; write"),
        ("_download_status_{name}", "'*': '_download_status_x' would pass for a report; write"),
        ("{nme}", "'*': {nme} is not a placeholder; write one of {name}, {stem}, {suffix}, {folder}"),
        ("{name.__class__}", "'*': {name.__class__} is not a placeholder"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_told(path: str, sentence: str) -> None:
    with pytest.raises(MappingError) as caught:
        Places({"*": path})
    assert str(caught.value).startswith(sentence)


# --- one path each ----------------------------------------------------------------------------------------------------


def claimed(wanted: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    reservations = PathReservations(taken, wanted)
    return [reservations.reserve(safe_path(path)) for path in wanted]


@pytest.mark.parametrize(
    ("wanted", "taken", "paths"),
    [
        (["a.dat", "b.dat"], [], ["a.dat", "b.dat"]),
        (["a.dat", "a.dat", "a.dat"], [], ["a.dat", "a (2).dat", "a (3).dat"]),
        (["a.dat"], ["a.dat", "a (2).dat"], ["a (3).dat"]),
        (["x/a", "x/a"], [], ["x/a", "x/a (2)"]),
        (["a", "a/b", "a/c"], [], ["a (2)", "a/b", "a/c"]),
        (["a/b", "a/c"], ["a"], ["a (2)/b", "a (2)/c"]),
        (["x/a/b/c"], ["x/a", "x/a (2)/b"], ["x/a (2)/b (2)/c"]),
        (["a"], ["a/b"], ["a (2)"]),
    ],
)
def test_each_file_gets_a_path_of_its_own(wanted: list[str], taken: list[str], paths: list[str]) -> None:
    assert claimed(wanted, taken) == paths


def test_a_long_name_that_is_taken_is_cut_for_its_number() -> None:
    name = "x" * (MAX_NAME_BYTES - 4) + ".dat"
    assert claimed([name, name])[1] == "x" * (MAX_NAME_BYTES - 8) + " (2).dat"


def test_ten_thousand_of_one_name_take_no_time() -> None:
    assert len(set(claimed(["a.dat"] * 10_000))) == 10_000


few_names = st.sampled_from(["a", "b", "a (2)", "a (2) (2)", "x.dat", "x (2).dat"])
few_paths = st.lists(st.lists(few_names, min_size=1, max_size=3).map("/".join), max_size=12)


@given(few_paths, few_paths)
def test_claimed_paths_can_all_stand_on_one_disk(wanted: list[str], others: list[str]) -> None:
    taken = claimed(others)
    paths = [*taken, *claimed(wanted, taken)]
    planned = [RemoteFile(safe_path(path), 1, str(number)) for number, path in enumerate(paths)]
    assert refuse_conflicts([*planned]) == planned
