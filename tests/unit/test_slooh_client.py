"""The client of Slooh's API: what it sends, whom it believes, and what it tells nobody."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from downloader.errors import (
    AccessDenied,
    DownloadError,
    NetworkError,
    NotTried,
    ObjectNotFound,
    PermanentError,
    ServerBusy,
    StreamStalled,
)
from downloader.retry import Halt, RetryPolicy
from downloader.sources.slooh.client import Account, SloohClient
from downloader.sources.slooh.rate_limit import RequestLimit
from include.stand_ins.secrets import secret
from include.stand_ins.slooh_server import (
    FITS,
    LOGIN,
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
    says,
    serving,
    too_many_requests,
)
from include.stand_ins.wire import Answer, Fault, cut_at, refuse, reset_at
from support.restoring import FakeClock
from support.secret_search import bears_secret
from support.slooh_access import account_of, client_of

PASSWORD = secret("slooh-passphrase")
TOKENS = [secret(f"slooh-{name}-1") for name in ("session", "at", "cid", "token")]


@pytest.fixture
def server() -> Iterator[SloohServer]:
    with serving(SloohServer(member=Member(password=PASSWORD))) as served:
        yield served


@pytest.fixture
def client(server: SloohServer, clock: FakeClock) -> SloohClient:
    return client_of(server, clock)


# --- what goes over the wire ------------------------------------------------------------------------------------------


def test_the_session_comes_before_the_login_and_both_before_the_question(server: SloohServer) -> None:
    client_of(server).pictures(1, 50)
    assert [request.path for request in server.requests] == [SESSION, LOGIN, PICTURES]
    session, login, question = server.requests
    assert (session.method, session.body, session.cookies) == ("POST", b"", {})
    token = login.cookies["_sloohsstkn"]
    assert login.json == {
        "sloohSessionToken": token,
        "username": server.member.username,
        "passwd": PASSWORD,
        "productId": PRODUCT,
        "locale": "en",
    }
    assert question.cookies == {"_sloohsstkn": token}
    assert question.json == {
        "sloohSessionToken": token,
        "at": secret("slooh-at-1"),
        "cid": secret("slooh-cid-1"),
        "token": secret("slooh-token-1"),
        "productId": PRODUCT,
        "locale": "en",
        "scheduledMissionId": 0,
        "maxImageCount": 50,
        "firstImageNumber": 1,
        "viewType": "photoRoll",
    }
    assert question.headers["content-type"] == "application/json"


def test_a_login_is_used_again(server: SloohServer, client: SloohClient) -> None:
    client.status()
    client.missions(1, 10)
    client.pictures(1, 10)
    assert len(server.asked(LOGIN)) == 1
    assert client.logins == 1


def test_pictures_of_a_mission_are_asked_for_in_their_own_view(server: SloohServer, client: SloohClient) -> None:
    server.add(Picture(1, mission=7), Picture(2, mission=8))
    page = client.pictures(1, 50, 8)
    assert [row.image_id for row in page.rows] == ["2"]
    assert server.asked(PICTURES)[-1].json["viewType"] == "missions"


def test_frames_are_asked_for_under_another_token_s_name(server: SloohServer, client: SloohClient) -> None:
    server.add_frames(Frame(1, 7), Frame(2, 7), Frame(3, 8))
    page = client.frames(7, 1, 50)
    assert [row.image_id for row in page.rows] == ["1", "2"]
    asked = server.asked(FITS)[-1].json
    assert "sloohSessionToken" not in asked
    assert asked["sloohSiteSessionToken"] == server.asked(LOGIN)[-1].json["sloohSessionToken"]
    assert (asked["scheduledMissionId"], asked["maxImageCount"], asked["firstImageNumber"]) == (7, 50, 1)


@pytest.mark.parametrize("mission", [0, -1])
def test_frames_of_no_mission_are_never_asked_for(server: SloohServer, client: SloohClient, mission: int) -> None:
    with pytest.raises(ValueError, match="no mission"):
        client.frames(mission, 1, 50)
    assert server.requests == []


def test_status_and_missions(server: SloohServer, client: SloohClient) -> None:
    server.add(Picture(1, mission=7), Picture(2, mission=7), Picture(3, mission=8))
    status = client.status()
    assert (status.display_name, status.tier, status.gravity_points) == ("Cosmic Explorer", "Astronomer", 4711)
    page = client.missions(1, 50)
    assert sorted(row.mission_id or 0 for row in page.rows) == [7, 8]
    assert page.total == 2


@pytest.mark.parametrize("field", ["userid", "userId"])
def test_a_login_answers_the_displayed_name(server: SloohServer, client: SloohClient, field: str) -> None:
    server.user_id = field
    assert client.login() == "Cosmic Explorer"


def test_each_request_is_counted_by_the_hook(server: SloohServer) -> None:
    calls: list[int] = []
    server.script(PICTURES, refuse(503))
    client_of(server, before=lambda: calls.append(1)).pictures(1, 50)
    assert len(calls) == len(server.requests) == 4


# --- who may not ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("says_so", [True, False], ids=["loginError", "no user id"])
def test_a_refused_login_is_a_sentence_and_not_tried_again(
    server: SloohServer, clock: FakeClock, says_so: bool
) -> None:
    server.refusal_has_error = says_so
    client = client_of(server, clock, account=account_of(server, "wrong-guess"))
    with pytest.raises(AccessDenied) as caught:
        client.pictures(1, 50)
    assert str(caught.value) == (
        "Access denied: Slooh refused the login of the connection slooh_default; "
        "correct login and password of the connection slooh_default"
    )
    assert len(server.asked(LOGIN)) == 1
    assert clock.slept == []


@pytest.mark.parametrize("lacking", ["at", "cid", "token", "userid"])
def test_a_login_that_lacks_a_part_is_none(server: SloohServer, client: SloohClient, lacking: str) -> None:
    def without(answer: Answer) -> Answer:
        held = json.loads(bytes(answer.body[:]))
        return says({name: value for name, value in held.items() if name != lacking})

    server.script(LOGIN, without)
    with pytest.raises(AccessDenied, match="refused the login"):
        client.login()


def test_a_login_that_says_error_is_none_whatever_else_it_says(server: SloohServer, client: SloohClient) -> None:
    server.script(LOGIN, lambda answer: says({**json.loads(bytes(answer.body[:])), "loginError": "true"}))
    with pytest.raises(AccessDenied, match="refused the login"):
        client.login()


@pytest.mark.parametrize("empty", ["username", "password"])
def test_a_connection_without_a_login_asks_for_nothing(server: SloohServer, empty: str) -> None:
    account = replace(account_of(server), **{empty: ""})
    with pytest.raises(AccessDenied, match="fill in login and password of the connection slooh_default"):
        client_of(server, account=account).login()
    assert server.requests == []


# --- what goes wrong --------------------------------------------------------------------------------------------------

RETRYABLE: dict[str, Fault] = {
    "503": refuse(503),
    "429": too_many_requests(),
    "the connection breaks": cut_at(10),
    "the connection is reset": reset_at(-1),
    "an error of the API": api_error(),
    "half of the JSON": lambda answer: replace(answer, body=bytes(answer.body[:-1])),
    "a web page": lambda answer: Answer(200, {"Content-Type": "text/html"}, b"<html>maintenance</html>"),
    "a list": lambda answer: says([1, 2]),
    "too deep": lambda answer: Answer(200, {}, b"[" * 100_000),
    "no token": lambda answer: says({"apiError": False}),
}


@pytest.mark.parametrize("path", [SESSION, LOGIN, PICTURES])
@pytest.mark.parametrize("what", [name for name in RETRYABLE if name != "no token"])
def test_what_passes_is_sat_out(server: SloohServer, client: SloohClient, path: str, what: str) -> None:
    server.add(Picture(1))
    server.script(path, RETRYABLE[what])
    assert client.pictures(1, 50).received == 1


def test_a_session_without_a_token_is_asked_for_again(server: SloohServer, client: SloohClient) -> None:
    server.script(SESSION, RETRYABLE["no token"], lambda answer: says({"sloohSessionToken": "a; b=c\r\nx: y"}))
    client.login()
    assert len(server.asked(SESSION)) == 3


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (refuse(503), ServerBusy, "127.0.0.1 answered 503 for the list of pictures"),
        (refuse(404), ObjectNotFound, "correct the host of the connection slooh_default"),
        (refuse(400), PermanentError, "check the host of the connection slooh_default"),
        (api_error(), ServerBusy, r"127.0.0.1 refused the list of pictures \(error 500\)"),
        (RETRYABLE["a web page"], ServerBusy, "answered the list of pictures with something that is not a JSON object"),
        (reset_at(-1), NetworkError, "the connection to 127.0.0.1 broke"),
        (
            refuse(302, Location=f"https://evil.example/x?sig={secret('list')}"),
            PermanentError,
            "redirected to evil.example, which",
        ),
        (lambda answer: Answer(200, {}, b" " * (17 << 20)), PermanentError, "more than 16777216 bytes"),
    ],
    ids=["503", "404", "400", "apiError", "a page", "reset", "redirect", "endless"],
)
def test_what_does_not_pass_is_a_sentence(
    server: SloohServer, client: SloohClient, fault: Fault, kind: type[DownloadError], words: str
) -> None:
    server.script(PICTURES, *[fault] * 20)
    with pytest.raises(kind, match=words):
        client.pictures(1, 50)
    assert len(server.asked(PICTURES)) <= 5


def test_the_status_is_asked_for_once(server: SloohServer, client: SloohClient) -> None:
    """It only informs, so that a run need not wait for it."""
    server.script(STATUS, *[refuse(503)] * 9)
    with pytest.raises(ServerBusy):
        client.status()
    assert len(server.asked(STATUS)) == 1


def test_a_server_that_asks_for_patience_is_given_it(
    server: SloohServer, client: SloohClient, clock: FakeClock
) -> None:
    server.script(PICTURES, too_many_requests("20"), too_many_requests("20"))
    client.pictures(1, 50)
    assert clock.waited == 40


def test_nobody_there(clock: FakeClock) -> None:
    client = client_of(SloohServer(port=9), clock)
    with pytest.raises(NetworkError, match="check the host of the connection slooh_default"):
        client.login()


def test_a_batch_that_is_stopped_asks_no_more(server: SloohServer) -> None:
    halt = Halt()
    policy = RetryPolicy(halt=halt)
    client = SloohClient(account_of(server), policy, RequestLimit(0, policy))
    client.login()
    asked = len(server.requests)
    halt.set("enough")
    with pytest.raises(NotTried):
        client.pictures(1, 50)
    assert len(server.requests) == asked


# --- sessions that are refused in so many words -----------------------------------------------------------------------


@pytest.mark.parametrize("fault", [refuse(401), refuse(403), api_error()], ids=["401", "403", "apiError"])
def test_a_refused_session_is_renewed_once(server: SloohServer, client: SloohClient, fault: Fault) -> None:
    server.add(Picture(1))
    client.status()
    server.script(PICTURES, fault)
    assert client.pictures(1, 50).received == 1
    assert client.logins == 2
    assert server.asked(PICTURES)[-1].json["token"] == secret("slooh-token-2")


def test_a_right_that_is_refused_to_a_new_login_too_is_denied(server: SloohServer, client: SloohClient) -> None:
    server.script(PICTURES, *[refuse(403)] * 9)
    with pytest.raises(AccessDenied, match="correct login and password of the connection slooh_default"):
        client.pictures(1, 50)
    assert len(server.asked(PICTURES)) == 2


# --- secrets ----------------------------------------------------------------------------------------------------------


def everything_shown(calls: list[Callable[[], object]], log: pytest.LogCaptureFixture) -> str:
    shown = []
    for call in calls:
        try:
            shown.append(repr(call()))
        except DownloadError as error:
            links = [error, error.__cause__, error.__context__]
            shown += [f"{link!r} {link} {vars(link) if link else ''}" for link in links]
    return " ".join((*shown, log.text))


@pytest.mark.parametrize(
    "fault",
    [
        *RETRYABLE.values(),
        refuse(401, " ".join(TOKENS).encode()),
        refuse(404),
        refuse(302, Location=f"https://evil.example/?token={TOKENS[0]}"),
        lambda answer: says({"apiError": True, "errorCode": TOKENS[1], "errorMessage": TOKENS[0]}),
    ],
)
def test_no_secret_is_ever_shown(server: SloohServer, caplog: pytest.LogCaptureFixture, fault: Fault) -> None:
    caplog.set_level(logging.DEBUG)
    for path in (SESSION, LOGIN, STATUS, MISSIONS, PICTURES):
        server.script(path, None, *[fault] * 6)
    client = client_of(server)
    account = account_of(server)
    calls: list[Callable[[], object]] = [client.status, lambda: client.pictures(1, 50), lambda: client.missions(1, 50)]
    calls += [client.status, lambda: client.pictures(1, 50), client.renew, client.login]
    shown = everything_shown([*calls, lambda: account, lambda: client, lambda: vars(client)], caplog)
    assert not bears_secret(shown)
    assert server.member.username not in shown


def test_the_token_goes_to_no_other_address(server: SloohServer) -> None:
    with serving(SloohServer()) as other:
        server.script(PICTURES, *[refuse(307, Location=f"{other.url}{PICTURES}")] * 9)
        with pytest.raises(DownloadError, match="redirected to"):
            client_of(server).pictures(1, 50)
        assert other.requests == []


def test_a_slash_behind_the_host_is_no_matter(server: SloohServer) -> None:
    account = Account(f"{server.url}/", server.member.username, PASSWORD)
    assert client_of(server, account=account).login() == "Cosmic Explorer"


def test_a_server_that_stalls(server: SloohServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    from downloader.source import Timeouts
    from include.stand_ins.wire import stall_at

    server.script(SESSION, stall_at(-1))
    policy = RetryPolicy(attempts=1, clock=clock.clock)
    with pytest.raises(StreamStalled):
        SloohClient(account_of(server), policy, timeouts=Timeouts(1, 0.05)).login()
