"""From Slooh's list to a plan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from downloader.remote_file import Refused, RemoteFile
from downloader.sources.slooh.hosts import ImageHosts
from downloader.sources.slooh.picture_names import Duplicates, PictureNames
from downloader.sources.slooh.rows import SloohPicture as Row
from downloader.sources.slooh.selection import Filters, Select
from downloader.sources.slooh.survey import PictureLayout, PicturePlan, Scan, Wish, plan, survey_pictures
from include.stand_ins.secrets import secret
from include.stand_ins.slooh_server import FITS, PICTURES, Frame, Picture, SloohServer, serving
from support.slooh_access import client_of, layout_of

LAYOUT = PictureLayout(PictureNames(), ImageHosts("https://app.slooh.com"))
SECRET = secret("image")
TAKEN = datetime(2026, 2, 7, 20, 15, 30, tzinfo=UTC)


def known(*names: str, when: datetime = TAKEN) -> dict[str, datetime]:
    return dict.fromkeys(names, when)


def row(number: int, name: str = "", title: str = "M31", **more: object) -> Row:
    address = f"https://astroimages.slooh.com/{name or f'{number}.png'}?Signature={SECRET}"
    values = {"mission_id": 7, "title": title, "address": address, "telescope": "Canary One", "taken": TAKEN, **more}
    return Row(str(number), **values)  # type: ignore[arg-type]


def names(found: PicturePlan) -> list[str]:
    return [item.path.text if isinstance(item, RemoteFile) else item.name for item in found.planned]


HOME = "M31/Canary One/Pictures/Canary One_"


def test_what_is_planned_of_a_row() -> None:
    found = plan([row(5)], Wish(), LAYOUT)
    (file,) = found.planned
    assert isinstance(file, RemoteFile)
    assert (str(file.path), file.size, file.key, file.modified) == (f"{HOME}5.png", None, "5", TAKEN.timestamp())
    assert found.addresses == {"5": f"https://astroimages.slooh.com/5.png?Signature={SECRET}"}
    assert found.pictures[f"{HOME}5.png"].telescope == "Canary One"


def test_no_signature_is_shown() -> None:
    found = plan([row(5), row(6, address=f"https://evil.example/a?Signature={SECRET}")], Wish(), LAYOUT)
    assert SECRET not in repr(found)
    assert "Signature" not in repr(found)


def test_the_part_file_of_a_picture_does_not_change_with_its_signature() -> None:
    one, other = (
        plan([row(5, address=f"https://h.slooh.com/5.png?sig={n}")], Wish(), LAYOUT).planned[0] for n in (1, 2)
    )
    assert isinstance(one, RemoteFile)
    assert isinstance(other, RemoteFile)
    assert one.identity == other.identity


# --- bad rows ---------------------------------------------------------------------------------------------------------


def test_a_bad_row_is_refused_and_the_others_are_planned() -> None:
    rows = [
        row(1),
        row(2, address=None),
        row(3, address=f"https://evil.example/x.png?Signature={SECRET}"),
        Row(),
        Row(),
    ]
    found = plan(rows, Wish(), LAYOUT)
    refused = {item.name: str(item.error) for item in found.planned if isinstance(item, Refused)}
    assert names(found)[0] == f"{HOME}1.png"
    missing = "Corrupt record: Slooh's list gives no address for the picture; look at the picture on Slooh's site"
    elsewhere = (
        "Refused: the picture lies at evil.example, which is not a host of Slooh, or not reached over https; "
        "add the host to slooh.image_hosts in the configuration, if you trust it"
    )
    assert refused == {
        "picture 2": missing,
        "picture 3": elsewhere,
        "row 4 of Slooh's list": missing,
        "row 5 of Slooh's list": missing,
    }
    assert found.counts.queued == 5


def test_a_bad_row_that_is_not_wanted_is_no_failure() -> None:
    found = plan([row(2, address=None)], Wish(filters=Filters(telescopes=("chile",))), LAYOUT)
    assert found.planned == ()


# --- select -----------------------------------------------------------------------------------------------------------

THREE = [row(1), row(2), row(3)]


@pytest.mark.parametrize(
    ("select", "names_known", "expected"),
    [
        (Select.NEW, (), "123"),
        (Select.NEW, (f"{HOME}1.png", "3"), "2"),
        (Select.ALL, (f"{HOME}1.png", "3"), "123"),
        (Select.FAILED, (f"{HOME}1.png", "3"), "13"),
        (Select.FAILED, (), ""),
    ],
)
def test_select(select: Select, names_known: tuple[str, ...], expected: str) -> None:
    found = plan(THREE, Wish(select, known=known(*names_known)), LAYOUT)
    assert names(found) == [f"{HOME}{number}.png" for number in expected]


@pytest.mark.parametrize(("select", "expected"), [(Select.NEW, "123"), (Select.FAILED, "")])
def test_what_was_known_before_a_picture_was_taken_is_another_one(select: Select, expected: str) -> None:
    before = known(f"{HOME}1.png", "3", when=TAKEN - timedelta(seconds=1))
    assert names(plan(THREE, Wish(select, known=before), LAYOUT)) == [f"{HOME}{number}.png" for number in expected]


def test_failed_takes_a_refused_row_by_its_name() -> None:
    rows = [row(1), row(2, address=None)]
    found = plan(rows, Wish(Select.FAILED, known=known("picture 2")), LAYOUT)
    assert names(found) == ["picture 2"]


def test_a_mission_needs_its_number() -> None:
    with pytest.raises(ValueError, match="mission_id has to be"):
        Wish(Select.MISSION)


def test_counts() -> None:
    rows = [*THREE, row(4, "1.png"), row(5, telescope="Chile One"), row(6, address=None)]
    wish = Wish(known=known(f"{HOME}1.png"), filters=Filters(telescopes=("canary",)))
    counts = plan(rows, wish, LAYOUT, available=99).counts
    assert (counts.available, counts.scanned, counts.home, counts.duplicates, counts.queued) == (99, 6, 1, 1, 3)


# --- several pictures with one path -----------------------------------------------------------------------------------

SAME = [row(9, "a.png"), row(3, "a.png", taken=TAKEN - timedelta(days=30))]


@pytest.mark.parametrize(
    ("duplicates", "expected"),
    [
        (Duplicates.SKIP, {f"{HOME}a.png": "3"}),
        (Duplicates.OVERWRITE, {f"{HOME}a.png": "9"}),
        (Duplicates.RENAME, {f"{HOME}a.png": "3", f"{HOME}a (1).png": "9"}),
    ],
)
def test_duplicates(duplicates: Duplicates, expected: dict[str, str]) -> None:
    found = plan(SAME, Wish(), PictureLayout(LAYOUT.names, LAYOUT.hosts, duplicates))
    planned = {item.path.text: item.key for item in found.planned if isinstance(item, RemoteFile)}
    assert planned == expected
    assert len(found.dropped) == 2 - len(expected)
    assert len(found.addresses) == len(expected)


def test_a_name_does_not_depend_on_the_filters() -> None:
    layout = PictureLayout(LAYOUT.names, LAYOUT.hosts, Duplicates.RENAME)
    wish = Wish(filters=Filters(since=TAKEN.date()))
    assert names(plan(SAME, wish, layout)) == [f"{HOME}a (1).png"]


# --- with the server --------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[SloohServer]:
    with serving(SloohServer()) as served:
        yield served


def test_all_of_a_list(server: SloohServer) -> None:
    server.add(*(Picture(number) for number in range(1, 121)))
    found = survey_pictures(client_of(server), Wish(), layout_of(server))
    assert len(found.planned) == 120
    assert found.counts.available == 120
    assert set(found.addresses) == {str(number) for number in range(1, 121)}


def test_one_mission(server: SloohServer) -> None:
    server.add(Picture(1, mission=7), Picture(2, mission=8), Picture(3, mission=8))
    server.add_frames(Frame(1, 7), Frame(2, 8))
    wish = Wish(Select.MISSION, 8, include_fits=True, known=known("3"))
    found = survey_pictures(client_of(server), wish, layout_of(server))
    assert set(found.addresses) == {"2", "3", "fits:8:2"}


def test_the_frames_of_one_mission_need_none_of_its_pictures(server: SloohServer) -> None:
    server.add(Picture(1, mission=7))
    server.add_frames(Frame(1, 7), Frame(2, 8))
    found = survey_pictures(client_of(server), Wish(Select.MISSION, 8, include_fits=True), layout_of(server))
    assert set(found.addresses) == {"fits:8:2"}


def test_frames_are_told_by_their_mission_s_pictures(server: SloohServer) -> None:
    server.add(
        Picture(1, mission=7, row={"imageTitle": "M31"}), Picture(2, mission=8, row={"imageTitle": "Crab (M 1)"})
    )
    server.add_frames(Frame(5, 8, "Ultra Wide"), Frame(6, 7))
    found = survey_pictures(client_of(server), Wish(include_fits=True), layout_of(server))
    assert names(found)[2:] == [
        "M1/Canary One/FITS/Canary One_ngc3372_5_l.fits",
        "M31/Canary One/FITS/Canary One_ngc3372_6_l.fits",
    ]
    frame = found.pictures[names(found)[2]]
    assert (frame.instrument, frame.taken, frame.kind) == ("Ultra Wide", TAKEN, "FITS")


def test_frames_come_for_the_wanted_pictures_alone_whatever_their_form(server: SloohServer) -> None:
    server.add(Picture(1, mission=7, row={"telescopeName": "Chile One"}), Picture(2, mission=8))
    server.add_frames(Frame(5, 7), Frame(6, 8))
    filters = Filters(telescopes=("canary",), file_types=("FITS",))
    found = survey_pictures(client_of(server), Wish(filters=filters, include_fits=True), layout_of(server))
    assert set(found.addresses) == {"fits:8:6"}
    assert [request.json["scheduledMissionId"] for request in server.asked(FITS)] == [8]


def test_frames_come_with_pictures_of_another_form(server: SloohServer) -> None:
    server.add(Picture(1, mission=7), Picture(2, mission=7, kind="JPG"))
    server.add_frames(Frame(5, 7))
    wish = Wish(filters=Filters(file_types=("PNG",)), include_fits=True)
    assert set(survey_pictures(client_of(server), wish, layout_of(server)).addresses) == {"1", "fits:7:5"}


def test_of_several_pictures_of_a_mission_the_oldest_names_its_frames(server: SloohServer) -> None:
    titles = {1: "M1", 2: "M2", 3: "M3"}
    server.add(*(Picture(number, mission=7, row={"imageTitle": title}) for number, title in titles.items()))
    server.add_frames(Frame(5, 7))
    found = survey_pictures(client_of(server), Wish(include_fits=True), layout_of(server))
    assert names(found)[-1].startswith("M1/Canary One/FITS/")


def test_who_watches_sees_how_far_it_is(server: SloohServer) -> None:
    server.add(*(Picture(number) for number in range(1, 61)))
    seen: list[Scan] = []
    survey_pictures(client_of(server), Wish(include_fits=True), layout_of(server), seen.append)
    assert seen[:2] == [Scan(1, 60), Scan(2, 60)]
    assert seen[59:61] == [Scan(60, 60), Scan(60, 60, 1, 60)]
    assert seen[-1] == Scan(60, 60, 60, 60)


def test_without_include_fits_no_frames_are_asked_for(server: SloohServer) -> None:
    server.add(Picture(1))
    survey_pictures(client_of(server), Wish(), layout_of(server))
    assert server.asked(FITS) == []


def test_a_date_ends_the_paging(server: SloohServer) -> None:
    old = {"displayDate": "Jan. 1, 2020"}
    server.add(
        *(Picture(number, row=old) for number in range(1, 401)), *(Picture(number) for number in range(401, 411))
    )
    found = survey_pictures(client_of(server), Wish(filters=Filters(since=date(2026, 1, 1))), layout_of(server))
    assert len(found.planned) == 10
    assert found.counts.available == 410
    assert len(server.asked(PICTURES)) == 3


def test_max_scan(server: SloohServer) -> None:
    server.add(*(Picture(number) for number in range(1, 121)))
    found = survey_pictures(client_of(server), Wish(max_scan=60), layout_of(server, batch=40))
    assert (found.counts.scanned, found.counts.available, len(found.planned)) == (60, 120, 60)


def test_an_account_without_pictures_is_an_empty_plan(server: SloohServer) -> None:
    found = survey_pictures(client_of(server), Wish(include_fits=True), layout_of(server))
    assert (found.planned, found.counts.queued) == ((), 0)


def test_missing_values(server: SloohServer) -> None:
    lacking = {"imageTitle": None, "telescopeName": "", "displayDate": None, "missionId": None, "instrumentName": 5}
    server.add(Picture(1, file="x.png", row=lacking))
    found = survey_pictures(client_of(server), Wish(include_fits=True), layout_of(server))
    assert names(found) == ["Unknown/Unknown/Pictures/Unknown_x.png"]
    (file,) = found.planned
    assert isinstance(file, RemoteFile)
    assert file.modified is None
