"""Slooh while everything goes wrong: whole pictures come home, no other gets a final name, and no secret is shown."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from downloader.content.pictures import PictureCheck
from downloader.remote_file import RemoteFile
from downloader.results import FileResult, Outcome
from downloader.retry import Clock, Halt, RetryPolicy
from downloader.source import Timeouts
from downloader.sources.slooh import SloohSource, image_client
from downloader.sources.slooh.hosts import ImageHosts
from downloader.sources.slooh.rate_limit import RequestLimit
from downloader.sources.slooh.survey import PicturePlan, Wish, survey_pictures
from downloader.transfer.batch import restore
from downloader.transfer.options import TransferOptions, TransferPolicy
from include.stand_ins.pictures import fits, jpeg, png
from include.stand_ins.secrets import secret
from include.stand_ins.slooh_server import PICTURES, Frame, Picture, SloohServer, says, serving, too_many_requests
from include.stand_ins.wire import (
    Answer,
    Fault,
    chunked,
    cut_at,
    flip_bit,
    ignore_range,
    longer,
    refuse,
    reset_at,
    shorter,
    stall_at,
)
from support.restoring import KIB, LIMITS, FakeClock, part_files, tree
from support.slooh_access import client_of, layout_of

pytestmark = [pytest.mark.usefixtures("quick_disk"), pytest.mark.timeout(60, method="thread")]

FILE = "moon.png"
HOME = "IC434/Canary One/Pictures/Canary One_moon.png"
DATA = png(300, 300)
SECRET = secret("image")
AGAIN = "run it again; what is already there is kept"
AT_SOURCE = "the file lies like this at its source; replace it there"
EXPIRED = "its signed address has expired, or is refused"
NEW_ADDRESS = "run it again: the list is asked for a new address"
ON_THE_SITE = "look at the picture on Slooh's site"


class Play:
    """A member's pictures, brought home while a script is played."""

    def __init__(self, server: SloohServer, folder: Path) -> None:
        self.server = server
        self.destination = folder / "destination"
        self.destination.mkdir()
        self.clock = FakeClock()
        self.timeouts = Timeouts(5, 0.3)

    def add(self, data: bytes = DATA, name: str = FILE) -> Picture:
        picture = Picture(1, file=name, query=f"Expires=1&Signature={SECRET}")
        picture.content = data
        self.server.add(picture)
        return picture

    def survey(self) -> PicturePlan:
        return survey_pictures(client_of(self.server, self.clock), Wish(), layout_of(self.server))

    def restore(self, found: PicturePlan | None = None, per_minute: int = 0) -> list[FileResult]:
        found = found or self.survey()
        policy = RetryPolicy(attempts=4, clock=self.clock.clock)
        images = image_client(ImageHosts(self.server.url), RequestLimit(per_minute, policy), self.timeouts)
        source = SloohSource(found.addresses, images)
        options = TransferOptions(LIMITS, policy, policy=TransferPolicy(content=PictureCheck()))
        return restore(list(found.planned), source, self.destination, options)

    def one(self) -> FileResult:
        (result,) = self.restore()
        return result

    def home(self) -> dict[str, bytes | str]:
        """Files below the destination, without their folders."""
        return {name: held for name, held in tree(self.destination).items() if held != "folder"}


@pytest.fixture
def server() -> Iterator[SloohServer]:
    with serving(SloohServer()) as served:
        yield served


@pytest.fixture
def play(server: SloohServer, tmp_path: Path) -> Play:
    return Play(server, tmp_path)


# --- what goes well ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "name", "path", "form"),
    [
        (DATA, FILE, HOME, "complete PNG"),
        (jpeg(40), "moon.jpg", "IC434/Canary One/JPEG/Canary One_moon.jpg", "complete JPEG"),
        (fits(100, 100), "moon.fits", "IC434/Canary One/FITS/Canary One_moon.fits", "complete FITS"),
    ],
)
def test_a_picture_comes_home_with_its_time(play: Play, data: bytes, name: str, path: str, form: str) -> None:
    play.add(data, name)
    result = play.one()
    assert (result.name, result.outcome, result.assurance) == (path, Outcome.DOWNLOADED, form)
    assert not result.verified
    assert play.home() == {path: data}
    assert os.stat(play.destination / path).st_mtime == 1770495330  # 2026-02-07 20:15:30 UTC


def test_what_is_home_is_not_fetched_again(play: Play) -> None:
    play.add()
    play.one()
    result = play.one()
    assert (result.outcome, result.assurance) == (Outcome.SKIPPED, "complete PNG")
    assert len(play.server.asked(FILE)) == 1


