"""Slooh's image host joins the suite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count

import pytest

from contract.source_contract import SourceContract, file_of, read
from downloader.errors import ObjectChanged
from downloader.remote_file import RemoteFile
from downloader.source import Source
from downloader.sources.slooh import SloohSource, image_client
from downloader.sources.slooh.hosts import ImageHosts
from downloader.transfer.streaming import open_checked
from include.stand_ins.slooh_server import Picture, SloohServer, serving
from include.stand_ins.wire import Fault
from support.slooh_access import TIMEOUTS


class SloohSamples:
    """Keys are the pictures' ids; the files are called otherwise."""

    def __init__(self, server: SloohServer) -> None:
        self._server = server
        self._numbers = count(1)
        self._pictures: dict[str, Picture] = {}

    def source_of(self, files: Mapping[str, bytes]) -> tuple[Source, list[RemoteFile]]:
        self._pictures = {key: self._picture(data) for key, data in files.items()}
        self._server.add(*self._pictures.values())
        addresses = {key: f"{self._server.image_url}/{held.file}" for key, held in self._pictures.items()}
        planned = [file_of(key, number) for number, key in enumerate(files)]
        client = image_client(ImageHosts(self._server.url), timeouts=TIMEOUTS, threads=16)
        return SloohSource(addresses, client, threads=16), planned

    def replace(self, key: str, data: bytes) -> None:
        self._pictures[key].content = data

    def nowhere(self) -> Source | None:
        return None

    def _picture(self, data: bytes) -> Picture:
        number = next(self._numbers)
        picture = Picture(number, file=f"file {number}.bin")
        picture.content = data
        return picture


class TestSlooh(SourceContract):
    etags = False

    @pytest.fixture
    def server(self) -> Iterator[SloohServer]:
        with serving(SloohServer()) as served:
            yield served

    @pytest.fixture
    def samples(self, server: SloohServer) -> SloohSamples:
        return SloohSamples(server)

    def test_an_etag_is_held_to_where_the_host_sends_one(self, server: SloohServer, samples: SloohSamples) -> None:
        source, file = self.one(samples)
        server.script("file 1.bin", tagged("one"), tagged("one"), tagged("two"), tagged("two"))
        described = replace(file, etag=source.open(file).etag)
        assert read(source, described) == read(source, file)
        with pytest.raises(ObjectChanged):
            open_checked(source, described)


def tagged(tag: str) -> Fault:
    """An answer with an ETag, which Slooh's own have not been seen to have."""
    return lambda answer: replace(answer, headers={**answer.headers, "ETag": f'"{tag}"'})
