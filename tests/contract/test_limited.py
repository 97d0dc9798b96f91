"""A source that is limited is a source like any other: it joins the suite."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from contract.source_contract import SourceContract, file_of
from downloader.remote_file import RemoteFile
from downloader.retry import Halt
from downloader.source import Capabilities, Source
from downloader.sources.memory import MemorySource
from downloader.transfer.limited import LimitedSource, SpeedLimit
from support.restoring import FakeClock


class LimitedSamples:
    def __init__(self, capabilities: Capabilities, bytes_a_second: float) -> None:
        self._limit = SpeedLimit(bytes_a_second, FakeClock().clock, Halt())
        self._source = MemorySource({}, capabilities)

    def source_of(self, files: Mapping[str, bytes]) -> tuple[Source, list[RemoteFile]]:
        self._source = MemorySource(files, self._source.capabilities)
        return LimitedSource(self._source, self._limit), [file_of(key, number) for number, key in enumerate(files)]

    def replace(self, key: str, data: bytes) -> None:
        self._source.put(key, data)

    def nowhere(self) -> Source | None:
        return None


class TestLimited(SourceContract):
    @pytest.fixture(params=[Capabilities(), Capabilities(ranges=False, parallel_ranges=1)], ids=["ranges", "whole"])
    def samples(self, request: pytest.FixtureRequest) -> LimitedSamples:
        return LimitedSamples(request.param, 300_000)
