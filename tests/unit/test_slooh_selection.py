"""Which pictures are wanted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from downloader.sources.slooh.rows import SloohPicture
from downloader.sources.slooh.selection import Filters, format_passes, subject_passes, until_too_old

TAKEN = datetime(2026, 2, 7, 20, 15, 30, tzinfo=UTC)
PICTURE = SloohPicture("1", None, 7, "Horsehead Nebula (IC 434)", "https://h/a.png", "PNG", "Canary One", "Wide", TAKEN)
NAIVE = TAKEN.replace(tzinfo=None)
EAST = timezone(timedelta(hours=9))


def test_without_filters_all_pass() -> None:
    assert subject_passes(SloohPicture(), Filters())
    assert format_passes(SloohPicture(), Filters())


@pytest.mark.parametrize(
    ("since", "until", "passes"),
    [
        (date(2026, 2, 7), None, True),
        (date(2026, 2, 8), None, False),
        (None, date(2026, 2, 7), True),
        (None, date(2026, 2, 6), False),
        (date(2026, 2, 7), date(2026, 2, 7), True),
        (TAKEN, TAKEN, True),
        (TAKEN + timedelta(seconds=1), None, False),
        (None, TAKEN - timedelta(seconds=1), False),
        (NAIVE, NAIVE, True),
        (datetime(2026, 2, 8, 5, 15, 30, tzinfo=EAST), None, True),
        (datetime(2026, 2, 8, 5, 15, 31, tzinfo=EAST), None, False),
    ],
)
def test_times(since: date | None, until: date | None, passes: bool) -> None:
    assert subject_passes(PICTURE, Filters(since, until)) is passes


@pytest.mark.parametrize("clock", [(0, 0, 0), (23, 59, 59)])
def test_a_day_is_in_from_its_first_second_to_its_last(clock: tuple[int, int, int]) -> None:
    picture = SloohPicture(taken=datetime(2026, 2, 7, *clock, tzinfo=UTC))
    assert subject_passes(picture, Filters(date(2026, 2, 7), date(2026, 2, 7)))


def test_the_first_second_of_the_next_day_is_out() -> None:
    assert not subject_passes(SloohPicture(taken=datetime(2026, 2, 8, tzinfo=UTC)), Filters(until=date(2026, 2, 7)))


@pytest.mark.parametrize("filters", [Filters(since=date(1970, 1, 1)), Filters(until=date(2199, 1, 1))])
def test_a_picture_without_a_time_is_in_no_span(filters: Filters) -> None:
    assert not subject_passes(SloohPicture(), filters)


@pytest.mark.parametrize(
    ("telescopes", "passes"),
    [
        (("Canary One",), True),
        (("canary",), True),
        (("chile", "CANARY ONE"), True),
        (("canary *",), True),
        (("* one",), True),
        (("one*",), False),
        (("chile",), False),
        (("Canary One Two",), False),
    ],
)
def test_telescopes(telescopes: tuple[str, ...], passes: bool) -> None:
    assert subject_passes(PICTURE, Filters(telescopes=telescopes)) is passes
    assert not subject_passes(SloohPicture(), Filters(telescopes=telescopes))


@pytest.mark.parametrize(
    ("objects", "title", "passes"),
    [
        (("horsehead",), "Horsehead Nebula (IC 434)", True),
        (("IC434",), "Horsehead Nebula (IC 434)", True),
        (("ic 434",), "Horsehead Nebula (IC 434)", True),
        (("IC 43",), "Horsehead Nebula (IC 434)", False),
        (("M1",), "Pinwheel Galaxy (M101)", False),
        (("M1",), "M13", False),
        (("M1",), "Crab Nebula (M 1)", True),
        (("Messier 1",), "M1", True),
        (("NGC 224",), "Andromeda Galaxy (M31, NGC 224)", True),
        (("M31",), "Andromeda Galaxy (M31, NGC 224)", True),
        (("Sh2-155",), "Cave Nebula Sh 2-155", True),
        (("Caldwell 49",), "Rosette (Caldwell 49)", True),
        (("M1", "jupiter"), "Jupiter", True),
        (("*nebula*",), "Horsehead Nebula (IC 434)", True),
        (("nebula*",), "Horsehead Nebula (IC 434)", False),
        (("M31 mosaic",), "My M31 mosaic", True),
        (("M31 mosaic",), "M31", False),
        (("horsehead",), None, False),
        (("M1",), None, False),
    ],
)
def test_objects(objects: tuple[str, ...], title: str | None, passes: bool) -> None:
    assert subject_passes(SloohPicture(title=title), Filters(objects=objects)) is passes


def test_all_kinds_of_filters_must_agree() -> None:
    assert subject_passes(PICTURE, Filters(date(2026, 2, 7), None, ("canary",), ("IC 434",)))
    assert not subject_passes(PICTURE, Filters(date(2026, 2, 8), None, ("canary",), ("IC 434",)))
    assert not subject_passes(PICTURE, Filters(date(2026, 2, 7), None, ("chile",), ("IC 434",)))
    assert not subject_passes(PICTURE, Filters(date(2026, 2, 7), None, ("canary",), ("M1",)))


@pytest.mark.parametrize(
    ("types", "name", "kind", "passes"),
    [
        (("PNG",), "a.png", None, True),
        (("png ",), "a.png", "PNG", True),
        (("Pictures",), "a.png", None, True),
        (("JPG",), "a.jpeg", None, True),
        (("JPEG",), "a", "JPG", True),
        (("FITS", "JPG"), "a.fit", None, True),
        (("FITS",), "a.png", "PNG", False),
        (("PNG",), "a.tif", None, False),
        (("PNG",), None, None, False),
    ],
)
def test_file_types(types: tuple[str, ...], name: str | None, kind: str | None, passes: bool) -> None:
    picture = SloohPicture(address=f"https://h/{name}" if name else None, kind=kind)
    assert format_passes(picture, Filters(file_types=types)) is passes


def test_a_file_type_that_is_none_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="'gif' is not a file type; write one of fit, fits, jpeg, jpg, pictures, png"):
        Filters(file_types=("png", "gif"))


# --- where looking on is pointless ------------------------------------------------------------------------------------

BEGIN = datetime(2026, 2, 7, tzinfo=UTC)


def rows(*ages: float | None) -> list[SloohPicture]:
    """Pictures, so many days older than the first one wanted."""
    times = (None if age is None else BEGIN - timedelta(days=age) for age in ages)
    return [SloohPicture(str(number), taken=taken) for number, taken in enumerate(times)]


def test_without_a_beginning_all_are_looked_at() -> None:
    assert len(list(until_too_old(rows(*[5000] * 300), None))) == 300


def test_the_end_comes_after_a_hundred_that_are_too_old() -> None:
    found = until_too_old(rows(*[-1] * 10, *[2] * 500), BEGIN)
    assert len(list(found)) == 110


def test_one_that_is_young_enough_begins_the_count_anew() -> None:
    found = until_too_old(rows(*[2] * 99, -1, *[2] * 99, 0.5, *[2] * 300), BEGIN)
    assert len(list(found)) == 300


def test_rows_without_a_time_are_neither_old_nor_young() -> None:
    found = until_too_old(rows(*[2, None] * 300), BEGIN)
    assert len(list(found)) == 199
