"""The stand-in for Slooh answers as clients have observed Slooh to answer. A plain client asks it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from include.stand_ins.pictures import fits, jpeg, png
from include.stand_ins.secrets import secret
from include.stand_ins.slooh_server import (
    FITS,
    LOGIN,
    MISSING,
    MISSIONS,
    PICTURES,
    PRODUCT,
    SESSION,
    STATUS,
    Frame,
    Member,
    Picture,
    SloohServer,
    api_error,
    serving,
    too_many_requests,
)
from include.stand_ins.wire import cut_at, refuse
from support.restoring import FakeClock

Json = dict[str, Any]


@pytest.fixture
def slooh(clock: FakeClock) -> Iterator[SloohServer]:
    with serving(SloohServer(clock=clock.now, sleep=clock.sleep)) as server:
        yield server


class Client:
    """Sends what the site's own pages send."""

    def __init__(self, slooh: SloohServer) -> None:
        self.slooh, self.session = slooh, requests.Session()
        self.session.trust_env = False
        token = self.session.post(slooh.url + SESSION, timeout=5).json()["sloohSessionToken"]
        self.session.cookies.set("_sloohsstkn", token, path="/")
        self.common: Json = {"sloohSessionToken": token, "productId": PRODUCT, "locale": "en"}

    def call(self, path: str, **body: object) -> Json:
        answer = self.session.post(self.slooh.url + path, json={**self.common, **body}, timeout=5)
        assert answer.status_code == 200
        reply: Json = answer.json()
        return reply

    def login(self) -> Json:
        member = self.slooh.member
        reply = self.call(LOGIN, username=member.username, passwd=member.password)
        self.common |= {name: reply[name] for name in ("at", "cid", "token")}
        return reply

    def pictures(self, first: int = 1, most: int = 50, mission: int = 0, view: str = "photoRoll") -> Json:
        asked = {"scheduledMissionId": mission, "maxImageCount": most, "firstImageNumber": first, "viewType": view}
        return self.call(PICTURES, **asked)

    def frames(self, mission: int, first: int = 1, most: int = 50) -> Json:
        token = self.common.pop("sloohSessionToken")
        asked = {"scheduledMissionId": mission, "maxImageCount": most, "firstImageNumber": first}
        reply = self.call(FITS, sloohSiteSessionToken=token, viewType="photoRoll", **asked)
        self.common["sloohSessionToken"] = token
        return reply


@pytest.fixture
def client(slooh: SloohServer) -> Client:
    logged_in = Client(slooh)
    logged_in.login()
    return logged_in


def numbers(answer: Json) -> list[int]:
    return [row["imageId"] for row in answer["imageList"]]


def get(address: str, span: str = "") -> requests.Response:
    return requests.get(address, headers={"Range": span} if span else {}, timeout=5)


def test_the_session_token_comes_for_nothing(slooh: SloohServer) -> None:
    first, second = (requests.post(slooh.url + SESSION, timeout=5) for _ in range(2))
    assert first.json().keys() == {"sloohSessionToken", "apiError"}
    assert first.json()["sloohSessionToken"] != second.json()["sloohSessionToken"]
    assert first.cookies.get_dict() == {}, "the client makes the cookie"
    assert get(slooh.url + SESSION).status_code == 404


@pytest.mark.parametrize("user_id", ["userid", "userId"])
def test_a_login_hands_out_what_every_call_carries(slooh: SloohServer, user_id: str) -> None:
    slooh.user_id = user_id
    reply = Client(slooh).login()
    assert reply.keys() == {"apiError", "at", "cid", "token", user_id, "displayName"}


@pytest.mark.parametrize("wrong", ["username", "passwd"])
def test_a_refused_login_is_a_200(slooh: SloohServer, wrong: str) -> None:
    """``loginError: "true"``, a string, with `errorCode` and `errorMsg`; some refusals simply lack the user id."""
    client, member = Client(slooh), slooh.member
    right = {"username": member.username, "passwd": member.password}
    reply = client.call(LOGIN, **{**right, wrong: "no"})
    assert (reply["apiError"], reply["loginError"]) == (False, "true")
    assert reply.keys() >= {"errorCode", "errorMsg"}
    assert client.call(LOGIN, username=member.username, password=member.password)["loginError"] == "true"
    slooh.refusal_has_error = False
    silent = client.call(LOGIN, **{**right, wrong: "no"})
    assert silent["apiError"] is False
    assert not silent.keys() & {"userid", "userId", "loginError", "at"}


def test_status(client: Client) -> None:
    assert client.call(STATUS).keys() >= {"displayName", "tier", "gravityPoints", "memberSince"}


