"""Names that want to do harm, each with what becomes of it; and the folder that nothing may leave."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.disk.destination import Destination
from downloader.disk.part_file import PartFile, part_name
from downloader.errors import DownloadError, NameTooLong, PathConflict, ReservedName, UnsafePath
from downloader.paths import MAX_NAME_BYTES, MAX_PATH_BYTES, REPORT_PREFIX, SafePath, is_plain, marked, safe_path
from support.restoring import tree


@dataclass(frozen=True)
class Named:
    """A hostile name, and what must happen: a path, or an error."""

    what: str
    raw: str
    becomes: str | type[DownloadError]


HOSTILE = [
    Named("nothing", "", UnsafePath),
    Named("a dot", ".", UnsafePath),
    Named("the folder above", "..", UnsafePath),
    Named("dots alone", "...", UnsafePath),
    Named("a slash", "/", UnsafePath),
    Named("slashes", "///", UnsafePath),
    Named("dots and slashes", "./..//.", UnsafePath),
    Named("absolute", "/etc/passwd", UnsafePath),
    Named("absolute, twice", "//etc/passwd", UnsafePath),
    Named("upwards", "../x", UnsafePath),
    Named("upwards in the middle", "a/../../x", UnsafePath),
    Named("upwards though it stays", "a/../x", UnsafePath),
    Named("upwards at the end", "a/..", UnsafePath),
    Named("upwards behind a dot", "./../x", UnsafePath),
    Named("upwards behind an empty segment", "a//../..//x", UnsafePath),
    Named("a folder", "a/", UnsafePath),
    Named("a folder, twice", "a//", UnsafePath),
    Named("a NUL", "a\0b", UnsafePath),
    Named("a NUL before a suffix", "evil.sh\0.raw", UnsafePath),
    Named("half a surrogate pair", "a\ud800", UnsafePath),
    Named("an undecodable byte", os.fsdecode(b"a\xff"), UnsafePath),
    Named("a name of 256 bytes", "x" * 256, NameTooLong),
    Named("a folder of 256 bytes", "x" * 256 + "/a", NameTooLong),
    Named("a name of 256 bytes in 86 letters", "€" * 86, NameTooLong),
    Named("a path of 3,501 bytes", "/".join(["x" * 249] * 14) + "/y", NameTooLong),
    Named("a report", f"{REPORT_PREFIX}x_20250101_000000.txt", ReservedName),
    Named("a report behind a dot", f"./{REPORT_PREFIX}x", ReservedName),
    Named("a part file", ".x.0123456789abcdef.part", ReservedName),
    Named("a part file below", "a/.x.0123456789abcdef.part", ReservedName),
    Named("a part file of a name with a line break", ".x\ny.0123456789abcdef.part", ReservedName),
    Named("an empty segment", "a//b", "a/b"),
    Named("a dot segment", "./a/./b", "a/b"),
    Named("backslashes", "..\\..\\x", "..\\..\\x"),
    Named("a drive letter", "C:\\windows\\x", "C:\\windows\\x"),
    Named("a percent-encoded climb", "%2e%2e%2fx", "%2e%2e%2fx"),
    Named("a full-width dot", "\uff0e\uff0e/x", "\uff0e\uff0e/x"),
    Named("a slash that is none", "..\u2215x", "..\u2215x"),
    Named("three dots before a name", ".../x", ".../x"),
    Named("a home", "~/x", "~/x"),
    Named("a variable", "$HOME/`id`;x", "$HOME/`id`;x"),
    Named("an option", "-rf", "-rf"),
    Named("spaces", " a / b ", " a / b "),
    Named("a line break", "a\nb: OK - Downloaded", "a\nb: OK - Downloaded"),
    Named("an escape sequence", "\x1b[2Ja", "\x1b[2Ja"),
    Named("right-to-left", "a\u202etxt.exe", "a\u202etxt.exe"),
    Named("a hidden file", ".ssh/authorized_keys", ".ssh/authorized_keys"),
    Named("a report further down", f"a/{REPORT_PREFIX}x", f"a/{REPORT_PREFIX}x"),
    Named("almost a part file", ".x.0123456789abcde.part", ".x.0123456789abcde.part"),
    Named("a part file that is not hidden", "x.0123456789abcdef.part", "x.0123456789abcdef.part"),
    Named("a name of 255 bytes", "x" * 255, "x" * 255),
    Named("a device's name elsewhere", "CON", "CON"),
]


@pytest.mark.parametrize("named", HOSTILE, ids=lambda named: named.what)
def test_every_hostile_name_has_its_answer(named: Named) -> None:
    if isinstance(named.becomes, str):
        assert safe_path(named.raw).text == named.becomes
    else:
        with pytest.raises(named.becomes):
            safe_path(named.raw)


def judged(raw: str) -> str | type[DownloadError]:
    try:
        return safe_path(raw).text
    except DownloadError as error:
        return type(error)


@given(
    st.text(st.sampled_from("ab./\\\0 \n~é_"), max_size=12)
    | st.lists(st.sampled_from(["a", ".", "/", "..", "x" * 254, ".part", ".0123456789abcdef", REPORT_PREFIX])).map(
        "".join
    )
)
def test_what_is_plain_at_a_glance_is_so_by_all_rules(raw: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("downloader.paths.is_plain", lambda _: False)
        by_all_rules = judged(raw)
    assert judged(raw) == by_all_rules
    assert not is_plain(raw) or by_all_rules == raw


@pytest.mark.parametrize(
    "name", ["a", "sample.d/frames/0001.bin", "_FUNC001.DAT", ".hidden/x y", "a.part.1", "x" * 255]
)
def test_usual_names_are_plain(name: str) -> None:
    assert is_plain(name)


@given(st.text(st.sampled_from("ab./\\\0 \n~é\ud800"), max_size=12) | st.text(max_size=40))
def test_no_name_at_all_leads_out(raw: str) -> None:
    try:
        path = safe_path(raw)
    except DownloadError:
        return
    segments = path.text.split("/")
    assert not {"", ".", ".."} & set(segments)
    assert os.path.normpath(f"/destination/{path}") == f"/destination/{path}"
    assert max(len(segment.encode()) for segment in segments) <= MAX_NAME_BYTES
    assert len(path.text.encode()) <= MAX_PATH_BYTES
    assert safe_path(path.text) == path


def test_a_path_knows_its_folder_and_its_name() -> None:
    assert (safe_path("a/b/c").folder, safe_path("a/b/c").name) == ("a/b", "c")
    assert (safe_path("c").folder, safe_path("c").name) == ("", "c")


def test_the_sentence_says_what_is_wrong_and_what_to_do() -> None:
    with pytest.raises(UnsafePath) as caught:
        safe_path("../x")
    assert str(caught.value) == "Unsafe path: '../x' would leave the destination; rename the remote file"


# --- part files of long names -----------------------------------------------------------------------------------------


@given(st.text(st.sampled_from("ab€"), min_size=1, max_size=255), st.text(st.sampled_from("ab€"), min_size=1))
def test_part_names_fit_are_reserved_and_differ_by_name_and_content(one: str, other: str) -> None:
    identity = "0123456789abcdef"
    name = part_name(one, identity)
    assert len(name.encode()) <= MAX_NAME_BYTES
    with pytest.raises(ReservedName):
        safe_path(name)
    assert (part_name(other, identity) == name) == (one == other)
    assert part_name(one, "f" * 16) != name


# --- the destination --------------------------------------------------------------------------------------------------


def make(destination: Path, path: str) -> None:
    """What a transfer does before it writes."""
    folder = Destination(destination)
    with PartFile.acquire(folder, folder.place(safe_path(path)), "0" * 16):
        pass


@pytest.fixture
def destination(destination: Path) -> Path:
    (destination.parent / "outside").mkdir()
    return destination


def test_folders_are_made_as_they_are_needed(destination: Path) -> None:
    make(destination, "a/b/c.raw")
    assert tree(destination) == {"a": "folder", "a/b": "folder"}


@pytest.mark.parametrize(
    "points_to", ["../outside", "..", "/", "../outside/not-there", "/not-there", "../destination2"]
)
@pytest.mark.parametrize("name", ["link/x", "link/deeper/x"])
def test_a_link_out_of_the_destination_is_never_followed(destination: Path, points_to: str, name: str) -> None:
    (destination / "link").symlink_to(points_to)
    before = tree(destination.parent)
    with pytest.raises(UnsafePath, match="link is a symbolic link out of the destination; remove the link"):
        make(destination, name)
    assert tree(destination.parent) == before


def test_a_link_further_down_is_found_too(destination: Path) -> None:
    (destination / "a" / "b").mkdir(parents=True)
    (destination / "a" / "b" / "link").symlink_to("../../../outside")
    with pytest.raises(UnsafePath, match="a/b/link"):
        make(destination, "a/b/link/x")


def test_a_chain_of_links_is_followed_to_its_end_before_it_is_judged(destination: Path) -> None:
    (destination / "second").symlink_to("../outside")
    (destination / "first").symlink_to("second")
    with pytest.raises(UnsafePath):
        make(destination, "first/x")


def test_a_link_that_stays_inside_is_followed(destination: Path) -> None:
    (destination / "real").mkdir()
    (destination / "link").symlink_to("real")
    make(destination, "link/deeper/x")
    assert (destination / "real" / "deeper").is_dir()


def test_the_destination_may_be_a_link_itself(destination: Path) -> None:
    link = destination.parent / "link"
    link.symlink_to(destination)
    make(link, "a/x")
    assert tree(destination) == {"a": "folder"}


@pytest.mark.parametrize("name", ["a/x", "a/b/x"])
def test_a_file_where_a_folder_is_due(destination: Path, name: str) -> None:
    (destination / "a").write_bytes(b"mine")
    with pytest.raises(PathConflict, match="Path conflict: a is a file on the disk"):
        make(destination, name)
    assert tree(destination) == {"a": b"mine"}


def test_a_file_that_came_in_between_is_a_conflict_too(destination: Path) -> None:
    folder = Destination(destination)
    place = folder.place(safe_path("a/b/x"))
    (destination / "a").write_bytes(b"mine")
    with pytest.raises(PathConflict):
        PartFile.acquire(folder, place, "0" * 16)
    assert tree(destination) == {"a": b"mine"}


@pytest.mark.parametrize("points_to", ["link", "not-there"])
def test_a_link_to_nothing_or_to_itself_is_a_conflict(destination: Path, points_to: str) -> None:
    (destination / "link").symlink_to(points_to)
    with pytest.raises(PathConflict):
        make(destination, "link/x")


def test_a_path_too_long_for_this_place_says_so(destination: Path) -> None:
    deep = destination / "/".join(["d" * 200] * 4)
    deep.mkdir(parents=True)
    path = "/".join(["x" * 200] * 16) + "/" + "y" * 200
    with pytest.raises(NameTooLong):
        make(deep, path)


def test_only_safe_path_makes_paths_that_are_safe() -> None:
    assert [path.text for path in sorted([SafePath("b"), SafePath("a")])] == ["a", "b"]


@given(
    st.builds(str.__mul__, st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.sampled_from([1, 150])),
    st.text(max_size=20),
    st.text(max_size=20),
    st.sampled_from(["", ".png", " (2).€"]),
)
def test_a_marked_name_fits_keeps_its_ending_and_is_its_own(stem: str, hashed: str, other: str, ending: str) -> None:
    name = marked(stem, hashed, 12, ending, room=150, trim=". ")
    beginning, tilde, end = name.removesuffix(ending).rpartition("~")
    assert len(name.encode()) <= 150
    assert stem.startswith(beginning)
    assert beginning == beginning.rstrip(". ")
    assert tilde
    assert len(end) == 12
    assert name.endswith(ending)
    assert (marked(stem, other, 12, ending, room=150, trim=". ") == name) == (other == hashed)
    assert marked(stem, hashed, 12, ending) == f"{stem}~{end}{ending}"
