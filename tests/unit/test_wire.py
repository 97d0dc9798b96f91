"""What the stand-in servers share: contents that need no memory, ranges, framing and faults, over a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from include.stand_ins.contents import FileContent, Flipped, Generated, Joined, Span, digest, pieces
from include.stand_ins.wire import (
    Answer,
    Fault,
    Request,
    StandIn,
    chunked,
    cut_at,
    flip_bit,
    ignore_range,
    limited,
    longer,
    ranged,
    refuse,
    reset_at,
    serving,
    shorter,
    slowly,
    without,
)
from support.restoring import FakeClock

BODY = bytes(range(256)) * 40
BLOCK = 64 * 1024
EDGES = st.integers(-2, 10) | st.sampled_from([BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK - 1, 3 * BLOCK, 4 * BLOCK])
GENERATED = Generated(3 * BLOCK + 5, seed=7)


@dataclass(kw_only=True)
class Echo(StandIn):
    """Serves one body, with ranges."""

    body: FileContent = BODY
    seen: list[Request] = field(default_factory=list)

    def take(self, request: Request) -> Answer:
        self.seen.append(request)
        whole = Answer(200, {"X-Kept": "yes"}, self.body, self.body)
        return self.play("it", ranged(whole, request.headers.get("range", "")))


@pytest.fixture
def echo(clock: FakeClock) -> Iterator[Echo]:
    with serving(Echo(clock=clock.now, sleep=clock.sleep)) as server:
        yield server


def ask(server: StandIn, span: str = "") -> requests.Response:
    return requests.get(server.url, headers={"Range": span} if span else {}, timeout=5)


@given(EDGES, EDGES)
def test_a_generated_content_is_the_same_however_it_is_cut(start: int, stop: int) -> None:
    whole = b"".join(pieces(GENERATED, 1000))
    assert len(whole) == len(GENERATED) == 3 * BLOCK + 5
    assert GENERATED[start:stop] == whole[start:stop]
    assert Span(GENERATED, 3, 2 * BLOCK)[start:stop] == whole[3 : 2 * BLOCK][start:stop]
    assert Joined(GENERATED, b"more")[start:stop] == (whole + b"more")[start:stop]
    wrong = whole[:BLOCK] + bytes([whole[BLOCK] ^ 1]) + whole[BLOCK + 1 :]
    assert Flipped(GENERATED, BLOCK)[start:stop] == wrong[start:stop]


def test_generated_blocks_and_seeds_differ() -> None:
    blocks = {GENERATED[at : at + BLOCK] for at in range(0, 3 * BLOCK, BLOCK)}
    assert len(blocks) == 3
    assert digest(GENERATED, "md5") == digest(Generated(3 * BLOCK + 5, seed=7), "md5")
    assert digest(GENERATED, "md5") != digest(Generated(3 * BLOCK + 5, seed=8), "md5")
    assert len(Generated(10**12)[10**12 - 5 :]) == 5


@pytest.mark.parametrize(
    ("span", "status", "content_range", "body"),
    [
        ("", 200, None, BODY),
        ("bytes=0-", 206, "bytes 0-10239/10240", BODY),
        ("bytes=10-19", 206, "bytes 10-19/10240", BODY[10:20]),
        ("bytes=10230-99999", 206, "bytes 10230-10239/10240", BODY[-10:]),
        ("bytes=-4", 206, "bytes 10236-10239/10240", BODY[-4:]),
        ("bytes=10240-", 416, "bytes */10240", b""),
        ("bytes=-", 200, None, BODY),
        ("lines=1-2", 200, None, BODY),
    ],
)
def test_ranges(echo: Echo, span: str, status: int, content_range: str | None, body: bytes) -> None:
    answer = ask(echo, span)
    assert (answer.status_code, answer.headers.get("Content-Range"), answer.content) == (status, content_range, body)


def test_an_empty_content_has_no_ranges(echo: Echo) -> None:
    echo.body = b""
    assert (ask(echo).status_code, ask(echo, "bytes=0-").status_code) == (200, 416)


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        (flip_bit(2), b"\0\1\3" + BODY[3:]),
        (longer(b"x"), BODY + b"x"),
        (shorter(6), BODY[:-6]),
        (slowly(0.5), BODY),
        (limited(2_000), BODY),
        (chunked, BODY),
        (None, BODY),
    ],
)
def test_a_body_is_altered_and_its_length_goes_with_it(echo: Echo, fault: Fault | None, body: bytes) -> None:
    echo.script("it", None, fault)
    assert ask(echo).content == BODY
    answer = ask(echo)
    assert answer.content == body
    assert answer.headers.get("Content-Length") == (None if fault is chunked else str(len(body)))
    assert ask(echo).content == BODY, "a fault is played once"


@pytest.mark.parametrize("framing", [None, chunked])
@pytest.mark.parametrize("break_", [cut_at, reset_at])
def test_a_body_breaks_after_so_many_bytes(echo: Echo, break_: Callable[[int], Fault], framing: Fault | None) -> None:
    echo.script("it", lambda answer: break_(700)(framing(answer) if framing else answer))
    answer = requests.get(echo.url, stream=True, timeout=5)
    pieces_that_came: list[bytes] = []
    with pytest.raises(requests.RequestException):
        pieces_that_came.extend(answer.iter_content(1))
    came = b"".join(pieces_that_came)
    assert BODY.startswith(came)
    # What a reset overtakes may be lost on the way; what a close follows arrives.
    assert len(came) == 700 if break_ is cut_at else len(came) <= 700
    assert ask(echo).content == BODY


def test_a_connection_is_reset_before_the_status_line(echo: Echo) -> None:
    echo.script("it", reset_at(-1))
    with pytest.raises(requests.ConnectionError):
        ask(echo)


def test_answers_are_replaced(echo: Echo) -> None:
    echo.script("it", refuse(503, b"no", Retry_After="7"), without("X-Kept"), ignore_range)
    refused, bare, whole = ask(echo), ask(echo), ask(echo, "bytes=5-")
    assert (refused.status_code, refused.content, refused.headers["Retry-After"]) == (503, b"no", "7")
    assert "X-Kept" not in bare.headers
    assert (whole.status_code, whole.content, whole.headers.get("Content-Range")) == (200, BODY, None)


def test_speed_and_pauses_go_by_the_clock(echo: Echo, clock: FakeClock) -> None:
    echo.script("it", limited(4_096), slowly(0.5))
    assert ask(echo).content == BODY
    assert clock.waited == pytest.approx(2.5)
    assert ask(echo).content == BODY
    assert clock.waited == pytest.approx(2.5 + 5)


def test_requests_are_kept_as_they_came(echo: Echo, clock: FakeClock) -> None:
    clock.time = 12.5
    cookies = {"a": "1", "b": "2"}
    requests.post(f"{echo.url}/a%20b?x=1&y=%26&x=2", data={"f": "&"}, cookies=cookies, timeout=5)
    requests.post(echo.url, json={"k": [1]}, timeout=5)
    first, second = echo.seen
    assert (first.method, first.uri, first.at) == ("POST", "/a%20b?x=1&y=%26&x=2", 12.5)
    assert (first.path, first.query, first.form, first.cookies) == ("/a b", {"x": "2", "y": "&"}, {"f": "&"}, cookies)
    assert (first.json, second.json, second.headers["content-type"]) == (None, {"k": [1]}, "application/json")
