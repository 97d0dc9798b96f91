"""Google Drive joins the suite: without a key and with one, past a warning and without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from contract.source_contract import SourceContract
from downloader.paths import SafePath
from downloader.remote_file import RemoteFile
from downloader.source import Source, Timeouts
from downloader.sources.drive import DriveAccess, DriveSource
from include.stand_ins.drive_server import DriveFile, DriveServer, ScanWarning, serving


def access(server: DriveServer, key: str = "") -> DriveAccess:
    return DriveAccess(server.web_url, server.download_url, server.api_url, key, Timeouts(connect=5, stall=20))


class DriveSamples:
    def __init__(self, server: DriveServer, like: DriveFile, key: str) -> None:
        self._server = server
        self._like = like
        self._key = key

    def source_of(self, files: Mapping[str, bytes]) -> tuple[Source, list[RemoteFile]]:
        for key, data in files.items():
            self.replace(key, data)
        planned = [RemoteFile(SafePath(f"file-{number}"), None, key) for number, key in enumerate(files)]
        return DriveSource(access(self._server, self._key)), planned

    def replace(self, key: str, data: bytes) -> None:
        self._server.add(replace(self._like, id=key, name="any.bin", content=data))

    def nowhere(self) -> Source | None:
        return None


@pytest.fixture(scope="module")
def server() -> Iterator[DriveServer]:
    with serving(DriveServer()) as served:
        yield served


class TestDrive(SourceContract):
    etags = False
    odd_keys = (
        "1_-aB9" * 5,
        "-" * 33,
        "with space",
        "per%cent",
        "%2F",
        "ünïcode/é/e\u0301/\U0001f600",
        "plus+and&and=",
    )

    @pytest.fixture(params=["plain", "warned", "by key"])
    def samples(self, server: DriveServer, request: pytest.FixtureRequest) -> DriveSamples:
        like = DriveFile("", "", warning=ScanWarning() if request.param == "warned" else None)
        return DriveSamples(server, like, server.api_key if request.param == "by key" else "")