def test_pictures_are_listed_newest_first_in_pages(slooh: SloohServer, client: Client) -> None:
    slooh.add(*(Picture(number) for number in range(1, 6)))
    slooh.add(Picture(6))
    first, second, third, behind = (client.pictures(at, 2) for at in (1, 3, 5, 7))
    assert [numbers(page) for page in (first, second, third, behind)] == [[6, 5], [4, 3], [2, 1], []]
    assert first.keys() == {"apiError", "imageList", "imageCount", "totalCount", "firstImageNumber"}
    assert (second["totalCount"], second["imageCount"], second["firstImageNumber"]) == ("6", 2, 3)


def test_no_answer_has_more_rows_than_the_server_likes(slooh: SloohServer, client: Client) -> None:
    slooh.add(*(Picture(number) for number in range(1, 60)))
    slooh.most_rows = 3
    assert len(client.pictures(most=50)["imageList"]) == 3


def test_a_row(slooh: SloohServer, client: Client) -> None:
    signed = f"Expires=1&Signature={secret('image')}"
    slooh.add(Picture(1, file="barnard33_l b.png", query=signed, mission=77))
    (row,) = client.pictures()["imageList"]
    assert row == {
        "imageId": 1,
        "customerImageId": 500001,
        "missionId": "",
        "scheduledMissionId": 77,
        "imageTitle": "Horsehead Nebula (IC 434)",
        "imageDownloadURL": f"{slooh.url}/images/barnard33_l%20b.png?{signed}",
        "imageType": "png",
        "telescopeName": "Canary One",
        "instrumentName": "Wide Field",
        "displayDate": "Feb. 7, 2026",
        "displayTime": "20:15:30 UTC",
    }
    assert get(row["imageDownloadURL"]).content == png(seed=1)


def test_rows_of_pngs_and_of_others(slooh: SloohServer, client: Client) -> None:
    """As 2,548 real rows: a PNG's mission has another name, and its address ends in what keeps caches away."""
    slooh.add(Picture(1, mission=7, kind="JPG"), Picture(2, mission=7, host="https://polaris2.slooh.com/a"))
    image, other = client.pictures()["imageList"]
    assert (image["missionId"], image["scheduledMissionId"], image["imageType"]) == ("", 7, "png")
    assert image["imageDownloadURL"].startswith("https://polaris2.slooh.com/a/ngc3372")
    assert image["imageDownloadURL"].endswith(".png?rand=1770700002.7")
    assert (other["missionId"], other["imageType"]) == (7, "JPG")
    assert other["imageDownloadURL"].endswith(".jpg")


def test_any_value_may_be_missing_null_or_otherwise(slooh: SloohServer, client: Client) -> None:
    otherwise = {"telescopeName": "", "instrumentName": None, "imageTitle": MISSING, "displayDate": "2026-02-07"}
    slooh.add(Picture(1, row=otherwise | {"displayTime": "20:15 UTC", "imageId": "1"}))
    (row,) = client.pictures()["imageList"]
    assert (row["telescopeName"], row["instrumentName"], row["imageId"]) == ("", None, "1")
    assert (row["displayDate"], row["displayTime"]) == ("2026-02-07", "20:15 UTC")
    assert "imageTitle" not in row


def test_the_server_filters_by_mission_alone(slooh: SloohServer, client: Client) -> None:
    slooh.add(*(Picture(number, mission=70 + number % 2) for number in range(1, 6)))
    for view in ("photoRoll", "missions"):
        of_one = client.pictures(mission=71, view=view)
        assert (numbers(of_one), of_one["totalCount"]) == ([5, 3, 1], "3")
    assert numbers(client.pictures(view="missions")) == [5], "the view of missions shows one picture of all"
    listed = client.call(MISSIONS, maxMissionCount=50, firstMissionNumber=1)
    assert listed.keys() == {"apiError", "imageList", "totalCount", "missionCount", "firstMissionNumber"}
    assert [row["missionId"] for row in listed["imageList"]] == [71, 70]
    second = client.call(MISSIONS, maxMissionCount=50, firstMissionNumber=2)
    assert ([row["missionId"] for row in second["imageList"]], second["totalCount"]) == ([70], 2)


def test_a_picture_that_is_taken_meanwhile_shifts_every_row(slooh: SloohServer, client: Client) -> None:
    slooh.add(*(Picture(number) for number in range(1, 5)))
    slooh.arrives(Picture(5), Picture(6))
    pages = [client.pictures(at, 2) for at in (1, 3, 5)]
    assert [numbers(page) for page in pages] == [[4, 3], [3, 2], [2, 1]]
    assert [page["totalCount"] for page in pages] == ["4", "5", "6"]
    assert numbers(client.pictures()) == [6, 5, 4, 3, 2, 1]