def test_pictures_and_frames_of_a_member(play: Play) -> None:
    play.server.add(*(Picture(number, mission=number % 3 + 1) for number in range(1, 31)))
    play.server.add_frames(*(Frame(number, number % 3 + 1) for number in range(1, 10)))
    found = survey_pictures(client_of(play.server), Wish(include_fits=True), layout_of(play.server))
    results = play.restore(found)
    assert [result.outcome for result in results] == [Outcome.DOWNLOADED] * 39
    assert len(play.home()) == 39


def test_an_odd_picture_comes_home_with_a_remark_and_is_not_taken_for_whole_on_the_disk(play: Play) -> None:
    """Nobody knows its size: a copy without its end may have lost that here."""
    play.add(odd := png()[:-12])
    remark = "its end chunk (IEND) is missing"
    assert [(result.outcome, result.message) for result in (play.one(), play.one())] == [
        (Outcome.DOWNLOADED, remark),
        (Outcome.SELF_HEALED, f"incomplete copy detected; {remark}"),
    ]
    assert play.home() == {HOME: odd}
    (play.destination / HOME).write_bytes(odd[:-20])
    result = play.one()
    assert (result.outcome, result.message) == (Outcome.SELF_HEALED, f"incomplete copy detected; {remark}")
    assert play.home() == {HOME: odd}


def test_a_copy_cut_short_by_somebody_else_is_healed(play: Play) -> None:
    play.add()
    play.one()
    (play.destination / HOME).write_bytes(DATA[:5000])
    result = play.one()
    assert (result.outcome, result.assurance) == (Outcome.SELF_HEALED, "complete PNG")
    assert play.home() == {HOME: DATA}


# --- what passes ------------------------------------------------------------------------------------------------------

RETRYABLE: dict[str, list[Fault | None]] = {
    "cut at the first byte": [cut_at(0)],
    "cut in the middle": [cut_at(30 * KIB)],
    "cut again and again": [cut_at(1000), cut_at(0), cut_at(999)],
    "cut, and the rest cannot be had": [cut_at(30 * KIB), ignore_range],
    "reset": [reset_at(-1), reset_at(100)],
    "stalls": [stall_at(-1), stall_at(70 * KIB)],
    "503": [refuse(503), refuse(500), refuse(503)],
    "429 with patience": [too_many_requests("30")],
    "a signed address that is refused once": [refuse(403)],
    "shorter, and its length says so": [shorter(20)],
    "shorter by far, twice": [shorter(80 * KIB), shorter(len(DATA))],
    "shorter, without a length": [lambda answer: chunked(shorter(5000)(answer))],
    "cut, without a length": [lambda answer: cut_at(5000)(chunked(answer))],
    "a flipped bit": [flip_bit(40 * KIB)],
    "a flipped bit behind a break": [cut_at(30 * KIB), flip_bit(1000)],
}


@pytest.mark.parametrize("what", RETRYABLE)
def test_what_passes_is_sat_out(play: Play, what: str) -> None:
    play.add()
    play.server.script(FILE, *RETRYABLE[what])
    result = play.one()
    assert result.ok, result.message
    assert result.assurance == "complete PNG"
    assert play.home() == {HOME: DATA}


@pytest.mark.parametrize("grant", ["honours_ranges", "announces_length"])
def test_a_server_that_grants_little(play: Play, grant: str) -> None:
    setattr(play.add(), grant, False)
    play.server.script(FILE, cut_at(30 * KIB), cut_at(50 * KIB))
    assert play.one().assurance == "complete PNG"
    assert play.home() == {HOME: DATA}


def test_what_came_before_a_break_is_not_fetched_again(play: Play) -> None:
    play.add()
    play.server.script(FILE, cut_at(50 * KIB))
    assert play.one().fetched == len(DATA)
    assert play.server.asked(FILE)[-1].headers["range"] == f"bytes={50 * KIB}-"


def test_the_next_run_goes_on_though_the_address_is_signed_anew(play: Play) -> None:
    picture = play.add()
    play.server.script(FILE, cut_at(80 * KIB), *[reset_at(-1)] * 9)
    assert not play.one().ok
    assert len(part_files(play.destination)) == 1
    picture.query = f"Expires=2&Signature={secret('another')}"
    with serving(SloohServer()) as other:
        other.add(picture)
        play.server = other
        result = play.one()
    assert (result.outcome, result.assurance) == (Outcome.RESUMED, "complete PNG")
    assert result.fetched < len(DATA)
    assert play.home() == {HOME: DATA}


