"""Slooh's lists, page after page: each row once, all rows, and an end whatever the server says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import pytest

from downloader.errors import PermanentError, ServerBusy
from downloader.sources.slooh.client import SloohClient
from downloader.sources.slooh.listing import frames_of_missions, missions, pictures
from include.stand_ins.slooh_server import FITS, LOGIN, PICTURES, Frame, Member, Picture, SloohServer, says, serving
from include.stand_ins.wire import Answer, Fault
from support.slooh_access import client_of


@pytest.fixture
def server() -> Iterator[SloohServer]:
    with serving(SloohServer()) as served:
        yield served


@pytest.fixture
def client(server: SloohServer) -> SloohClient:
    return client_of(server)


def fill(server: SloohServer, number: int) -> list[str]:
    """Adds pictures, and answers their ids as they are listed."""
    server.add(*(Picture(n) for n in range(1, number + 1)))
    return [str(n) for n in range(number, 0, -1)]


def ids(rows: Any) -> list[str | None]:
    return [row.image_id for row in rows]


def log_out(server: SloohServer) -> Fault:
    """From this answer on nobody is logged in."""

    def fault(answer: Answer) -> Answer:
        server.log_out()
        return says({"imageList": [], "totalCount": 0})

    return fault


# --- paging -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, 9, 10, 11, 25, 30])
def test_all_rows_come_once_and_no_page_more_than_needed(server: SloohServer, client: SloohClient, number: int) -> None:
    expected = fill(server, number)
    listing = pictures(client, batch=10)
    assert ids(listing) == expected
    assert (listing.total, listing.scanned) == (number, number)
    assert len(server.asked(PICTURES)) == max(-(-number // 10), 1)


def test_pages_move_by_what_came_and_not_by_what_was_asked_for(server: SloohServer, client: SloohClient) -> None:
    expected = fill(server, 25)
    server.most_rows = 7
    assert ids(pictures(client, batch=10)) == expected
    assert [request.json["firstImageNumber"] for request in server.asked(PICTURES)] == [1, 8, 15, 22]


def test_pictures_taken_meanwhile_shift_the_list_and_none_comes_twice(server: SloohServer, client: SloohClient) -> None:
    expected = fill(server, 30)
    server.arrives(*(Picture(100 + n) for n in range(5)))
    found = ids(pictures(client, batch=10))
    assert len(found) == len(set(found))
    assert set(expected) <= set(found)


def test_missions_are_paged_too(server: SloohServer, client: SloohClient) -> None:
    fill(server, 25)
    assert len(list(missions(client, batch=10))) == 25


@pytest.mark.parametrize("most", [1, 9, 10, 11, 24])
def test_no_more_rows_are_looked_at_than_allowed(server: SloohServer, client: SloohClient, most: int) -> None:
    expected = fill(server, 25)
    listing = pictures(client, batch=10, most=most)
    assert ids(listing) == expected[:most]
    assert sum(request.json["maxImageCount"] for request in server.asked(PICTURES)) == most


def test_rows_that_come_twice_do_not_count_against_the_most(server: SloohServer, client: SloohClient) -> None:
    expected = fill(server, 30)
    server.arrives(Picture(100), Picture(101))
    assert ids(pictures(client, batch=10, most=15)) == expected[:15]


def test_rows_are_asked_for_as_they_are_wanted(server: SloohServer, client: SloohClient) -> None:
    fill(server, 30)
    next(iter(pictures(client, batch=10)))
    assert len(server.asked(PICTURES)) == 1


# --- a server that tells tales ----------------------------------------------------------------------------------------


def row(number: int) -> dict[str, object]:
    return {"imageId": number}


def answering(*pages: Any) -> list[Fault]:
    return [lambda answer, page=page: says(page) for page in pages]  # type: ignore[misc]


def test_the_same_page_for_ever(server: SloohServer, client: SloohClient) -> None:
    server.script(PICTURES, *answering({"imageList": [row(1), row(2)], "totalCount": "1000000"}) * 50)
    assert ids(pictures(client, batch=2)) == ["1", "2"]
    assert len(server.asked(PICTURES)) == 4


def test_a_total_that_grows_with_each_page_of_the_same_rows(server: SloohServer, client: SloohClient) -> None:
    for total in range(10, 400, 10):
        server.script(PICTURES, *answering({"imageList": [row(n) for n in range(10)], "totalCount": str(total + 10)}))
    assert ids(pictures(client, batch=10)) == [str(n) for n in range(10)]
    assert len(server.asked(PICTURES)) == 4


def test_rows_without_ids_that_never_end(server: SloohServer, client: SloohClient) -> None:
    server.script(PICTURES, *answering({"imageList": [{}, {}], "totalCount": "999999"}) * 50)
    assert len(list(pictures(client, batch=2))) == 6


def test_new_rows_for_ever(monkeypatch: pytest.MonkeyPatch, server: SloohServer, client: SloohClient) -> None:
    monkeypatch.setattr("downloader.sources.slooh.listing._MOST_ROWS", 30)
    fill(server, 35)
    with pytest.raises(PermanentError, match=r"Slooh's list does not end after 30 rows; limit it with max_scan"):
        list(pictures(client, batch=10))


@pytest.mark.parametrize("total", [None, "many", -5, 0])
def test_a_list_without_a_total_ends_with_a_page_that_is_not_full(
    server: SloohServer, client: SloohClient, total: object
) -> None:
    pages = [[row(n) for n in range(start, start + size)] for start, size in ((0, 10), (10, 10), (20, 4))]
    server.script(PICTURES, *answering(*({"imageList": page, "totalCount": total} for page in pages)))
    assert len(list(pictures(client, batch=10))) == 24
    assert len(server.asked(PICTURES)) == 3


def test_a_total_that_is_too_high_ends_with_the_rows(server: SloohServer, client: SloohClient) -> None:
    rows = [row(n) for n in range(10)]
    server.script(
        PICTURES, *answering({"imageList": rows, "totalCount": "12"}, *[{"imageList": [], "totalCount": 12}] * 2)
    )
    assert len(list(pictures(client, batch=10))) == 10
    assert client.logins == 2, "an empty page is believed by a new login alone"


# --- sessions that run out in silence ---------------------------------------------------------------------------------


def test_an_empty_account_is_no_error_and_costs_no_second_login(server: SloohServer, client: SloohClient) -> None:
    listing = pictures(client)
    assert list(listing) == []
    assert listing.total == 0
    assert len(server.asked(LOGIN)) == 1
    assert len(server.asked(PICTURES)) == 1


def test_an_empty_account_behind_another_question_costs_one(server: SloohServer, client: SloohClient) -> None:
    client.status()
    assert list(pictures(client)) == []
    assert len(server.asked(LOGIN)) == 2


@pytest.mark.parametrize("page", [0, 1, 2, 4])
def test_a_silent_logout_at_any_page_is_healed(server: SloohServer, client: SloohClient, page: int) -> None:
    expected = fill(server, 45)
    client.status()
    server.script(PICTURES, *[None] * page, log_out(server))
    assert ids(pictures(client, batch=10)) == expected
    assert client.logins == 2


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_a_login_that_lasts_for_a_few_calls_alone(server: SloohServer, client: SloohClient, calls: int) -> None:
    expected = fill(server, 45)
    server.logs_out_after = calls
    assert ids(pictures(client, batch=10)) == expected


def test_an_empty_list_that_was_none_before_is_not_taken_for_the_end(server: SloohServer, client: SloohClient) -> None:
    fill(server, 45)
    empty = answering({"imageList": [], "totalCount": 0})
    server.script(PICTURES, None, *empty * 5)
    with pytest.raises(ServerBusy, match="Slooh listed 45 rows at first, and then none"):
        list(pictures(client, batch=10))
    assert client.logins == 2, "renewed once, not again and again"


# --- frames -----------------------------------------------------------------------------------------------------------


def add_missions(server: SloohServer, sizes: Sequence[int]) -> list[int]:
    """Missions with so many frames."""
    numbers = count(1)
    for mission, size in enumerate(sizes, 1):
        server.add(Picture(1000 + mission, mission=mission))
        server.add_frames(*(Frame(next(numbers), mission) for _ in range(size)))
    return list(range(1, len(sizes) + 1))


def test_frames_of_all_missions(server: SloohServer, client: SloohClient) -> None:
    asked = add_missions(server, [2, 0, 3])
    frames = list(frames_of_missions(client, asked))
    assert [(frame.mission_id, frame.image_id) for frame in frames] == [
        (1, "1"),
        (1, "2"),
        (3, "3"),
        (3, "4"),
        (3, "5"),
    ]
    assert len(server.asked(FITS)) == 3
    assert (client.logins, len(server.asked(PICTURES))) == (1, 0), "an answer behind an empty one vouches for it"


@pytest.mark.parametrize("size", [49, 50, 51, 120])
def test_a_mission_of_many_frames(server: SloohServer, client: SloohClient, size: int) -> None:
    asked = add_missions(server, [size])
    for batch in (50, 200):
        frames = list(frames_of_missions(client, asked, batch))
        assert len({frame.key for frame in frames}) == len(frames) == size


def test_a_member_without_the_right_costs_one_look_and_no_login(server: SloohServer) -> None:
    server.member = Member(may_fits=False)
    client = client_of(server)
    asked = add_missions(server, [2] * 20)
    client.status()
    assert list(frames_of_missions(client, asked)) == []
    assert len(server.asked(FITS)) == 20
    assert (client.logins, len(server.asked(PICTURES))) == (1, 1)


@pytest.mark.parametrize("mission", range(5))
def test_a_silent_logout_at_any_mission_is_healed(server: SloohServer, client: SloohClient, mission: int) -> None:
    asked = add_missions(server, [2, 0, 3, 1, 2])
    client.status()
    server.script(FITS, *[None] * mission, log_out(server))
    assert len(list(frames_of_missions(client, asked))) == 8
    assert client.logins == 2


def test_a_logout_that_another_question_found_out_leaves_the_older_ones_in_doubt(
    server: SloohServer, client: SloohClient
) -> None:
    asked = add_missions(server, [2, 2, 2])
    client.status()

    def asking() -> Iterator[int]:
        yield asked[0]
        server.log_out()
        yield asked[1]
        client.renew()
        yield asked[2]

    assert len(list(frames_of_missions(client, asking()))) == 6


def test_frames_that_come_again_and_again(server: SloohServer, client: SloohClient) -> None:
    rows = [{"imageId": n} for n in range(50)]
    server.script(FITS, *answering({"groupList": [{"groupImageList": rows}]}) * 20)
    assert len(list(frames_of_missions(client, [1]))) == 50
    assert len(server.asked(FITS)) == 2


def test_no_missions_no_question(server: SloohServer, client: SloohClient) -> None:
    assert list(frames_of_missions(client, [])) == []
    assert server.requests == []