def test_frames_come_by_instrument_under_another_token_name(slooh: SloohServer, client: Client) -> None:
    slooh.add_frames(Frame(1, 71), Frame(2, 71, "Canary One High Mag", file="l.fits"), Frame(3, 71), Frame(4, 72))
    reply = client.frames(71)
    assert [(one["groupName"], len(one["groupImageList"])) for one in reply["groupList"]] == [
        ("Canary One Wide Field", 2),
        ("Canary One High Mag", 1),
    ]
    (row,) = reply["groupList"][1]["groupImageList"]
    assert row == {"imageURL": f"{slooh.url}/images/l.fits", "imageTitle": "l.fits", "imageId": 2}
    assert get(row["imageURL"]).content == fits(seed=2)
    assert get(row["imageURL"]).headers["Content-Type"] == "application/fits"
    (later,) = client.frames(71, first=2, most=1)["groupList"]
    assert [one["imageId"] for one in later["groupImageList"]] == [2]
    assert client.frames(0)["apiError"] is True
    assert client.call(FITS, scheduledMissionId=71)["groupList"] == [], "the pictures' token name opens no frames"


def test_a_member_without_the_right_gets_no_frames(slooh: SloohServer, client: Client) -> None:
    slooh.add_frames(Frame(1, 71))
    slooh.member = Member(may_fits=False)
    assert client.frames(71) == {"apiError": False, "groupList": []}


@pytest.mark.parametrize("lacks", ["sloohSessionToken", "at", "cid", "token", "productId", "locale"])
def test_who_sends_not_all_is_told_nothing(slooh: SloohServer, client: Client, lacks: str) -> None:
    slooh.add(Picture(1))
    assert numbers(client.pictures()) == [1]
    del client.common[lacks]
    empty = client.pictures()
    assert (empty["apiError"], empty["totalCount"], empty["imageList"]) == (False, 0, [])


def test_the_cookie_has_to_come_back(slooh: SloohServer, client: Client) -> None:
    slooh.add(Picture(1))
    client.session.cookies.set("_sloohsstkn", "another", path="/")
    assert client.pictures()["imageList"] == []
    client.session.cookies.clear()
    assert client.pictures()["imageList"] == []
    assert client.call(LOGIN, username=slooh.member.username, passwd=slooh.member.password)["loginError"] == "true"


def test_a_login_is_forgotten_without_a_word(slooh: SloohServer, client: Client) -> None:
    slooh.add(Picture(1), Picture(2))
    slooh.add_frames(Frame(1, 71))
    slooh.logs_out_after = 2
    assert [client.pictures()["totalCount"] for _ in range(4)] == ["2", "2", 0, 0]
    assert client.call(MISSIONS)["imageList"] == []
    assert client.frames(71)["groupList"] == []
    assert "displayName" not in client.call(STATUS)
    client.login()
    assert numbers(client.pictures()) == [2, 1]
    slooh.log_out()
    assert client.pictures() == {
        "apiError": False,
        "imageList": [],
        "imageCount": 0,
        "totalCount": 0,
        "firstImageNumber": 1,
    }


def test_an_old_login_is_not_good_for_a_new_one(slooh: SloohServer, client: Client) -> None:
    slooh.add(Picture(1))
    old = dict(client.common)
    client.login()
    assert numbers(client.pictures()) == [1]
    client.common = old
    assert client.pictures()["imageList"] == []