def test_a_picture_that_was_replaced_between_two_runs_is_never_mixed(play: Play) -> None:
    picture = play.add()
    play.server.script(FILE, cut_at(50 * KIB), *[reset_at(-1)] * 3)
    assert not play.one().ok
    picture.content = other = png(300, 300, seed=9)
    assert play.one().ok
    assert play.home() == {HOME: other}


# --- what does not pass -----------------------------------------------------------------------------------------------

PAGE = b"<!DOCTYPE html><html>Please log in</html>"
PERMANENT: dict[str, tuple[Fault, str, bool]] = {
    "404": (refuse(404, PAGE), rf"Not found: there is no {HOME} (404); {ON_THE_SITE}", False),
    "503": (refuse(503), f"Server busy: 127.0.0.1 answered 503 for {HOME}; {AGAIN}", True),
    "403": (
        refuse(403),
        f"Credentials expired: 127.0.0.1 does not give out {HOME}: {EXPIRED}; {NEW_ADDRESS}",
        True,
    ),
    "a web page for a picture": (
        lambda answer: Answer(200, {"Content-Type": "text/html"}, PAGE),
        f"Broken content: {HOME} came as a web page; {ON_THE_SITE}",
        False,
    ),
    "JSON for a picture": (
        lambda answer: says({"apiError": True}),
        f"Broken content: {HOME} came as a message of the server (JSON); {ON_THE_SITE}",
        False,
    ),
    "nothing": (
        lambda answer: Answer(200, {}, b""),
        f"Broken content: {HOME} is empty; {AT_SOURCE}",
        False,
    ),
    "always cut short": (
        shorter(20),
        f"Broken content: {HOME} ends after {len(DATA) - 20} bytes and is not a complete PNG; {AT_SOURCE}",
        False,
    ),
    "always cut short, without a length": (
        lambda answer: chunked(shorter(1)(answer)),
        f"Truncated: {HOME} ends after {len(DATA) - 1} bytes and is not a complete PNG; {AGAIN}",
        True,
    ),
    "always damaged": (
        flip_bit(40 * KIB),
        f"Broken content: {HOME} came damaged: a chunk of the PNG has a wrong checksum; {AT_SOURCE}",
        False,
    ),
    "another host": (
        refuse(302, Location=f"https://evil.example/x?Signature={SECRET}"),
        f"Refused: {HOME} is redirected to evil.example, which is not among the hosts that may be asked; {ON_THE_SITE}",
        False,
    ),
    "compressed": (
        lambda answer: replace(answer, headers={**answer.headers, "Content-Encoding": "gzip"}),
        f"Refused: 127.0.0.1 sends {HOME} compressed, though it was asked not to; report it: it cannot be read",
        False,
    ),
}


@pytest.mark.parametrize("what", PERMANENT)
@pytest.mark.parametrize("copy", [None, DATA[:5000]], ids=["nothing there", "a bad copy there"])
def test_what_does_not_pass_fails_in_a_sentence_and_changes_nothing(
    play: Play, caplog: pytest.LogCaptureFixture, what: str, copy: bytes | None
) -> None:
    caplog.set_level(logging.DEBUG, "downloader")
    fault, message, retryable = PERMANENT[what]
    play.add()
    if copy is not None:
        (play.destination / HOME).parent.mkdir(parents=True)
        (play.destination / HOME).write_bytes(copy)
    play.server.script(FILE, *[fault] * 20)
    result = play.one()
    assert (result.message, result.retryable) == (message, retryable)
    assert {name: held for name, held in play.home().items() if not name.endswith(".part")} == (
        {} if copy is None else {HOME: copy}
    )
    assert len(play.server.asked(FILE)) <= 5
    assert SECRET not in f"{result!r} {caplog.text}"


@pytest.mark.parametrize("query", ["", "rand=1770718975.7", "size=large&v=2", ";&=&expires_not=1"])
def test_an_address_without_a_signature_that_is_refused_is_denied(play: Play, query: str) -> None:
    play.add().query = query
    play.server.script(FILE, refuse(403))
    message = f"Access denied: 127.0.0.1 does not give out {HOME} (403); {ON_THE_SITE}"
    assert play.one().message == message


@pytest.mark.parametrize(
    "query",
    [
        f"X-Amz-Signature={SECRET}",
        f"rand=1&Expires=1&Signature={SECRET}&Key-Pair-Id=K",
        f"se=2026&sig={SECRET}",
        f"token={SECRET}",
    ],
    ids=["S3", "CloudFront", "Azure", "another"],
)
def test_a_signed_address_that_is_refused_may_have_expired(play: Play, query: str) -> None:
    play.add().query = query
    play.server.script(FILE, *[refuse(403)] * 4)
    result = play.one()
    assert (result.message.partition(":")[0], result.retryable) == ("Credentials expired", True)


