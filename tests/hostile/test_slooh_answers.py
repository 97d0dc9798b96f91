"""Answers of Slooh with anything in them: sessions, logins, pictures, missions, frames; and what is planned of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.errors import DownloadError, ServerBusy
from downloader.paths import safe_path
from downloader.remote_file import Refused
from downloader.retry import RetryPolicy
from downloader.source import Timeouts
from downloader.sources.slooh import SloohSource, image_client
from downloader.sources.slooh.client import Account, SloohClient
from downloader.sources.slooh.hosts import ImageHosts
from downloader.sources.slooh.picture_names import PictureNames
from downloader.sources.slooh.rows import SloohPicture, frames_of, missions_of, pictures_of, status_of
from downloader.sources.slooh.survey import PictureLayout, PicturePlan, Wish, plan, survey_pictures
from include.stand_ins.secrets import secret
from include.stand_ins.slooh_server import FITS, LOGIN, MISSIONS, PICTURES, SESSION, STATUS
from support.hostile_answers import ELSEWHERE, cases, damaged, mutated_json, on_one_line, outcome, presentable
from support.hostile_server import HostileServer, answer
from support.restoring import FakeClock

pytestmark = [pytest.mark.timeout(110, method="thread"), pytest.mark.usefixtures("tried")]

PASSWORD: Final = secret("hostile-slooh")
TOKEN: Final = secret("hostile-session")
SIGNATURE: Final = secret("hostile-signature")
BASE: Final = "https://app.slooh.com"


def row(number: int, **more: Any) -> dict[str, Any]:
    return {
        "imageId": number,
        "customerImageId": 500_000 + number,
        "missionId": 10_000 + number,
        "imageTitle": "Horsehead Nebula (IC 434)",
        "imageDownloadURL": f"https://astroimages.slooh.com/a/ngc3372_{number}_l.png?Signature={SIGNATURE}",
        "imageType": "PNG",
        "telescopeName": "Canary One",
        "instrumentName": "Wide Field",
        "displayDate": "Feb. 7, 2026",
        "displayTime": "20:15:30 UTC",
        **more,
    }


GOOD: Final[dict[str, dict[str, Any]]] = {
    SESSION: {"apiError": False, "sloohSessionToken": TOKEN},
    LOGIN: {"apiError": False, "at": "1", "cid": "2", "token": TOKEN, "userid": "3", "displayName": "Explorer"},
    STATUS: {"apiError": False, "displayName": "Explorer", "tier": "x", "gravityPoints": 7, "memberSince": "2020"},
    MISSIONS: {"apiError": False, "imageList": [row(1), row(2)], "totalCount": 2, "firstMissionNumber": 1},
    PICTURES: {"apiError": False, "imageList": [row(1), row(2)], "totalCount": "2", "firstImageNumber": 1},
    FITS: {
        "apiError": False,
        "groupList": [
            {
                "groupName": "Canary One Wide Field",
                "groupImageList": [
                    {"imageURL": "https://astroimages.slooh.com/b/a_l.fits", "imageTitle": "a_l.fits", "imageId": 9}
                ],
            }
        ],
    },
}
LAYOUT: Final = PictureLayout(PictureNames(), ImageHosts(BASE))


def read(data: bytes) -> dict[str, Any]:
    """As the client reads it: an object, or nothing."""
    try:
        held = orjson.loads(data)
    except ValueError:
        return {}
    return held if isinstance(held, dict) else {}


def is_sound(found: PicturePlan) -> None:
    """Each file has a safe place of its own, and an address that may be asked; each refusal can be shown."""
    places = [item.path.text for item in found.planned if not isinstance(item, Refused)]
    assert len(places) == len(set(places))
    assert all(safe_path(place).text == place for place in places)
    assert all(map(on_one_line, places))
    assert all(
        address.startswith("https://") and LAYOUT.hosts.hosts.permit(address) for address in found.addresses.values()
    )
    for item in found.planned:
        if isinstance(item, Refused):
            presentable(item.error)
            assert len(item.name) <= 1_100
    assert SIGNATURE not in repr(found)


# --- what the rows hold -----------------------------------------------------------------------------------------------


def planned(pictures: tuple[SloohPicture, ...]) -> Counter[str]:
    """How many of them were planned, and how many refused."""
    found = outcome(lambda: plan(pictures, Wish(), LAYOUT))
    assert isinstance(found, PicturePlan)
    is_sound(found)
    return Counter("refused" if isinstance(item, Refused) else "planned" for item in found.planned)


def test_any_list_of_pictures() -> None:
    """Some are planned, and some refused."""
    seen: Counter[str] = Counter()

    @cases(1_100)
    @given(mutated_json(GOOD[PICTURES]))
    def take(data: bytes) -> None:
        seen["lists"] += 1
        page = outcome(lambda: pictures_of(read(data)))
        if not isinstance(page, DownloadError):
            assert page.total is None or 0 <= page.total < 10**15
            seen.update(planned(page.rows))

    take()
    assert seen["lists"] >= 1_100
    assert seen["planned"] >= 900
    assert seen["refused"] >= 80


@cases(250)
@given(mutated_json(GOOD[FITS]))
def test_any_list_of_frames(data: bytes) -> None:
    page = outcome(lambda: frames_of(read(data), 7))
    if not isinstance(page, DownloadError):
        planned(page.rows)


@cases(250)
@given(mutated_json(GOOD[MISSIONS]), mutated_json(GOOD[STATUS]))
def test_any_list_of_missions_and_any_status(missions: bytes, status: bytes) -> None:
    outcome(lambda: missions_of(read(missions)))
    found = status_of(read(status))
    assert found.gravity_points is None or found.gravity_points >= 0


@pytest.mark.parametrize("address", ELSEWHERE)
@pytest.mark.parametrize("name", ["imageDownloadURL", "imageURL"])
def test_a_picture_that_lies_elsewhere_is_refused(address: str, name: str) -> None:
    answers = {"imageList": [row(1, imageDownloadURL=address)]}
    frames = {"groupList": [{"groupImageList": [{"imageURL": address, "imageId": 1, "imageTitle": "a.fits"}]}]}
    rows = pictures_of(answers).rows if name == "imageDownloadURL" else frames_of(frames, 7).rows
    found = plan(rows, Wish(), LAYOUT)
    is_sound(found)
    assert [type(item) for item in found.planned] == [Refused]


TITLES: Final = [
    *("../../etc/passwd", "/etc/passwd", "..", ".", "", " ", "\x00", "\r\nTotal files: 9", "\x1b[2J", "\u202egnp.exe"),
    *(
        "CON",
        "nul.png",
        "a" * 900,
        "\xe4" * 900,
        "a/b\\c",
        "{object}",
        "{0.__class__}",
        "%s%n",
        "$(id)",
        "`id`",
        "~root",
    ),
    *("_download_status_x.txt", ".a.0123456789abcdef.part", "\ufeff", "\U000e0041", "M" + "9" * 900, "( (" * 300),
]


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize(
    "field", ["imageTitle", "telescopeName", "instrumentName", "imageType", "displayDate", "imageId"]
)
def test_hostile_titles_make_safe_places(title: str, field: str) -> None:
    planned(pictures_of({"imageList": [row(1, **{field: title}), row(2)]}).rows)


@pytest.mark.parametrize("title", TITLES)
def test_hostile_names_of_files_make_safe_places(title: str) -> None:
    address = f"https://astroimages.slooh.com/{title}"
    planned(pictures_of({"imageList": [row(1, imageDownloadURL=address), row(2)]}).rows)


# --- over the wire ----------------------------------------------------------------------------------------------------


def sent(data: bytes, status: int = 200) -> bytes:
    head = b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n" % len(data)
    return answer(head, data, b"%d X" % status)


def answering(server: HostileServer, **odd: bytes) -> None:
    """Each call gets its right answer, and the one at `path` that which is odd."""
    usual = {path: sent(orjson.dumps(held)) for path, held in GOOD.items()}

    def take(request: bytes) -> bytes:
        path = request.split(b" ", 2)[1].decode()
        return odd["answer"] if path == odd["path"].decode() else usual[path]

    server.play()
    server.otherwise = take


def client(server: HostileServer) -> SloohClient:
    account = Account(server.url, "astronomer@example.org", PASSWORD)
    return SloohClient(account, RetryPolicy(attempts=2, clock=FakeClock().clock), timeouts=Timeouts(5, 5))


ODD: Final = st.one_of(
    *(st.tuples(st.just(path), mutated_json(GOOD[path])) for path in (SESSION, LOGIN, LOGIN, PICTURES, FITS)),
    *(st.tuples(st.just(path), damaged(orjson.dumps(GOOD[path]))) for path in (LOGIN, PICTURES)),
)


@cases(400)
@given(ODD, st.sampled_from([200, 200, 200, 200, 403, 429, 500]))
def test_a_survey_of_any_answers(
    server: HostileServer, tried: set[tuple[str, int]], odd: tuple[str, bytes], status: int
) -> None:
    tried.clear()
    path, data = odd
    answering(server, path=path.encode(), answer=sent(data, status))
    found = outcome(lambda: survey_pictures(client(server), Wish(include_fits=True), LAYOUT))
    if not isinstance(found, DownloadError):
        is_sound(found)
    assert tried == {("127.0.0.1", server.port)}
    assert len(server.received) <= 40


@pytest.mark.parametrize("path", [SESSION, LOGIN, PICTURES])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"a": 1' + b"0" * 10_000 + b"}",
        b"[" * 100_000,
        b'"\xff"',
        b"\xff\xfe{\x00}\x00",
        b"<html>",
    ],
)
def test_what_is_no_json_object_is_told(server: HostileServer, path: str, data: bytes) -> None:
    answering(server, path=path.encode(), answer=sent(data))
    assert isinstance(outcome(lambda: survey_pictures(client(server), Wish(), LAYOUT)), DownloadError)


def test_an_answer_that_never_ends_is_not_read_to_the_end(server: HostileServer) -> None:
    def take(request: bytes) -> Iterator[bytes]:
        yield answer(b"Content-Type: application/json\r\n", b'{"a": "')
        for _ in range(1_000):
            yield b"x" * 1_000_000

    server.play()
    server.otherwise = take
    assert isinstance(outcome(client(server).login), DownloadError)
    server.idle()
    assert server.sent < 64_000_000  # what is under way in the sockets' buffers included


def test_a_list_that_goes_in_circles_ends(server: HostileServer) -> None:
    """The same two rows on every page, of a million that are announced."""
    answering(server, path=PICTURES.encode(), answer=sent(orjson.dumps({**GOOD[PICTURES], "totalCount": 10**6})))
    found = outcome(lambda: survey_pictures(client(server), Wish(), LAYOUT))
    assert isinstance(found, PicturePlan)
    assert len(found.planned) == 2


def test_a_session_that_is_refused_for_ever_ends(server: HostileServer) -> None:
    answering(server, path=PICTURES.encode(), answer=sent(b'{"apiError": true, "errorMessage": "\\u001b[2J"}'))
    found = outcome(lambda: survey_pictures(client(server), Wish(), LAYOUT))
    assert isinstance(found, ServerBusy)


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_login_goes_nowhere_else(server: HostileServer, tried: set[tuple[str, int]], place: str) -> None:
    tried.clear()
    moved = answer(b"Content-Length: 0\r\nConnection: close\r\nLocation: %s\r\n" % place.encode(), b"", b"307 Moved")
    answering(server, path=LOGIN.encode(), answer=moved)
    assert isinstance(outcome(client(server).login), DownloadError)
    assert tried == {("127.0.0.1", server.port)}


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_picture_that_moved_elsewhere_is_refused(
    server: HostileServer, tried: set[tuple[str, int]], place: str
) -> None:
    tried.clear()
    server.play(answer(b"Content-Length: 0\r\nLocation: %s\r\n" % place.encode(), status=b"302 Found"))
    images = image_client(ImageHosts(server.url), timeouts=Timeouts(5, 5))
    found = plan(pictures_of({"imageList": [row(1)]}).rows, Wish(), LAYOUT)
    (file,) = (item for item in found.planned if not isinstance(item, Refused))
    addresses = {file.key: f"{server.url}/a.png?Signature={SIGNATURE}"}
    assert isinstance(outcome(lambda: SloohSource(addresses, images).open(file)), DownloadError)
    assert tried == {("127.0.0.1", server.port)}
