"""Where a picture goes: objects out of titles, templates, names that every disk takes, and paths that two would get."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from unicodedata import normalize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from downloader.errors import NameTooLong
from downloader.paths import SafePath, safe_path
from downloader.sources.slooh.picture_names import (
    PLACEHOLDERS,
    Arrangement,
    Duplicates,
    PictureFacts,
    PictureNames,
    TemplateError,
    arrange,
    designations_of,
    format_of,
    object_of,
)

FACTS = PictureFacts(
    "Horsehead Nebula (IC 434)",
    "Canary One",
    "Wide Field",
    "barnard33_20260207_201530_lrgb.png",
    "PNG",
    datetime(2026, 2, 7, 20, 15, 30, tzinfo=UTC),
)


def path(
    facts: PictureFacts, folder: str = "{object}/{telescope}/{format}", file: str = "{telescope}_{filename}"
) -> str:
    return PictureNames(folder, file).path_of(facts).text


# --- objects ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("M31", "M31"),
        ("Andromeda Galaxy (M 31)", "M31"),
        ("M31 - Andromeda Galaxy", "M31"),
        ("messier 31", "M31"),
        ("NGC 224 (M31)", "M31"),
        ("NGC7000", "NGC7000"),
        ("NGC-7000 - North America Nebula", "NGC7000"),
        ("ngc 7000", "NGC7000"),
        ("Horsehead Nebula (IC 434)", "IC434"),
        ("Coalsack Cluster (NGC 4609)", "NGC4609"),
        ("Caldwell 49", "C49"),
        ("Cave Nebula Sh2-155", "Sh2-155"),
        ("Barnard 33", "B33"),
        ("Jupiter", "Jupiter"),
        ("Jupiter, first light", "Jupiter"),
        ("C/2025 R2 (SWAN)", "C/2025 R2 (SWAN)"),
        ("M111 is no Messier object", "M111 is no Messier object"),
        ("NGC 9999", "NGC 9999"),
        ("Galaxy M31a", "Galaxy M31a"),
        ("XM31", "XM31"),
        ("  ", None),
        ("", None),
        (None, None),
        (", nothing before the comma", None),
    ],
)
def test_the_object_of_a_title(title: str | None, expected: str | None) -> None:
    assert object_of(title) == expected


def test_all_designations_the_best_known_first() -> None:
    assert designations_of("IC 1, NGC 224, M31 and M 32") == ("M31", "M32", "NGC224", "IC1")


@pytest.mark.parametrize(
    ("filename", "kind", "expected"),
    [
        ("a.fits", "PNG", "FITS"),
        ("a.FIT", None, "FITS"),
        ("a.jpg", None, "JPEG"),
        ("a.jpeg", "FITS", "JPEG"),
        ("a.png", "JPG", "Pictures"),
        ("a", "PNG", "Pictures"),
        ("a.b.c", " jpeg ", "JPEG"),
        (None, "FITS", "FITS"),
        ("a.tif", None, None),
        (None, None, None),
    ],
)
def test_the_format(filename: str | None, kind: str | None, expected: str | None) -> None:
    assert format_of(PictureFacts(filename=filename, kind=kind)) == expected


# --- templates --------------------------------------------------------------------------------------------------------


def test_the_seed_s_templates() -> None:
    assert path(FACTS) == "IC434/Canary One/Pictures/Canary One_barnard33_20260207_201530_lrgb.png"


@pytest.mark.parametrize(
    ("placeholder", "expected"),
    [
        ("object", "IC434"),
        ("telescope", "Canary One"),
        ("instrument", "Wide Field"),
        ("format", "Pictures"),
        ("type", "RGB"),
        ("filename", "barnard33_20260207_201530_lrgb.png"),
        ("title", "Horsehead Nebula (IC 434)"),
        ("date", "2026-02-07"),
        ("year", "2026"),
        ("month", "02"),
        ("day", "07"),
    ],
)
def test_every_placeholder(placeholder: str, expected: str) -> None:
    assert path(FACTS, f"{{{placeholder}}}", "x") == f"{expected}/x.png"
    assert path(PictureFacts(), f"{{{placeholder}}}", "x") == "Unknown/x"


def test_there_are_the_seed_s_placeholders_and_no_more() -> None:
    assert " ".join(PLACEHOLDERS) == "object telescope instrument format type filename title date year month day"


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("x_l.png", "Luminance"),
        ("x_LRGB.jpg", "RGB"),
        ("x_ha.png", "Narrowband"),
        ("x-oiii.png", "Narrowband"),
        ("x_m.png", "Monochrome"),
        ("x_l.fits", "FITS"),
        ("x.png", "Unknown"),
        ("x_lx.png", "Unknown"),
    ],
)
def test_the_type(filename: str, expected: str) -> None:
    assert path(PictureFacts(filename=filename), "{type}", "x").partition("/")[0] == expected


def test_nothing_known_at_all() -> None:
    assert path(PictureFacts()) == "Unknown/Unknown/Unknown/Unknown_Unknown"
    assert PictureNames(unknown="Nobody knows").path_of(PictureFacts()).text.startswith("Nobody knows/")


@pytest.mark.parametrize(
    ("template", "filename", "kind", "expected"),
    [
        ("{title}", "a.png", None, "Horsehead Nebula (IC 434).png"),
        ("{title}.png", "a.png", None, "Horsehead Nebula (IC 434).png"),
        ("{filename}", "a.PNG", None, "a.PNG"),
        ("{date}", "a", "FITS", "2026-02-07.fits"),
        ("{date}", "a", "PDF", "2026-02-07"),
        ("{telescope}_{{x}}", "a.png", None, "Canary One_{x}.png"),
    ],
)
def test_a_file_s_name_ends_as_it_does_at_its_source(
    template: str, filename: str, kind: str | None, expected: str
) -> None:
    facts = PictureFacts(FACTS.title, FACTS.telescope, None, filename, kind, FACTS.taken)
    assert path(facts, "f", template) == f"f/{expected}"


KNOWN = "{object}, {telescope}, {instrument}, {format}, {type}, {filename}, {title}, {date}, {year}, {month}, {day}"


@pytest.mark.parametrize(
    ("folder", "file", "message"),
    [
        ("{galaxy}", "x", f"folder_template holds {{galaxy}}, which is not a placeholder; write one of {KNOWN}"),
        ("x", "{}", f"filename_template holds {{}}, which is not a placeholder; write one of {KNOWN}"),
        ("x", "{0}", f"filename_template holds {{0}}, which is not a placeholder; write one of {KNOWN}"),
        ("{Object}", "x", f"folder_template holds {{Object}}, which is not a placeholder; write one of {KNOWN}"),
        (
            "{object.__class__}",
            "x",
            f"folder_template holds {{object.__class__}}, which is not a placeholder; write one of {KNOWN}",
        ),
        ("{object", "x", f"folder_template has a stray brace in '{{object'; write one of {KNOWN}"),
        ("object}", "x", f"folder_template has a stray brace in 'object}}'; write one of {KNOWN}"),
        (
            "x",
            "{date:%Y}",
            "filename_template holds more than a name in {date}; write {date} and nothing else",
        ),
        ("x", "{date!r}", "filename_template holds more than a name in {date}; write {date} and nothing else"),
        ("x", "a/{filename}", "filename_template holds a /; folders belong in folder_template"),
    ],
)
def test_a_template_that_cannot_be_used_is_a_sentence(folder: str, file: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        PictureNames(folder, file)
    assert str(caught.value) == message


@pytest.mark.parametrize("folder", ["", "/{object}", "{object}/", "{object}//x", "..", "a/../b", "./x", "a\\b", " . "])
def test_a_folder_must_have_a_name(folder: str) -> None:
    with pytest.raises(TemplateError, match="folder_template has"):
        PictureNames(folder)


@pytest.mark.parametrize("unknown", ["", "..", " ", "\x00"])
def test_unknown_must_be_a_name_too(unknown: str) -> None:
    with pytest.raises(TemplateError, match="unknown_object"):
        PictureNames(unknown=unknown)


# --- names that every disk takes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ('a<b>c:d"e/f\\g|h?i*j', "a_b_c_d_e_f_g_h_i_j"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "Unknown"),
        ("/", "_"),
        (" . a . ", "a"),
        ("trailing dots...", "trailing dots"),
        (".hidden", "hidden"),
        ("a\x00\x1b[31m\x7f\u202eb", "a[31mb"),
        ("a\n\tb\u2028c", "a b c"),
        ("a\ud800b", "ab"),
        ("e\u0301", "é"),
        ("CON", "_CON"),
        ("con.fits", "_con.fits"),
        ("Lpt1 .x", "_Lpt1 .x"),
        ("COM¹", "_COM¹"),
        ("Console", "Console"),
        ("_download_status_x", "__download_status_x"),
    ],
)
def test_a_name_is_made_safe(title: str, expected: str) -> None:
    assert path(PictureFacts(title), "{title}", "x") == f"{expected}/x"


def test_a_report_s_name_is_never_taken() -> None:
    name = "_download_status_slooh_20260101_000000.txt"
    assert path(PictureFacts(filename=name), "x", "{filename}") == f"x/_{name}"


def test_a_long_name_is_cut_and_keeps_apart_what_differs_at_its_end() -> None:
    one, other = (path(PictureFacts(filename=f"{'ä' * 400}{n}.png"), "f", "{filename}") for n in (1, 2))
    assert one != other
    assert one.endswith(".png")
    assert len(one.encode()) < 160
    assert path(PictureFacts(filename=f"{'ä' * 400}1.png"), "f", "{filename}") == one


def test_a_path_of_many_long_names_is_refused() -> None:
    with pytest.raises(NameTooLong):
        path(PictureFacts("x" * 999), "/".join(["{title}"] * 50))


ANYTHING = st.one_of(
    st.text(max_size=400), st.sampled_from(["nul", "..", ".", "/", "~", "a. ", "\ufb01", "\u212b", "가" * 99])
)


@given(ANYTHING, ANYTHING, ANYTHING)
@example("\u0340" * 99, "<\u0338", "\u1100\u200d\u1161")
def test_whatever_slooh_says_the_path_is_good_on_every_disk(title: str, telescope: str, filename: str) -> None:
    found = path(PictureFacts(title, telescope, title, filename))
    assert safe_path(found).text == found
    parts = found.split("/")
    assert len(parts) == 4
    for part in parts:
        assert part == part.strip(" ") == part.strip(".")
        assert not set(part) & set('<>:"/\\|?*')
        assert part.isprintable() or all(ord(character) > 0x9F for character in part if not character.isprintable())
        assert normalize("NFC", part) == part
        assert len(part.encode()) <= 200
        assert len(normalize("NFD", part)) <= 255
        assert part.partition(".")[0].rstrip().upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT9"}
    assert path(PictureFacts(title, telescope, title, filename)) == found


# --- several pictures with one path -----------------------------------------------------------------------------------


def at(*places: tuple[str, int]) -> list[tuple[SafePath, int]]:
    return [(safe_path(name), number) for name, number in places]


def settled(places: list[tuple[SafePath, int]], duplicates: Duplicates) -> dict[int, str]:
    return {number: place.text for place, number in settle(places, duplicates).kept}


def settle(places: list[tuple[SafePath, int]], duplicates: Duplicates) -> Arrangement[int]:
    return arrange(places, duplicates, lambda number: number)


THREE = at(("f/a.png", 3), ("f/b.png", 9), ("f/a.png", 1), ("f/a.png", 2))


def test_rename_numbers_them_by_age() -> None:
    assert settled(THREE, Duplicates.RENAME) == {1: "f/a.png", 2: "f/a (1).png", 3: "f/a (2).png", 9: "f/b.png"}


def test_skip_keeps_the_oldest_and_says_why_others_are_dropped() -> None:
    found = settle(THREE, Duplicates.SKIP)
    assert [number for _, number in found.kept] == [9, 1]
    assert [(one.path.text, one.record, one.why) for one in found.dropped] == [
        ("f/a.png", 3, "an older picture has the path f/a.png"),
        ("f/a.png", 2, "an older picture has the path f/a.png"),
    ]


def test_overwrite_keeps_the_youngest() -> None:
    found = settle(THREE, Duplicates.OVERWRITE)
    assert [number for _, number in found.kept] == [3, 9]
    assert [(one.record, one.why) for one in found.dropped] == [
        (1, "a newer picture has the path f/a.png"),
        (2, "a newer picture has the path f/a.png"),
    ]


@pytest.mark.parametrize("duplicates", Duplicates)
def test_names_that_some_disks_do_not_keep_apart_are_one(duplicates: Duplicates) -> None:
    places = at(("M31/a.png", 1), ("m31/A.PNG", 2), ("x/\u00e9.png", 3), ("x/e\u0301.png", 4))
    found = settled(places, duplicates)
    folded = {normalize("NFC", name.casefold()) for name in found.values()}
    assert len(folded) == len(found) == (4 if duplicates is Duplicates.RENAME else 2)


def test_a_number_that_is_taken_is_passed_over() -> None:
    places = at(("a.png", 1), ("a.png", 2), ("a (1).png", 3), ("A (2).png", 4), ("a", 5), ("a", 6))
    assert settled(places, Duplicates.RENAME) == {
        1: "a.png",
        2: "a (3).png",
        3: "a (1).png",
        4: "A (2).png",
        5: "a",
        6: "a (1)",
    }


@pytest.mark.parametrize("duplicates", Duplicates)
def test_the_order_of_the_listing_is_no_matter(duplicates: Duplicates) -> None:
    places = [*THREE, *at(("F/A.png", 4), ("f/a (1).png", 7), ("f/a (1).png", 5))]
    expected = settled(places, duplicates)
    for seed in range(20):
        shuffled = random.Random(seed).sample(places, len(places))
        assert settled(shuffled, duplicates) == expected


def test_a_younger_one_changes_no_name() -> None:
    before = settled(THREE, Duplicates.RENAME)
    after = settled([*at(("f/a.png", 10)), *THREE], Duplicates.RENAME)
    assert before.items() <= after.items()


def many() -> Iterator[tuple[str, int]]:
    return (("f/a.png", number) for number in range(20_000))


def test_a_great_many_with_one_name() -> None:
    found = settled(at(*many()), Duplicates.RENAME)
    assert len(set(found.values())) == 20_000
    assert found[19_999] == "f/a (19999).png"