def test_a_bad_picture_stops_no_other(play: Play) -> None:
    play.server.add(*(Picture(number, file=f"{number}.png") for number in range(1, 11)))
    play.server.add(Picture(11, row={"imageDownloadURL": f"https://evil.example/x.png?Signature={SECRET}"}))
    play.server.add(Picture(12, row={"imageDownloadURL": None}))
    play.server.script("5.png", *[refuse(404)] * 9)
    results = play.restore()
    assert sum(result.ok for result in results) == 9
    failures = {result.name: result.message.partition(":")[0] for result in results if not result.ok}
    assert failures == {
        "picture 12": "Corrupt record",
        "picture 11": "Refused",
        "IC434/Canary One/Pictures/Canary One_5.png": "Not found",
    }
    assert SECRET not in repr(results)


def test_more_bytes_than_announced_end_nowhere(play: Play) -> None:
    play.add()
    play.server.script(FILE, longer(b"<script>"))
    result = play.one()
    assert result.ok, "what stands behind the end of a PNG does no harm"


# --- the list, while things go wrong ----------------------------------------------------------------------------------


def logging_out(server: SloohServer) -> Fault:
    def fault(answer: Answer) -> Answer:
        server.log_out()
        return says({"imageList": [], "totalCount": 0, "imageCount": 0})

    return fault


LISTINGS: dict[str, Callable[[SloohServer], list[Fault | None]]] = {
    "503 in the middle": lambda server: [None, refuse(503), refuse(503)],
    "broken in the middle": lambda server: [None, cut_at(100)],
    "logged out at once": lambda server: [logging_out(server)],
    "logged out in the middle": lambda server: [None, logging_out(server)],
    "logged out twice": lambda server: [None, logging_out(server), None, logging_out(server)],
    "a page of maintenance": lambda server: [None, lambda answer: Answer(200, {}, PAGE)],
}


@pytest.mark.parametrize("what", LISTINGS)
def test_all_pictures_come_home_whatever_happens_to_the_list(play: Play, what: str) -> None:
    play.server.add(*(Picture(number) for number in range(1, 121)))
    client = client_of(play.server, play.clock)
    client.status()
    play.server.script(PICTURES, *LISTINGS[what](play.server))
    play.server.arrives(Picture(500), Picture(501))
    found = survey_pictures(client, Wish(), layout_of(play.server))
    results = play.restore(found)
    assert all(result.ok for result in results)
    assert {str(number) for number in range(1, 121)} <= {
        file.key for file in found.planned if isinstance(file, RemoteFile)
    }
    assert len(play.home()) == len(results)


def test_the_account_s_limit_is_kept_over_list_and_pictures(play: Play) -> None:
    play.server.add(*(Picture(number) for number in range(1, 13)))
    policy = RetryPolicy(attempts=4, clock=play.clock.clock)
    limit = RequestLimit(30, policy)
    found = survey_pictures(client_of(play.server, play.clock, limit), Wish(), layout_of(play.server, batch=4))
    images = image_client(ImageHosts(play.server.url), limit)
    source = SloohSource(found.addresses, images)
    results = restore(list(found.planned), source, play.destination, TransferOptions(LIMITS, policy))
    assert all(result.ok for result in results)
    asked = len(play.server.requests)
    assert asked == 2 + 3 + 12
    assert play.clock.time - 1000 >= 2 * (asked - 1) - 0.1


def test_a_batch_that_is_stopped_does_not_sit_out_the_limit(play: Play) -> None:
    play.server.add(*(Picture(number) for number in range(1, 41)))
    found, halt = play.survey(), Halt()

    def sleep(seconds: float) -> None:
        play.clock.sleep(seconds)
        halt.set("enough")

    policy = RetryPolicy(clock=Clock(play.clock.now, sleep), halt=halt)
    images = image_client(ImageHosts(play.server.url), RequestLimit(1, policy), play.timeouts)
    source = SloohSource(found.addresses, images)
    results = restore(list(found.planned), source, play.destination, TransferOptions(LIMITS, policy))
    assert play.clock.waited <= LIMITS.threads, "somebody sat out a minute"
    assert sum(result.ok for result in results) <= 1
    assert {result.message.partition(":")[0] for result in results if not result.ok} == {"Not tried"}
