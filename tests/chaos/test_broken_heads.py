"""What the chaos runs found, byte by byte: connections that end in an answer's head, and bits of it that are wrong.

`http.client` takes a head that broke off for a whole one.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chaos.behind_proxy import at_first, proxied
from downloader.content.pictures import PictureCheck
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.results import FileResult, Outcome
from downloader.source import Source, Timeouts
from downloader.sources.drive import DriveAccess, DriveSource
from downloader.sources.s3 import S3Source
from downloader.sources.s3.minio import MinioSource, listed_file
from downloader.sources.s3.minio.pages import Listed
from downloader.sources.slooh import SloohSource, image_client
from downloader.sources.slooh.hosts import ImageHosts
from downloader.transfer.batch import restore
from downloader.transfer.options import TransferPolicy
from include.chaos.faults import Fault, NetworkTrouble
from include.chaos.proxy import Proxy
from include.stand_ins.contents import digest
from include.stand_ins.drive_server import DriveFile, DriveServer, ScanWarning
from include.stand_ins.pictures import png
from include.stand_ins.s3_servers import rclone_server
from include.stand_ins.slooh_server import Picture, SloohServer
from include.stand_ins.wire import serving
from support.restoring import quick_disk, transfer_options

__all__ = ["quick_disk"]

pytestmark = pytest.mark.usefixtures("quick_disk")

DATA = random.Random(3).randbytes(100_000)
"""A large file: a source that can describe it is asked to."""
STEP = 7


def swept(proxy: Proxy, folder: Path, until: int, restore_to: Callable[[Path], FileResult]) -> list[FileResult]:
    """The results of a restore for each byte at which the first connection is cut, while any is left to be cut."""
    results = []
    for at in range(0, until, STEP):
        proxy.begin(at_first(NetworkTrouble(at, Fault.CUT)))
        destination = folder / str(at)
        destination.mkdir()
        results.append(restore_to(destination))
    assert proxy.faults[Fault.CUT] == len(results)
    return results


def restored(source: Source, file: RemoteFile, destination: Path, data: bytes, policy: TransferPolicy) -> FileResult:
    """The result, once what is there has been held against `data`."""
    (result,) = restore([file], source, destination, replace(transfer_options(), policy=policy))
    assert (result.message, (destination / "file.png").read_bytes() == data) == ("", True)
    return result


@pytest.mark.parametrize(
    ("warned", "announced", "size"),
    [(False, True, None), (False, True, len(DATA)), (False, False, None), (True, True, None)],
)
def test_drive(tmp_path: Path, warned: bool, announced: bool, size: int | None) -> None:
    file = RemoteFile(safe_path("file.png"), size, "an-id")
    with serving(DriveServer()) as server, proxied(server.port) as (proxy, port):
        server.web_host = server.download_host = url = f"http://127.0.0.1:{port}"
        access = DriveAccess(url, url, f"{url}/drive/v3", timeouts=Timeouts(5, 5))
        warning = ScanWarning() if warned else None
        server.add(DriveFile("an-id", "any.bin", DATA, warning=warning, announces_length=announced))
        swept(
            proxy,
            tmp_path,
            1500 if warned else 500,
            lambda destination: restored(DriveSource(access), file, destination, DATA, TransferPolicy()),
        )


@pytest.mark.parametrize("announced", [False, True])
def test_slooh(tmp_path: Path, announced: bool) -> None:
    data = png(300, 300)
    file = RemoteFile(safe_path("file.png"), None, "key")
    policy = TransferPolicy(content=PictureCheck())
    with serving(SloohServer()) as server, proxied(server.port) as (proxy, port):
        server.add(Picture(1, file="one.png", content=data, announces_length=announced))
        url = f"http://127.0.0.1:{port}"

        def source() -> Source:
            client = image_client(ImageHosts(url), timeouts=Timeouts(5, 5))
            return SloohSource({"key": f"{url}/images/one.png"}, client)

        swept(proxy, tmp_path, 400, lambda destination: restored(source(), file, destination, data, policy))


def test_a_stream_without_a_length_that_breaks_behind_its_last_byte(tmp_path: Path) -> None:
    """Nothing is left to be asked for then: it is fetched anew, and does not fail."""
    data = DATA[:700]
    file = RemoteFile(safe_path("file.png"), None, "an-id")
    with serving(DriveServer()) as server, proxied(server.port) as (proxy, port):
        url = f"http://127.0.0.1:{port}"
        access = DriveAccess(url, url, f"{url}/drive/v3", timeouts=Timeouts(5, 5))
        server.add(DriveFile("an-id", "any.bin", data, announces_length=False))
        whole = brought_through(proxy, NetworkTrouble(10**6, Fault.CUT), file, access, tmp_path / "whole", data)
        behind = proxy.sent - len(b"\r\n0\r\n\r\n")
        assert whole.fetched == len(data)
        cut = brought_through(proxy, NetworkTrouble(behind, Fault.CUT), file, access, tmp_path / "cut", data)
        assert cut.fetched == 2 * len(data)


def brought_through(
    proxy: Proxy, trouble: NetworkTrouble, file: RemoteFile, access: DriveAccess, folder: Path, data: bytes
) -> FileResult:
    folder.mkdir()
    proxy.begin(at_first(trouble))
    return restored(DriveSource(access), file, folder, data, TransferPolicy())


def test_what_a_bucket_says_of_an_object(tmp_path: Path) -> None:
    """boto3 asks first, at the first connection. An ETag that was cut off is not taken for one that is not there."""
    (tmp_path / "buckets").mkdir()
    with rclone_server(tmp_path / "buckets") as server, proxied(int(server.url.rpartition(":")[2])) as (proxy, port):
        bucket = server.new_bucket({"key": DATA})
        behind = replace(server, url=f"http://127.0.0.1:{port}")
        file = RemoteFile(safe_path("file.png"), len(DATA), "key")
        results = swept(
            proxy,
            tmp_path,
            560,
            lambda destination: restored(S3Source(bucket, behind.access()), file, destination, DATA, TransferPolicy()),
        )
    assert {result.assurance for result in results} == {f"md5:{digest(DATA, 'md5')}"}


def test_a_damaged_file_is_not_kept_for_an_etag_with_a_wrong_bit(tmp_path: Path) -> None:
    """The bit may make it no checksum at all, or take its name away: the size alone would be right."""
    flips = [NetworkTrouble(at, Fault.FLIP, bit) for at in range(480, 560, 2) for bit in (1, 4, 6)]
    (tmp_path / "buckets").mkdir()
    with rclone_server(tmp_path / "buckets") as server, proxied(int(server.url.rpartition(":")[2])) as (proxy, port):
        bucket = server.new_bucket({"key": DATA})
        behind = replace(server, url=f"http://127.0.0.1:{port}")
        listed = listed_file(Listed("key", len(DATA), digest(DATA, "md5")), safe_path("file.png"))
        for number, flip in enumerate(flips):
            proxy.begin(at_first(flip))
            destination = tmp_path / str(number)
            destination.mkdir()
            (destination / "file.png").write_bytes(bytes([DATA[0] ^ 1]) + DATA[1:])
            (result,) = restore([listed], MinioSource(bucket, behind.access()), destination, transfer_options())
            assert result.outcome is not Outcome.SKIPPED, (flip, result)
            assert result.ok == ((destination / "file.png").read_bytes() == DATA), (flip, result)
    assert proxy.faults[Fault.FLIP] == len(flips)
