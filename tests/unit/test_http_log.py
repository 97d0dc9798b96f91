"""What is asked for over HTTP, with signatures and all, is in no log, however much is logged."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from downloader.sources.http_request import Request
from downloader.sources.slooh import image_client
from downloader.sources.slooh_hosts import ImageHosts
from support.slooh_access import TIMEOUTS, client_of
from support.slooh_server import Picture, SloohServer, serving
from support.wire import Answer


@pytest.fixture
def server() -> Iterator[SloohServer]:
    with serving(SloohServer()) as served:
        yield served


def broken_header(answer: Answer) -> Answer:
    """A header without a name: the client below warns of it, with the whole address."""
    return replace(answer, headers={**answer.headers, "X-Broken": "1\r\n: nothing"})


def test_signed_addresses_are_in_no_log(server: SloohServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.add(Picture(1, file="1.png"))
    server.script("1.png", None, broken_header)
    images = image_client(ImageHosts(server.url), timeouts=TIMEOUTS)
    for _ in range(2):
        images.open(Request(f"{server.image_url}/1.png?Signature=topsecret", "1.png")).close()
    client_of(server).login()
    logging.getLogger("another").debug("this one is")
    assert len(server.asked("1.png")) == 2
    assert caplog.messages == ["this one is"]