def test_errors(slooh: SloohServer, client: Client) -> None:
    slooh.script(PICTURES, api_error("Try later"), refuse(500), too_many_requests("30"), too_many_requests())
    reply = client.pictures()
    assert (reply["apiError"], reply["errorMessage"]) == (True, "Try later")
    answers = [client.session.post(slooh.url + PICTURES, json=client.common, timeout=5) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [500, 429, 429, 200]
    assert [answer.headers.get("Retry-After") for answer in answers] == [None, "30", None, None]
    assert client.call("/api/unknown")["apiError"] is True


def test_a_row_may_lead_to_another_host(slooh: SloohServer, client: Client) -> None:
    slooh.add(Picture(1, row={"imageDownloadURL": "http://169.254.169.254/latest/a.png"}), Picture(2))
    slooh.image_host = "https://astroimages.slooh.com"
    second, first = client.pictures()["imageList"]
    assert first["imageDownloadURL"] == "http://169.254.169.254/latest/a.png"
    assert second["imageDownloadURL"].startswith("https://astroimages.slooh.com/ngc3372_")


@pytest.mark.parametrize(
    ("kind", "mime", "made"),
    [
        ("PNG", "image/png", png),
        ("JPG", "image/jpeg", jpeg),
        ("JPEG", "image/jpeg", jpeg),
        ("FITS", "application/fits", fits),
    ],
)
def test_files_are_served_whole_and_by_range(slooh: SloohServer, kind: str, mime: str, made: Any) -> None:
    body = made(seed=5)
    picture = Picture(5, kind=kind, file="a")
    slooh.add(picture)
    whole, part = get(f"{slooh.url}/images/a"), get(f"{slooh.url}/images/a", "bytes=10-")
    assert (whole.status_code, whole.content, whole.headers["Content-Type"]) == (200, body, mime)
    assert whole.headers["Content-Length"] == str(len(body))
    assert not {name.lower() for name in whole.headers} & {"etag", "content-md5", "digest"}
    assert (part.status_code, part.content) == (206, body[10:])
    behind = get(f"{slooh.url}/images/a", f"bytes={len(body)}-")
    assert (behind.status_code, behind.headers["Content-Range"]) == (416, f"bytes */{len(body)}")
    picture.honours_ranges = picture.announces_length = False
    again = get(f"{slooh.url}/images/a", "bytes=10-")
    assert (again.status_code, again.content, again.headers.get("Content-Length")) == (200, body, None)
    assert get(f"{slooh.url}/images/b").status_code == 404


def test_files_break_as_they_are_told_to(slooh: SloohServer) -> None:
    slooh.add(Picture(1, file="a.png"), Picture(2, file="b.png", content=png()[:-12]))
    slooh.script("a.png", cut_at(5), too_many_requests("2"))
    with pytest.raises(requests.RequestException):
        get(f"{slooh.url}/images/a.png")
    assert get(f"{slooh.url}/images/a.png").status_code == 429
    assert get(f"{slooh.url}/images/a.png").content == png(seed=1)
    cut = get(f"{slooh.url}/images/b.png")
    assert (cut.content, cut.headers["Content-Length"]) == (png()[:-12], str(len(png()) - 12))


def test_arrivals_are_kept(slooh: SloohServer, client: Client, clock: FakeClock) -> None:
    slooh.add(Picture(1, file="a.png"))
    began = clock.time
    client.pictures()
    clock.sleep(2.0)
    client.pictures()
    clock.sleep(0.5)
    get(f"{slooh.url}/images/a.png?Signature={secret('image')}")
    assert [request.at - began for request in slooh.asked(PICTURES)] == [0.0, 2.0]
    assert [request.at - began for request in slooh.asked("a.png")] == [2.5]
    assert [request.path for request in slooh.requests[:2]] == [SESSION, LOGIN]
    assert slooh.requests[0].body == b""


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, held = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert data[at + 8 + length : at + 12 + length] == struct.pack(">I", zlib.crc32(kind + held))
        yield kind, held
        at += 12 + length


def test_a_png_is_a_png() -> None:
    data = png(5, 3)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    (head, pixels, end) = chunks(data)
    assert (head[0], struct.unpack(">IIB", head[1][:9])) == (b"IHDR", (5, 3, 8))
    assert (pixels[0], len(zlib.decompress(pixels[1])), end) == (b"IDAT", 3 * (5 + 1), (b"IEND", b""))
    assert png(seed=1) != png(seed=2)


def test_a_jpeg_is_a_jpeg() -> None:
    data, at = jpeg(), 2
    found: list[int] = []
    assert (data[:2], data[-2:]) == (b"\xff\xd8", b"\xff\xd9")
    while not found or found[-1] != 0xDA:
        mark, marker, length = struct.unpack_from(">BBH", data, at)
        assert mark == 0xFF
        found.append(marker)
        at += 2 + length
    assert found == [0xE0, 0xFE, 0xDB, 0xC0, 0xC4, 0xC4, 0xDA]
    assert data[at:-2] == b"\0", "four squares of two bits"
    assert jpeg(seed=1) != jpeg(seed=2)


def test_a_fits_is_a_fits() -> None:
    data = fits(40, 50)
    cards = [data[at : at + 80].decode() for at in range(0, 2880, 80)]
    assert cards[0] == "SIMPLE  =                    T".ljust(80)
    assert [card[:8].strip() for card in cards if card.strip()] == [
        "SIMPLE",
        "BITPIX",
        "NAXIS",
        "NAXIS1",
        "NAXIS2",
        "END",
    ]
    assert len(data) == 2880 * (1 + -(-2 * 40 * 50 // 2880))
    assert fits(seed=1) != fits(seed=2)
