"""The in-memory source joins the suite."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from contract.source_contract import SourceContract, file_of
from downloader.remote_file import RemoteFile
from downloader.source import Capabilities, Source
from downloader.sources.memory import MemorySource


class MemorySamples:
    def __init__(self, capabilities: Capabilities) -> None:
        self.source = MemorySource({}, capabilities)

    def source_of(self, files: Mapping[str, bytes]) -> tuple[Source, list[RemoteFile]]:
        self.source = MemorySource(files, self.source.capabilities)
        return self.source, [file_of(key, number) for number, key in enumerate(files)]

    def replace(self, key: str, data: bytes) -> None:
        self.source.put(key, data)

    def nowhere(self) -> Source | None:
        return None


class TestMemory(SourceContract):
    @pytest.fixture(params=[Capabilities(), Capabilities(ranges=False, parallel_ranges=1)], ids=["ranges", "whole"])
    def samples(self, request: pytest.FixtureRequest) -> MemorySamples:
        return MemorySamples(request.param)
