"""Rows of Slooh's answers: anything may be missing, or of another type."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.errors import ServerBusy
from downloader.sources.slooh.rows import (
    MemberStatus,
    Mission,
    SloohPicture,
    frames_of,
    missions_of,
    pictures_of,
    status_of,
)
from include.stand_ins.secrets import secret
from support.secret_search import bears_secret

ADDRESS = f"https://astroimages.slooh.com/a/b%20c.png?Signature={secret('image')}"
ROW = {
    "imageId": 31,
    "customerImageId": "77",
    "missionId": "12345",
    "imageTitle": " Horsehead Nebula (IC 434) ",
    "imageDownloadURL": ADDRESS,
    "imageType": "PNG",
    "telescopeName": "Canary One",
    "instrumentName": "Wide Field",
    "displayDate": "Feb. 7, 2026",
    "displayTime": "20:15:30 UTC",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def picture(**values: Any) -> SloohPicture:
    (row,) = pictures_of({"imageList": [{**ROW, **values}]}).rows
    return row


def test_a_whole_row() -> None:
    assert picture() == SloohPicture(
        "31",
        "77",
        12345,
        "Horsehead Nebula (IC 434)",
        ADDRESS,
        "PNG",
        "Canary One",
        "Wide Field",
        datetime(2026, 2, 7, 20, 15, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("values", "mission"),
    [
        ({"missionId": "", "scheduledMissionId": 700_001}, 700_001),
        ({"missionId": None, "scheduledMissionId": "700001"}, 700_001),
        ({"missionId": 0, "scheduledMissionId": 700_001}, 700_001),
        ({"missionId": 700_001, "scheduledMissionId": ""}, 700_001),
        ({"missionId": 700_001, "scheduledMissionId": 0}, 700_001),
        ({"missionId": "", "scheduledMissionId": ""}, None),
        ({"missionId": 0, "scheduledMissionId": None}, None),
    ],
)
def test_a_mission_has_two_names(values: dict[str, Any], mission: int | None) -> None:
    assert picture(**values).mission_id == mission
    assert missions_of({"imageList": [{**ROW, **values}]}).rows[0].mission_id == mission


def test_a_row_of_a_mission_that_was_asked_for_need_not_name_it() -> None:
    (row,) = pictures_of({"imageList": [{**ROW, "missionId": ""}]}, 9).rows
    assert row.mission_id == 9


def test_the_file_is_called_as_its_address_ends() -> None:
    assert picture().filename == "b c.png"
    assert picture(imageDownloadURL="https://x/").filename is None
    assert picture(imageDownloadURL=None).filename is None
    assert picture(imageDownloadURL="https://[broken").filename is None


@pytest.mark.parametrize("name", ROW)
@pytest.mark.parametrize("value", [None, "", "  ", True, [], {}, 1.5, "x" * 9000])
def test_any_value_may_be_missing_or_of_another_type(name: str, value: object) -> None:
    held = picture(**{name: value})
    fields = {
        "imageId": held.image_id,
        "customerImageId": held.customer_image_id,
        "missionId": held.mission_id,
        "imageTitle": held.title,
        "imageDownloadURL": held.address,
        "imageType": held.kind,
        "telescopeName": held.telescope,
        "instrumentName": held.instrument,
        "displayDate": held.taken,
    }
    assert fields.get(name) is None


@pytest.mark.parametrize(("value", "expected"), [("1263", 1263), (1263, 1263), (1263.0, 1263), ("0", 0), (0, 0)])
def test_a_total_is_a_number_or_a_string(value: object, expected: int) -> None:
    assert pictures_of({"totalCount": value}).total == expected


@pytest.mark.parametrize("value", [None, "", "many", -1, "-1", True, 1.5, float("inf"), float("nan"), "9" * 16, "१२"])
def test_a_total_that_is_none(value: object) -> None:
    assert pictures_of({"totalCount": value}).total is None


@pytest.mark.parametrize("rows", [None, []])
def test_no_rows_are_no_error(rows: object) -> None:
    assert pictures_of({"imageList": rows}).received == 0
    assert pictures_of({}).rows == ()


@pytest.mark.parametrize("rows", ["rows", {"0": {}}, 5, [{}] * 10_001])
def test_a_list_that_is_none_is_refused_in_our_words(rows: object) -> None:
    with pytest.raises(ServerBusy, match=r"^Server busy: Slooh answered with \w+ (in|rows in) imageList"):
        pictures_of({"imageList": rows})


def test_a_row_that_is_no_row_is_counted_and_empty() -> None:
    page = pictures_of({"imageList": ["x", None, ROW]})
    assert (page.received, page.rows[0], page.rows[2].image_id) == (3, SloohPicture(), "31")


@given(st.dictionaries(st.sampled_from(["imageList", "totalCount", "groupList"]), JSON), st.lists(JSON, max_size=3))
def test_whatever_is_answered_is_read_or_refused(answer: dict[str, Any], rows: list[Any]) -> None:
    for asked in (answer, {"imageList": rows, "groupList": [{"groupImageList": rows}, *rows]}):
        for read in (pictures_of, missions_of, status_of, lambda answer: frames_of(answer, 1)):
            try:
                read(asked)
            except ServerBusy:
                continue


def test_frames_come_in_groups() -> None:
    groups = [
        {"groupName": "Wide", "groupImageList": [{"imageURL": "https://h/x_l.fits", "imageTitle": "l.fits"}]},
        {"groupName": None, "groupImageList": [{"imageURL": "https://h/x_r.fits", "imageId": 5}]},
        {"groupName": "Empty"},
    ]
    page = frames_of({"groupList": groups}, 99)
    assert [(row.instrument, row.filename, row.mission_id, row.kind) for row in page.rows] == [
        ("Wide", "l.fits", 99, "FITS"),
        (None, "x_r.fits", 99, "FITS"),
    ]


def test_a_mission_and_a_status() -> None:
    assert missions_of({"imageList": [ROW], "totalCount": 1}).rows == (
        Mission(
            12345,
            "Horsehead Nebula (IC 434)",
            "Canary One",
            "Wide Field",
            datetime(2026, 2, 7, 20, 15, 30, tzinfo=UTC),
        ),
    )
    assert status_of({"displayName": "Ann", "gravityPoints": "12"}) == MemberStatus("Ann", None, 12, None)


def test_a_key_tells_a_picture_from_all_others() -> None:
    (frame,) = frames_of({"groupList": [{"groupImageList": [{"imageId": 31, "imageURL": "https://h/a"}]}]}, 7).rows
    keys = [
        picture().key,
        picture(imageId=None).key,
        picture(imageId=None, customerImageId=None).key,
        picture(imageId=None, customerImageId=None, imageDownloadURL="https://h/a").key,
        frame.key,
    ]
    assert len(set(keys)) == len(keys)
    assert keys[0] == "31"
    assert SloohPicture().key is None


def test_a_key_without_an_id_does_not_change_with_the_signature() -> None:
    bare = {"imageId": None, "customerImageId": None}
    one, other = (picture(**bare, imageDownloadURL=f"https://h/a.png?sig={n}") for n in (1, 2))
    assert one.key == other.key
    assert "a.png" not in (one.key or "")


def test_ids_count_up_and_are_no_strings() -> None:
    rows = [picture(imageId=value) for value in (100, 9, "x", None, 99)]
    assert [row.image_id for row in sorted(rows, key=lambda row: row.age)] == ["9", None, "99", "100", "x"]


def test_an_address_is_never_shown() -> None:
    assert not bears_secret(repr(picture()))
    assert "astroimages" not in repr(picture())
